"""What mkdocs cannot do: pages from outside `docs/` and the links to them, the colours of code, and `llms.txt`."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).parent.parent

#: The pages above this folder, and what they are in the site.
OUTSIDE = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")},
}

PAGES: list[Page] = []


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for name, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:
    """Keep what the index lists."""
    PAGES[:] = nav.pages
    return nav


def on_post_build(config: MkDocsConfig) -> None:
    """Write the index for agents, and the colours of code on light and on dark ground."""
    colours = [
        rule
        for theme, style in (("light", "friendly"), ("dark", "github-dark"))
        for rule in HtmlFormatter(style=style).get_token_style_defs(f'[data-bs-theme="{theme}"] .codehilite')
    ]
    Path(config.site_dir, "code.css").write_text("\n".join(colours), encoding="utf-8")
    lines = [f"- [{page.title}]({page.url})\n" for page in PAGES]
    text = f"# {config.site_name}\n\n> {config.site_description}\n\n{''.join(lines)}"
    Path(config.site_dir, "llms.txt").write_text(text, encoding="utf-8")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links lead to where the pages are in the site."""
    names = "|".join(map(re.escape, OUTSIDE))
    inside = re.sub(rf"\]\(((?:\.\./)*?)(?:\.\./)?({names})", lambda link: f"]({link[1]}{OUTSIDE[link[2]]}", markdown)
    return inside.replace("](docs/", "](")

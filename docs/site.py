"""What mkdocs cannot do: pages from outside `docs/`, notebooks as pages, and pages as Markdown with `llms.txt`."""

from __future__ import annotations

import logging
import re
import runpy
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdownify import markdownify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure import StructureItem
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent

#: The pages above this folder, and what they are in the site.
OUTSIDE = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "RELEASING.md", "SECURITY.md")},
}

#: A warning, which is an error of a strict build.
warn = logging.getLogger("mkdocs.hooks.site").warning

NAVIGATION: list[StructureItem] = []


def on_config(config: MkDocsConfig) -> None:
    """Show the version beside the name."""
    version = runpy.run_path(str(ROOT / "qovery/_version.py"))["__version__"]
    config.site_name += f" {version}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside, and a page for each notebook."""
    for name, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        page, _ = MarkdownExporter().from_filename(notebook.abs_src_path)
        files.append(File.generated(config, _page_of(notebook.src_uri), content=page))
    return files


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Keep what the index for language models lists."""
    NAVIGATION[:] = nav.items


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the pages are in the site, and describe the page by its first sentence."""
    names = "|".join(map(re.escape, OUTSIDE))
    inside = re.sub(rf"\]\(((?:\.\./)*?)(?:\.\./)?({names})", lambda link: f"]({link[1]}{OUTSIDE[link[2]]}", markdown)
    inside = re.sub(r"\]\(([^():]+\.ipynb)\)", lambda link: f"]({_page_of(link[1])})", inside.replace("](docs/", "]("))
    page.meta.setdefault("description", _first_sentence(inside))
    if not page.meta["description"]:
        warn("%s has no sentence under its title, which describes it in llms.txt", page.file.src_uri)
    return inside


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Write the page as Markdown, beside where its HTML will be."""
    text = page.markdown or ""
    if re.search(r"^::: ", text, re.MULTILINE):  # what stands there is made from docstrings
        text = markdownify(re.sub(r'<a class="headerlink".*?</a>', "", html), heading_style="ATX")
    file = Path(config.site_dir, page.file.src_uri)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def on_post_build(config: MkDocsConfig) -> None:
    """Write the index for language models."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", "", *_index(NAVIGATION)]
    Path(config.site_dir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _page_of(notebook: str) -> str:
    return notebook.removesuffix(".ipynb") + ".md"


def _first_sentence(markdown: str) -> str:
    """The first sentence of the paragraph under the title, without links and emphasis; empty if there is none."""
    found = re.match(r"\s*# .*\n+((?:[A-Za-z`\[*].*\n?)+)", markdown)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)|\*\*", r"\1", found[1] if found else "")
    return re.split(r"(?<=\.)\s", " ".join(text.split()))[0].rstrip(":")


def _index(items: Sequence[StructureItem]) -> Iterator[str]:
    """The lines for a level of the navigation: its pages, then its sections."""
    for page in items:
        if isinstance(page, Page):
            yield f"- [{page.title}]({page.file.src_uri}): {page.meta['description']}"
    for section in items:
        if section.children:
            lines = list(_index(section.children))
            yield from lines if lines[0] == "" else ["", f"## {section.title}", "", *lines]

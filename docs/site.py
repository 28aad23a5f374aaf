"""What mkdocs cannot do by itself: the pages that lie outside `docs/`, and the links to them."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent

#: The pages above this folder, and what they are in the site.
OUTSIDE = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")},
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for name, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let links lead to where the pages are in the site."""
    names = "|".join(map(re.escape, OUTSIDE))
    inside = re.sub(rf"\]\((?:\.\./)?({names})", lambda link: f"]({OUTSIDE[link[1]]}", markdown)
    return inside.replace("](docs/", "](")

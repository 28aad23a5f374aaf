"""The public surface is what the snapshot says, and every name of it says what it is for."""

from __future__ import annotations

import re

import griffe
import pytest

from test.support import ROOT
from test.tools.surface import names, text

SNAPSHOT = ROOT / "test/tools/surface.txt"
DEFINED = {target.path: target for target in names().values() if target.name != "__init__"}
FUNCTIONS = {path: target for path, target in DEFINED.items() if isinstance(target, griffe.Function)}


def test_surface__is_the_snapshot() -> None:
    """It changes on purpose: with the snapshot, which `test/tools/surface.py` regenerates, and the changelog."""
    assert text().splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", sorted(DEFINED))
def test_surface__is_documented(path: str) -> None:
    """What is public has a docstring; an attribute may be named by its class's, a member of an enum is its name."""
    target = DEFINED[path]
    if target.is_attribute and target.parent and target.parent.is_module:
        return  # a comment says it
    told = "" if target.docstring is None else target.docstring.value
    parent = target.parent
    if target.is_attribute and isinstance(parent, griffe.Class) and not told:
        told = " ".join(base for base in map(str, parent.bases) if base == "OpenEnum") or named(target.name, parent)
    assert told


@pytest.mark.parametrize("path", sorted(path for path, target in FUNCTIONS.items() if target.parameters))
def test_surface__parameters_are_explained(path: str) -> None:
    """A function names its parameters, or the function that it is a form of; a constructor's are its class's."""
    target = FUNCTIONS[path]
    told = "" if target.docstring is None else target.docstring.value
    form_of = re.sub("_with_http_info$|_without_preload_content$", "", target.name)
    if form_of != target.name:
        assert f"`{form_of}`" in told
        return
    for parameter in target.parameters:
        if not parameter.name.startswith("_") and parameter.name not in {"self", "cls", "options", "default"}:
            assert re.search(rf"\b{parameter.name}\b", told) or named(parameter.name, target.parent), parameter.name


def named(name: str, parent: object) -> str:
    """The docstrings of a class and its bases, if they name this."""
    classes = [parent, *parent.mro()] if isinstance(parent, griffe.Class) else []
    docstrings = [one.docstring.value for one in classes if one.docstring]
    return "".join(text for text in docstrings if re.search(rf"\b{name}\b", text))


def test_surface__commands() -> None:
    """The distribution names the commands."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (scripts,) = re.findall(r"^\[project\.scripts\]\n((?:.+\n)+)", project, re.MULTILINE)
    assert dict(re.findall(r'^(\S+) = "(\S+)"$', scripts, re.MULTILINE)) == {
        "qovery-sandbox": "qovery.sandbox.__main__:main",
        "qovery-secrets": "qovery.cli.main:main",
    }


def test_surface__is_in_the_reference() -> None:
    """The pages of the reference render every name that can be imported."""
    public = names()
    pages = (ROOT / "docs/reference").glob("*.md")
    rendered = re.findall(r"^::: (\S+)$", "".join(page.read_text(encoding="utf-8") for page in pages), re.MULTILINE)
    paths = {public[name].path for name in rendered if name in public} | set(rendered)
    missing = [name for name, target in public.items() if name != target.path and target.path not in paths]
    assert [name for name in missing if not public[name].path.startswith("qovery.exceptions.")] == []

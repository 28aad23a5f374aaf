"""Hints for missing extras."""

from __future__ import annotations

import importlib.metadata
import re
import shlex

import pytest
from packaging.requirements import Requirement

from qovery.extras import missing


@pytest.mark.parametrize(
    ("extra", "names"),
    [("sandbox", {"uvicorn", "httptools"}), ("socks", {"urllib3"}), ("sync", {"python-dotenv", "tqdm"})],
)
def test_hint__names_the_libraries(extra: str, names: set[str]) -> None:
    """The hint is a command with all libraries of the extra and their bounds, without the name of this package."""
    text = missing("this", extra)
    start, command = re.split(r": ", text, maxsplit=1)
    assert start == f"this needs the extra `{extra}`"
    pip, install, *arguments = shlex.split(command)
    assert (pip, install, {Requirement(text).name for text in arguments}) == ("pip", "install", names)


def test_hint__quotes_of_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker of an extra may use single or double quotes."""
    declared = ["a", "b>=1; extra == 'sync'", 'c; extra == "sync"', "d; extra == 'socks'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: declared)
    assert missing("this", "sync").endswith(': pip install "b>=1" "c"')


@pytest.mark.parametrize("declared", [None, [], ["requests", "a; extra == 'b'"]])
def test_hint__without_metadata(monkeypatch: pytest.MonkeyPatch, declared: list[str] | None) -> None:
    """If the metadata is missing, or belongs to another package of this name, the hint names the extra."""

    def requires(name: str) -> list[str] | None:
        if declared is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return declared

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert missing("this", "sync") == "this needs the extra `sync`: install it"

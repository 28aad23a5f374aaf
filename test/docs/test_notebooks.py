"""The notebooks run from the first cell to the last, and no output, stored or new, shows a value."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from test.support import PATIENCE, ROOT

VALUES = ("-of-no-account", "another-value")


def outputs(notebook: Any) -> list[str]:
    """The output of each code cell, as text and as HTML."""
    return [
        "\n".join(
            str(text)
            for output in cell.outputs
            for text in [output.get("text"), *(data for _, data in sorted(output.get("data", {}).items()))]
            if text is not None
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def lasting(text: str) -> str:
    """Remove what differs between runs: ages, and the intermediate states of a progress bar."""
    return re.sub(r"\s+", " ", re.sub(r"\b\d+ (s|min)\b|Applying.*?(\r|\n|$)", "", text))


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/**/*.ipynb")), ids=lambda path: path.stem)
def test_notebook__runs(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run reproduces the stored outputs, and no output contains a value; only the code does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    stored, notebook = (nbformat.read(path, as_version=4) for _ in range(2))
    NotebookClient(notebook, timeout=int(PATIENCE), resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert list(map(lasting, outputs(notebook))) == list(map(lasting, outputs(stored)))
    for text in [*outputs(notebook), *outputs(stored)]:
        assert not any(value in text for value in VALUES)
    assert any("<table" in text for text in outputs(notebook))

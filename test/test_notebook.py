"""The notebook runs, as it is committed, and shows no value. `python -m test.test_notebook` writes its outputs anew."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs/notebooks/secrets.ipynb"

#: What is in every value of the sandbox's seed, and what the notebook writes.
SEEDED = "made-up"
VALUES = (SEEDED, "correct horse", "battery staple", "tr0ub4dor", "not a file", "switch-", "hunter2")


def execute() -> Any:
    """The notebook, with the outputs of a kernel of this Python, whatever is installed for others."""
    notebook = nbformat.read(FILE, as_version=4)
    client = NotebookClient(notebook, timeout=120, record_timing=False, coalesce_streams=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    client.create_kernel_manager()
    assert client.km is not None
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute(cwd=str(FILE.parent), env={**os.environ, "PYTHONPATH": path})
    notebook.metadata.pop("language_info", None)  # says which Python it was
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def is_bar(output: Any) -> bool:
    return output.get("text", "").lstrip().startswith("Applying:")


def without_bars(notebook: Any) -> str:
    """What is shown but for the bars, whose speed varies; so do the ages, which are made the same."""
    text = json.dumps([output for output in outputs(notebook) if not is_bar(output)], indent=1, sort_keys=True)
    return re.sub(r"\b\d+ s\b", "0 s", text)


def test_notebook() -> None:
    """It runs without an error and a warning, shows what is committed, and shows no value."""
    committed, notebook = nbformat.read(FILE, as_version=4), execute()
    assert {(output.output_type, output.get("name")) for output in outputs(notebook)} == {
        ("execute_result", None), ("stream", "stdout"),
    }  # fmt: skip
    bars = [output.text for output in outputs(notebook) if is_bar(output)]
    assert [re.findall(r"\d+/\d+", bar) for bar in bars] == [["10/10"], ["2/2"]]
    assert without_bars(notebook) == without_bars(committed)
    sources = "".join(cell.source for cell in notebook.cells)
    for value in VALUES:
        assert value in sources or value == SEEDED
        assert value not in json.dumps([*outputs(notebook), *outputs(committed)])


if __name__ == "__main__":
    nbformat.write(execute(), FILE)

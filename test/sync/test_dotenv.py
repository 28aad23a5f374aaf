"""Reading a `.env` file, and the keys of one."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

from qovery import (
    DotenvError,
)  # fmt: skip
from qovery.sync import read_dotenv, read_dotenv_keys
from qovery.sync.desired import Desired
from qovery.sync.inventory import Inventory
from qovery.sync.planner import decide
from test.support.listed import secret

CANARY = "canary-<value>"


def test_read_dotenv__values(tmp_path: Path) -> None:
    """Comments, quotes, `export` and empty values are read, and nothing is interpolated."""
    file = tmp_path / ".env"
    file.write_text(f"# a comment\nexport A={CANARY}\n\nB='two words'\nC=\nD=${{A}}\n", encoding="utf-8")
    for source in (file, str(file), io.StringIO(file.read_text(encoding="utf-8"))):
        read = read_dotenv(source)
        values = {key: value.get_secret_value() for key, value in read.items()}
        assert values == {"A": CANARY, "B": "two words", "C": "", "D": "${A}"}
        assert CANARY not in repr(read)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", 1, "no secret"),
        (b"# nothing\n", 1, "no secret"),
        (b"A=canary\n\nA=canary\n", 3, "duplicate of the key on line 1"),
        (b"A=b\ncanary\n", 2, "without a value"),
        (b"A=b\n'canary\n", 2, "not a KEY=value line"),
        (b"A=b\nA-canary=c\n", 2, "letters, digits and _"),
        (b"A=canary\xff\n", 1, "UTF-8"),
    ],
)
def test_read_dotenv__mistakes(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    """An error names the line of each mistake, never its content."""
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(DotenvError, match=said) as caught:
        read_dotenv(file)
    assert caught.value.problems[0][0] == line
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("key", ["_JAVA_OPTIONS", "QOVERY_A", "1A"])
def test_read_dotenv__keys_of_existing_secrets(key: str) -> None:
    """Reading accepts keys that no new secret may have; the plan checks them, as it does for a mapping."""
    read = read_dotenv(io.StringIO(f"{key}=v\n"))
    new, existing = ([action.kind for action in decide(Inventory(there), Desired.read(read, None))]
                     for there in ([], [secret(key)]))  # fmt: skip
    assert (new, existing) == (["conflict"], ["update"])


def test_read_dotenv_keys__without_values(tmp_path: Path) -> None:
    """Keys are read in order, with and without values, including keys that the service reserves."""
    file = tmp_path / ".env.example"
    file.write_text("# a comment\nexport B=\nA\nQOVERY_C=<your key>\n\nD='two\nlines'\n", encoding="utf-8")
    for source in (file, str(file), io.StringIO(file.read_text(encoding="utf-8"))):
        assert read_dotenv_keys(source) == ("B", "A", "QOVERY_C", "D")


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", 1, "no secret"),
        (b"A\n\nA=canary\n", 3, "duplicate of the key on line 1"),
        (b"A=b\n'canary\n", 2, "not a KEY=value line"),
        (b"A=b\nca/nary+\n", 2, "letters, digits"),
        (b"A=canary\xff\n", 1, "UTF-8"),
    ],
)
def test_read_dotenv_keys__mistakes(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    """A line that may be part of a value is not read as a key, and is not shown."""
    file = tmp_path / ".env.example"
    file.write_bytes(content)
    with pytest.raises(DotenvError, match=said) as caught:
        read_dotenv_keys(file)
    assert caught.value.problems[0][0] == line
    assert "nary" not in f"{caught.value!r} {caught.value.__context__!r}"

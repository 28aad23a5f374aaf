"""FILE: `.env`, JSON, standard input and invalid content."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from qovery import ApiValueError, OpenApiException, SecretRequest
from qovery.cli import desired_file
from qovery.cli.desired_file import read_desired, read_keys
from qovery.sync import KEEP
from test.support.commands import CANARY

TEXT = f"A={CANARY}\n# a comment\nB=b\n"
JSON = json.dumps({"A": CANARY, "B": "b"})


def shown(desired: dict[str, Any]) -> dict[str, Any]:
    """Desired secrets with their values in the clear."""
    plain = {}
    for key, value in desired.items():
        if isinstance(value, SecretStr):
            plain[key] = value.get_secret_value()
        else:
            plain[key] = value.to_dict() if isinstance(value, SecretRequest) else value
    return plain


@pytest.mark.parametrize("name", ["file", "-"])
@pytest.mark.parametrize("encode", [str.encode, lambda text: text.encode("utf-8-sig")], ids=["plain", "BOM"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_read_desired__form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, encode: Any, ends: str) -> None:
    """The format is detected from the content, in a file or on stdin, with or without a byte order mark."""
    monkeypatch.chdir(tmp_path)
    for text, expected in (
        (TEXT, {"A": CANARY, "B": "b"}),
        (f"\n {JSON}\n", {"A": {"key": "A", "value": CANARY}, "B": {"key": "B", "value": "b"}}),
    ):
        data = encode(text.replace("\n", ends))
        (tmp_path / "file").write_bytes(data)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        desired = read_desired(name)
        assert CANARY not in repr(desired)
        assert shown(desired) == expected


def test_read_desired__json_fields(tmp_path: Path) -> None:
    """null keeps a value, and an object can have a description and a mount path."""
    file = tmp_path / "secrets.json"
    content = {
        "KEPT": None,
        "PAIR": {"value": "\U0001f511"},
        "FILE": {"value": "made-up\n", "mount_path": "/etc/token"},
        "DESCRIBED": {"value": "", "description": "a note"},
        "NOTE_ONLY": {"description": "a note"},
    }
    file.write_text(json.dumps(content))
    desired = read_desired(str(file))
    assert desired.pop("KEPT") is KEEP
    assert shown(desired) == {key: {**content[key], "key": key} for key in desired}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"A": "%s", "B": 1}', "the value of 'B' is a number: write it as text, in quotes"),
        ('{"A": "%s", "B": 1.5}', "the value of 'B' is a number"),
        ('{"A": "%s", "B": NaN}', "the value of 'B' is a number"),
        ('{"A": "%s", "B": false}', "the value of 'B' is true or false"),
        ('{"A": "%s", "B": ["%s"]}', "the value of 'B' is an array"),
        ('{"A": "%s", "B": {"%s": "x"}}', "the object of 'B' must have some of the fields value, description"),
        ('{"A": "%s", "B": {}}', "the object of 'B' must have some of the fields"),
        ('{"A": "%s", "B": {"value": 1}}', "the value of 'B' must be text"),
        ('{"A": "%s", "B": {"value": {"%s": null}}}', "the value of 'B' must be text"),
        ('{"A": "%s", "B": {"mount_path": true}}', "the mount_path of 'B' must be text"),
        ('{"A": "%s", "A": "x"}', "duplicate key 'A'"),
        ('{"A": {"value": "%s", "value": "x"}}', "duplicate key 'value'"),
        ('{"A": "%s",\n"B" "%s"}', ":2: invalid JSON: Expecting ':' delimiter"),
        ('{"A": "%s"', ":1: invalid JSON"),
        ('{"A": "%s\n"}', ":1: invalid JSON: Invalid control character"),
        ('{"A": "%s"} "%s"', ":1: invalid JSON: Extra data"),
        ("{'A': '%s'}", ":1: invalid JSON"),
        ('{"A": "%s", "B": ' + "1" * 5000 + "}", "neither text nor an object"),
        ('{"A": "%s", "B": ' + "[" * 100_000, "neither text nor an object"),
        ('{"A": "%s", "B": "\\ud83d"}', "'B' has half of a surrogate pair"),
        ('{"A": "%s", "B": {"description": "\\udc00 %s"}}', "'B' has half of a surrogate pair"),
        ('{"A": "%s", "\\ud83d": ""}', "has half of a surrogate pair"),
        ("{}", "the file contains no secrets"),
        ("", "the file contains no secrets"),
        ("# nothing\n", "the file contains no secrets"),
        ("A=%s\nA=%s\n", ":2: duplicate of the key on line 1"),
        ("%s\n", ":1: a key without a value"),
        ('["%s"]', ":1: "),
        ('"%s"', ":1: "),
        (b"\xff\xfeA\0=\0", "the file is not UTF-8 text"),
        (b"\0\1\2%s", ":1: "),
        (b"A=\xe9%s", "the file is not UTF-8 text"),
    ],
)
def test_read_desired__invalid_content(tmp_path: Path, content: Any, problem: str) -> None:
    """The error names the file and the line or the key, and shows nothing else of the content."""
    file = tmp_path / "file"
    secret = CANARY.encode() if isinstance(content, bytes) else CANARY
    text = content.replace(b"%s" if isinstance(content, bytes) else "%s", secret)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ApiValueError) as caught:
        read_desired(str(file))
    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n  # at all\n", "{}", " { } "])
def test_read_desired__allow_empty(tmp_path: Path, content: str) -> None:
    """With `allow_empty`, a file without secrets is accepted; an invalid file is not."""
    file = tmp_path / "file"
    file.write_text(content)
    assert read_desired(str(file), allow_empty=True) == {}
    file.write_text(f"{content}\nno secret at all")
    with pytest.raises(OpenApiException):
        read_desired(str(file), allow_empty=True)


def test_read_desired__too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large, or endless, is not read to its end."""
    file = tmp_path / "file"
    file.write_text(TEXT)
    monkeypatch.setattr(desired_file, "_LARGEST", len(TEXT))
    read_desired(str(file))
    file.write_text(f"{TEXT}\n")
    with pytest.raises(ApiValueError, match="file: larger than 0 MiB"):
        read_desired(str(file))


def test_read_desired__without_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed standard input is an error."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ApiValueError, match="standard input is closed"):
        read_desired("-")


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (f"A\nB=\nC={CANARY}\nQOVERY_D=\n", ("A", "B", "C", "QOVERY_D")),
        (f'{{"A": null, "B": 1, "C": ["{CANARY}"], "D": {{}}}}', ("A", "B", "C", "D")),
    ],
)
def test_read_keys(tmp_path: Path, content: str, keys: tuple[str, ...]) -> None:
    """Only the keys of a file are used."""
    file = tmp_path / ".env.example"
    file.write_text(content)
    assert read_keys(str(file)) == keys


@pytest.mark.parametrize("content", ["", "{}", f'{{"A": "{CANARY}", "A": ""}}', f"A={CANARY}\nA=\n", f"{CANARY}!"])
def test_read_keys__invalid_content(tmp_path: Path, content: str) -> None:
    """A file without keys, or with invalid content, is an error that shows none of its values."""
    file = tmp_path / ".env.example"
    file.write_text(content)
    with pytest.raises(ApiValueError, match=r"\.env\.example:") as caught:
        read_keys(str(file))
    assert CANARY not in str(caught.value)

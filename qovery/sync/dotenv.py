"""`read_dotenv`: the secrets of a `.env` file, checked line by line."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import SecretStr

from qovery.exceptions import DotenvError, MissingExtraError
from qovery.redaction import sealed
from qovery.sync.desired import refusal

if TYPE_CHECKING:
    from dotenv.parser import Binding


@sealed
def read_dotenv(source: str | os.PathLike[str] | IO[str]) -> dict[str, SecretStr]:
    """Read a `.env` file, in the syntax of python-dotenv.

    Nothing is interpolated: `${OTHER}` stays as it is. The values are `SecretStr`, so the result may be shown.

    Args:
        source: The path of a file in UTF-8, or an open text file.

    Raises:
        DotenvError: The file holds nothing, or a line cannot be read, gives a key a second time, gives it no
            value, or gives one that the service refuses. All such lines are named.
        MissingExtraError: python-dotenv is not installed.
        OSError: The file cannot be opened.
    """
    parse = _parser()
    problems: list[tuple[int, str]] = []
    secrets: dict[str, SecretStr] = {}
    lines: dict[str, int] = {}
    if isinstance(source, str | os.PathLike):
        name = str(source)
        try:
            text = Path(source).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            text = None
        if text is None:  # outside of `except`: the error holds the bytes
            raise DotenvError(name, [(1, "the file is not text in UTF-8")])
        bindings = list(parse(io.StringIO(text)))
    else:
        name = str(getattr(source, "name", "<stream>"))
        bindings = list(parse(source))
    for binding in bindings:
        line = binding.original.line + _leading_newlines(binding.original.string)
        problem = _problem(binding, lines)
        if problem:
            problems.append((line, problem))
        elif binding.key is not None:
            lines[binding.key] = line
            secrets[binding.key] = SecretStr(binding.value or "")
    if not secrets and not problems:
        problems.append((1, "the file holds no secret"))
    if problems:
        raise DotenvError(name, problems)
    return secrets


def _problem(binding: Binding, lines: dict[str, int]) -> str | None:
    """What is wrong with a line. What stands in the place of a key is not named: it may be part of a secret."""
    if binding.error:
        return "this is no KEY=value"
    if binding.key is None:
        return None
    if binding.value is None:
        return "a key without a value; for an empty one, end the line with ="
    if binding.key in lines:
        return f"the key of line {lines[binding.key]} again"
    return refusal(binding.key)


def _leading_newlines(text: str) -> int:
    """A binding starts with the blank lines before it."""
    blank = text[: len(text) - len(text.lstrip())]
    return blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def _parser() -> Callable[[IO[str]], Iterator[Binding]]:
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        raise MissingExtraError("read_dotenv needs python-dotenv: pip install 'qovery[sync]'") from None
    return parse_stream

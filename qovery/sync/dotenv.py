"""`read_dotenv`: the secrets of a `.env` file, validated line by line."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import SecretStr

from qovery.exceptions import ApiValueError, DotenvError, MissingExtraError
from qovery.redaction.sealing import sealed
from qovery.sync.desired import character_problem

if TYPE_CHECKING:
    from dotenv.parser import Binding


@sealed
def read_dotenv(source: str | os.PathLike[str] | IO[str]) -> dict[str, SecretStr]:
    """Read a `.env` file, in the syntax of python-dotenv.

    Nothing is interpolated: `${OTHER}` stays as it is. The values are `SecretStr`, so the result can be printed.

    Args:
        source: The path of a file in UTF-8, or an open text file.

    Raises:
        DotenvError: The file has no secrets or invalid lines: not KEY=value, a duplicate key, a key without a
            value, or a key with other characters than letters, digits and _. The error lists all of them, never
            their content. Whether the service accepts a new key is decided by the plan, as for a mapping.
        MissingExtraError: python-dotenv is not installed.
        OSError: The file cannot be opened.
        ApiValueError: `source` is the content of a file instead of its path.
    """
    parse = _parser()
    problems: list[tuple[int, str]] = []
    secrets: dict[str, SecretStr] = {}
    lines: dict[str, int] = {}
    if isinstance(source, str | os.PathLike):
        name = str(source)
        bindings = list(parse(io.StringIO(_text(source))))
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
        problems.append((1, "the file contains no secrets"))
    if problems:
        raise DotenvError(name, problems)
    return secrets


def _text(path: str | os.PathLike[str]) -> str:
    error: ApiValueError
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        error = DotenvError(str(path), [(1, "the file is not UTF-8 text")])
    except (OSError, ValueError):
        if not re.search("[=\n\0]", str(path)):
            raise
        error = ApiValueError("source must be the path of a file: to parse text, pass io.StringIO(text)")
    raise error  # outside of `except`: what is handled there has the bytes, or names the file


def _problem(binding: Binding, lines: dict[str, int]) -> str | None:
    """Return what is wrong with a line. The key is not named: it may be part of a secret."""
    if binding.error:
        return "not a KEY=value line"
    if binding.key is None:
        return None
    if binding.value is None:
        return "a key without a value; for an empty value, end the line with ="
    if binding.key in lines:
        return f"duplicate of the key on line {lines[binding.key]}"
    return character_problem(binding.key)


def _leading_newlines(text: str) -> int:
    """Count the blank lines that python-dotenv puts at the start of a binding."""
    blank = text[: len(text) - len(text.lstrip())]
    return blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def _parser() -> Callable[[IO[str]], Iterator[Binding]]:
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        raise MissingExtraError("read_dotenv needs python-dotenv: pip install 'qovery[sync]'") from None
    return parse_stream

"""`read_dotenv` and `read_dotenv_keys`: the secrets of a `.env` file, validated line by line."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import SecretStr

from qovery.exceptions import ApiValueError, DotenvError, MissingExtraError
from qovery.extras import missing
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
    return {key: SecretStr(value or "") for key, value in _read(source, _problem).items()}


@sealed
def read_dotenv_keys(source: str | os.PathLike[str] | IO[str]) -> tuple[str, ...]:
    """Read only the keys of a `.env` file, for example of an `.env.example`, in the order of the file.

    Unlike in `read_dotenv`, a key may lack a value or be reserved by the service.

    Args:
        source: The path of a file in UTF-8, or an open text file.

    Raises:
        DotenvError: The file has no keys or invalid lines: neither KEY nor KEY=value, a duplicate key, or a key that
            no secret can have. The error lists all of them, never their content.
        MissingExtraError: python-dotenv is not installed.
        OSError: The file cannot be opened.
        ApiValueError: `source` is the content of a file instead of its path.
    """
    return tuple(_read(source, _problem_of_key))


def _read(
    source: str | os.PathLike[str] | IO[str], problem_of: Callable[[Binding, Mapping[str, int]], str | None]
) -> dict[str, str | None]:
    parse = _parser()
    problems: list[tuple[int, str]] = []
    values: dict[str, str | None] = {}
    lines: dict[str, int] = {}
    if isinstance(source, str | os.PathLike):
        name = str(source)
        bindings = list(parse(io.StringIO(_text(source))))
    else:
        name = str(getattr(source, "name", "<stream>"))
        bindings = list(parse(source))
    for binding in bindings:
        line = binding.original.line + _leading_newlines(binding.original.string)
        problem = problem_of(binding, lines)
        if problem:
            problems.append((line, problem))
        elif binding.key is not None:
            lines[binding.key] = line
            values[binding.key] = binding.value
    if not values and not problems:
        problems.append((1, "the file contains no secrets"))
    if problems:
        raise DotenvError(name, problems)
    return values


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


def _problem(binding: Binding, lines: Mapping[str, int]) -> str | None:
    """Return what is wrong with a line. The key is not named: it may be part of a secret."""
    if binding.key is not None and binding.value is None and not binding.error:
        return "a key without a value; for an empty value, end the line with ="
    return _problem_of_key(binding, lines)


def _problem_of_key(binding: Binding, lines: Mapping[str, int]) -> str | None:
    if binding.error:
        return "not a KEY=value line"
    if binding.key is None:
        return None
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
        raise MissingExtraError(missing("read_dotenv", "sync")) from None
    return parse_stream

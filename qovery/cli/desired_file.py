"""FILE: the desired secrets, or only keys, in a `.env` file, a JSON object, or standard input."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from qovery.exceptions import ApiValueError
from qovery.printable import printable

if TYPE_CHECKING:
    from qovery.sync.desired import DesiredValue

T = TypeVar("T")

#: The name of standard input as FILE.
STDIN = "-"

#: The largest file in bytes: a larger one is a mistake.
_LARGEST = 16 * 1024 * 1024

_FIELDS = ("value", "description", "mount_path")
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "an array"}


def read_desired(file: str, *, allow_empty: bool = False) -> dict[str, DesiredValue]:
    """Read the desired secrets. No error shows any content, apart from the keys of a JSON object.

    Args:
        file: The path of a `.env` file or a JSON object, or `-` for standard input.
        allow_empty: Whether a file without secrets is accepted.

    Raises:
        ApiValueError: It has no secrets, or invalid ones.
        MissingExtraError: It is a `.env` file, and python-dotenv is not installed.
        OSError: It cannot be read.
    """
    from qovery.sync import read_dotenv

    name, text = _read(file)
    if _is_json(text):
        desired = {key: _desired(name, key, value) for key, value in _object(name, text).items()}
    elif allow_empty and not re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE).strip():
        desired = {}
    else:
        desired = dict(_with_name(read_dotenv, name, text))
    if not desired and not allow_empty:
        raise ApiValueError(f"{name}: the file contains no secrets")
    return desired


def read_keys(file: str) -> tuple[str, ...]:
    """Read the keys of a file; values need not be there.

    Raises:
        ApiValueError: It has no keys, or invalid ones.
        MissingExtraError: It is a `.env` file, and python-dotenv is not installed.
        OSError: It cannot be read.
    """
    from qovery.sync import read_dotenv_keys

    name, text = _read(file)
    keys = tuple(_object(name, text)) if _is_json(text) else _with_name(read_dotenv_keys, name, text)
    if not keys:
        raise ApiValueError(f"{name}: the file contains no keys")
    return keys


def _read(file: str) -> tuple[str, str]:
    """The name of the file in errors, and its text."""
    if file == STDIN:
        if sys.stdin is None:
            raise ApiValueError("FILE is -, but standard input is closed")
        name, data = "<stdin>", sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with open(file, "rb") as opened:
            name, data = printable(file), opened.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ApiValueError(f"{name}: larger than {_LARGEST // 1024**2} MiB")
    try:
        return name, io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        pass  # it holds the content
    raise ApiValueError(f"{name}: the file is not UTF-8 text")


def _with_name(read: Callable[[Any], T], name: str, text: str) -> T:
    stream = io.StringIO(text)
    stream.name = name  # for errors
    return read(stream)


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _object(name: str, text: str) -> dict[str, Any]:
    problem = None
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)  # type: ignore[no-any-return]  # it starts with {
    except json.JSONDecodeError as error:
        problem = f"{name}:{error.lineno}: invalid JSON: {error.msg}"
    except _DuplicateError as error:
        problem = f"{name}: duplicate key {error.args[0]!r}"
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        problem = f"{name}: the value of a key is neither text nor an object with a value"
    raise ApiValueError(problem)  # outside of `except`: what is handled there has the content


class _DuplicateError(Exception):
    """A JSON object has a key twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _DuplicateError(key)
        found[key] = value
    return found


def _desired(name: str, key: str, value: Any) -> DesiredValue:
    from qovery import SecretRequest
    from qovery.sync import KEEP

    if value is None:
        return KEEP
    if not isinstance(value, str | Mapping):
        raise ApiValueError(f"{name}: the value of {key!r} is {_KINDS[type(value)]}: write it as text, in quotes")
    fields = {"value": value} if isinstance(value, str) else _fields(name, key, value)
    if any(re.search("[\ud800-\udfff]", text or "") for text in (key, *fields.values())):
        raise ApiValueError(f"{name}: {key!r} has half of a surrogate pair, which is not text")
    return SecretRequest.from_dict({**fields, "key": key})


def _fields(name: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    known = ", ".join(_FIELDS)
    if not fields or not set(_FIELDS).issuperset(fields):
        raise ApiValueError(f"{name}: the object of {key!r} must have some of the fields {known}, and no others")
    wrong = [field for field, value in fields.items() if not isinstance(value, str | None)]
    if wrong:
        raise ApiValueError(f"{name}: the {wrong[0]} of {key!r} must be text, in quotes")
    return fields

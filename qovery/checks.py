"""Checks of settings and headers. Each returns the value to store, or raises an error that never shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import ascii_letters, digits
from typing import Any
from urllib.parse import urlsplit

from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import Masked, MaskedDict

DEFAULT_HOST = "https://api.qovery.com"

# Sets, since patterns take longer to compile than everything else here.
_IN_A_HOST_NAME = frozenset(f"{ascii_letters}{digits}_.-")
_IN_A_HEADER_NAME = frozenset(f"{ascii_letters}{digits}_!#$%&'*+.^`|~-")
_IN_A_HEADER = frozenset(map(chr, (9, *range(32, 127), *range(128, 256))))


def host_url(name: str, value: Any) -> str:
    """Return a URL that has only scheme, host name, port and path, without a trailing slash."""
    if not isinstance(value, str):
        raise ApiTypeError(f"{name} must be a URL as str, not {type(value).__name__}")
    try:
        parts = urlsplit(value.strip())
        name_of_host = parts.hostname or ""
        usable = parts.scheme in {"http", "https"} and parts.port != 0 and _is_host(name_of_host)
        usable = usable and ("[" in parts.netloc) == (":" in name_of_host)  # Python 3.10 takes anything in brackets
    except ValueError as error:
        raise_from_signal_handler(error)
        usable = False
    if not usable:
        raise ApiValueError(f"{name} must be a URL like {DEFAULT_HOST}")
    if "@" in parts.netloc or parts.query or parts.fragment or not parts.geturl().isascii():
        raise ApiValueError(
            f"{name} must be an ASCII URL of scheme, host name, port and path only: credentials have their own settings"
        )
    return parts.geturl().rstrip("/")


def _is_host(name: str) -> bool:
    if ":" in name:
        return re.fullmatch(r"[\da-f.]*:[\da-f:.]*(%\w+)?", name, re.ASCII) is not None
    return name != "" and _IN_A_HOST_NAME.issuperset(name)


def flag(name: str, value: Any) -> bool:
    """Return the truth value of `value`."""
    return bool(value)


def positive(name: str, value: Any) -> Any:
    """Return `value` if it is a number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ApiTypeError(f"{name} must be a number, not {type(value).__name__}")
    if not 0 < value < float("inf"):
        raise ApiValueError(f"{name} must be a number above 0")
    return value


def count(name: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiTypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ApiValueError(f"{name} must be at least {least}")
    return value


def retry_policy(name: str, value: Any) -> Any:
    """Return a number of retries or a `urllib3.Retry`; None is the default number."""
    if value is None:
        return 3
    if not isinstance(value, int):
        if not hasattr(value, "increment"):  # urllib3 is not imported here
            raise ApiTypeError(f"{name} must be an int or a urllib3.Retry, not {type(value).__name__}")
        return value
    if value < 0:
        raise ApiValueError(f"{name} must be 0 or more, or a urllib3.Retry")
    return int(value)


def text(name: str, value: Any) -> Any:
    """Return `value` if it is a str or None."""
    if not isinstance(value, (str, type(None))):
        raise ApiTypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def mapping(name: str, value: Any) -> dict[Any, Any]:
    """Return `value` as a new dictionary, empty for None."""
    if not isinstance(value, (Mapping, type(None))):
        raise ApiTypeError(f"{name} must be a mapping, not {type(value).__name__}")
    return dict(value or {})


def socket_options(name: str, value: Any) -> list[Any] | None:
    """Return a new list of tuples, or None."""
    try:
        return None if value is None else [tuple(option) for option in value]
    except TypeError as error:
        raise_from_signal_handler(error)
    raise ApiTypeError(f"{name} must be a list of tuples as for socket.setsockopt")


def header_key(name: str) -> str:
    """Return a header's name in lower case. The error does not show it: it may be a misplaced credential."""
    if not isinstance(name, str) or not name or not _IN_A_HEADER_NAME.issuperset(name):
        raise ApiValueError("a header name must consist of letters, digits and hyphens")
    return name.lower()


def header_text(name: str, value: str | Masked[str]) -> str:
    """Return a header's value without surrounding white space. The error does not show it."""
    if isinstance(value, Masked):  # from one of our own mappings
        value = value.reveal()
    if not isinstance(value, str):
        raise ApiTypeError(f"{name} must be a str, not {type(value).__name__}")
    text = value.strip()
    if not _IN_A_HEADER.issuperset(text):
        raise ApiValueError(f"{name} has a line break or another character that an HTTP header cannot carry")
    return text


#: The check of each setting, by name. Settings without one are stored unchanged.
SETTING_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "host": host_url,
    "api_key": mapping,
    "api_key_prefix": mapping,
    "proxy": text,
    "no_proxy": text,
    "proxy_headers": mapping,
    "socket_options": socket_options,
    "verify_ssl": flag,
    "debug": flag,
    "connection_pool_maxsize": count,
    "max_response_size": count,
    "connect_timeout": positive,
    "idle_timeout": positive,
    "read_timeout": positive,
    "total_timeout": positive,
    "retries": retry_policy,
}

#: The settings that are stored under another name, in an object that never shows them.
OPAQUE_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "access_token": Masked,
    "api_key": MaskedDict,
    "proxy": Masked,
    "proxy_headers": MaskedDict,
}


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the form in which they are stored.

    Raises:
        ApiTypeError, ApiValueError: A setting is invalid.
    """
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        check, opaque = SETTING_CHECKS.get(name), OPAQUE_SETTINGS.get(name)
        value = check(name, value) if check else value
        checked[f"_{name}" if opaque else name] = opaque(value) if opaque else value
    return checked

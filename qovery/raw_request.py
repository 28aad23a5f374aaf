"""The request and response of `RESTClientObject.request`, with the arguments of a generated client."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from qovery.checks import header_key, header_text, mapping
from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.legacy import GUIDE
from qovery.operation import Operation
from qovery.origins import raise_from_signal_handler
from qovery.snapshot import Snapshot
from qovery.transport.messages import Request, Response

_METHODS = frozenset({"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"})
_TARGET = r"(?:[/?][!-~]*)?"
_JSON = r"(?i)application/(?:[^+;]+\+)?json[ \t]*(?:;.*)?"


class RESTResponse:
    """The response that `RESTClientObject.request` returns.

    Attributes:
        status: The HTTP status.
        reason: The reason phrase.
        headers: The headers; lookup is case-insensitive.
        data: The body, decompressed; `read()` returns it too.
    """

    __slots__ = ("data", "headers", "reason", "status")

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.data = response.data

    def read(self) -> bytes:
        """The body, at each call."""
        return self.data

    def getheaders(self) -> Mapping[str, str]:
        """The headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """A header, else `default`."""
        return self.headers.get(name, default)


def raw_request(method: str, url: str, headers: Mapping[str, str] | None, body: Any, settings: Snapshot) -> Request:
    """The request for what `RESTClientObject.request` was called with.

    Raises:
        ApiTypeError, ApiValueError: An argument cannot be used. The text shows none.
    """
    started = time.monotonic()
    verb = method.upper() if isinstance(method, str) else ""
    if verb not in _METHODS:
        raise ApiValueError(f"method must be one of {', '.join(sorted(_METHODS))}")
    given = mapping("headers", headers)
    checked = {header_key(name): (name, header_text(name, value)) for name, value in given.items()}
    content = None if verb in {"GET", "HEAD"} else _content(checked, body)
    operation: Operation[Any] = Operation("request", verb, "", 200, None, idempotent=verb not in {"POST", "PATCH"})
    sent = dict(checked.values())
    return Request(
        operation,
        _target(url, settings.route.host),
        sent,
        content,
        settings.connect_timeout,
        settings.read_timeout,
        settings.total_timeout,
        started + settings.total_timeout,
        settings.max_response_size,
        True,
        [functools.partial(settings.secrets, sent), functools.partial(_texts, body)],
    )


def _target(url: str, host: str) -> str:
    """Return the part of a URL after the host of the configuration."""
    target = url[len(host) :] if isinstance(url, str) and url.startswith(host) else None
    if target is None or not re.fullmatch(_TARGET, target) or "#" in target:
        raise ApiValueError(f"url must be Configuration.host and an encoded path; see {GUIDE}#internal-methods")
    return target


def _content(headers: dict[str, tuple[str, str]], body: Any) -> bytes | None:
    """The body as bytes; as JSON, unless a header names another type."""
    if body is None:
        return None
    if "content-type" in headers and not re.fullmatch(_JSON, headers["content-type"][1]):
        if isinstance(body, (str, bytes)):
            return body.encode() if isinstance(body, str) else body
        raise ApiTypeError("body must be a str or bytes under a Content-Type that is not JSON")
    try:
        return json.dumps(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise_from_signal_handler(error)  # another text may show the body
    raise ApiTypeError("body is not JSON serializable: see ApiClient.sanitize_for_serialization")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a body, the names of fields aside."""
    if isinstance(value, (str, bytes)):
        yield value if isinstance(value, str) else value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)

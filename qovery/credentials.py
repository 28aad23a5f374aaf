"""Tokens and what is made of them: the `Authorization` header, and its renewal after the service rejected it."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic import SecretStr

from qovery.checks import header_key, header_text, mapping
from qovery.exceptions import ApiException, ApiTimeoutError, ApiValueError
from qovery.origins import from_signal_handler
from qovery.process import ProcessLock, this_process
from qovery.redaction.marks import Masked, MaskedDict, held
from qovery.redaction.sealing import mask_of

#: A token, or a callable that returns one.
Token = str | SecretStr | Callable[[], str | SecretStr]


class Credentials:
    """A token, or the callable that returns it, and its `Authorization` header.

    Args:
        name: The name of the setting, for error messages.
        given: The token or the callable.
        scheme: The word before the token in the header; None if the token may carry its own.

    Attributes:
        headers: The header that signs a request; None if the callable was not called yet.
    """

    __slots__ = ("_asking", "_held_given", "_held_headers", "_held_previous", "_lock", "_name", "_scheme")

    _given = held("_held_given")
    _previous = held("_held_previous")
    headers = held("_held_headers")

    def __init__(self, name: str, given: Token, scheme: str | None) -> None:
        self._name = name
        self._given = given  # also keeps the object alive: its id is the key in `CredentialsReader`
        self._scheme = scheme
        self._lock = ProcessLock()
        self._asking: dict[int, weakref.ref[Any]] = {}  # the processes in which a thread calls the callable
        self._previous = ""
        self.headers = None
        if not callable(given):
            self._keep(_token_text(name, given))

    def fetch(self, deadline: float) -> dict[str, str]:
        """Return the header; call the callable if there is none yet.

        Raises:
            ApiTimeoutError: Another thread runs the callable, which did not return before the deadline.
            ApiException: The callable failed.
            ApiTypeError, ApiValueError: It did not return a token.
        """
        headers: dict[str, str] | None = self.headers
        return headers or self._fetch(None, deadline)

    def renew(self, rejected: str, deadline: float) -> str | None:
        """Return a new `Authorization` after the service rejected one, or None if there is no other.

        The callable is not called again if another call has renewed the token in the meantime. Errors are those of
        `fetch`.
        """
        if not callable(self._given):
            return None
        renewed = self._fetch(rejected, deadline)["Authorization"]
        return None if renewed == rejected else renewed

    def secrets(self) -> Iterator[str]:
        """Yield what no text may show: the token, and the previous one, which a server may still quote."""
        from qovery.redaction.text_mask import credentials  # only errors need it

        yield from credentials(self._previous)
        yield from credentials(self.headers["Authorization"] if self.headers else "")

    def _fetch(self, rejected: str | None, deadline: float) -> dict[str, str]:
        process, lock = this_process(), self._lock.get()
        left = min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)
        held: list[bool] = []
        try:
            # Taken and noted in one step, which no exception of a signal handler can interrupt.
            held.extend(map(lock.acquire, (True,), (left,)))
            if not held[0]:
                raise ApiTimeoutError(reason=f"the callable for {self._name} did not return in time in another thread")
            headers: dict[str, str] | None = self.headers
            if headers is None or headers["Authorization"] == rejected:
                headers = self._keep(self._ask(process))
            return headers
        finally:
            if any(held):
                lock.release()

    def _ask(self, process: int) -> str:
        outer, mark = self._asking.get(process), set[None]()
        if outer is not None and outer() is not None:  # in this thread, which holds the lock
            raise ApiValueError(
                f"the callable for {self._name} called with the client that it belongs to: give it a client of its own"
            )
        try:
            self._asking[process] = weakref.ref(mark)  # it dies with this call, even if interrupted
            token = cast("Any", self._given)()
        except Exception as error:
            if isinstance(error, MemoryError) or from_signal_handler(error) is not None:
                raise
            text = f"{type(error).__name__}: {error}"
        else:
            return _token_text(f"{self._name} from its callable", token)
        finally:
            self._asking.pop(process, None)
        raise ApiException(reason=f"the callable for {self._name} failed: {mask_of([self.secrets])(text)}")

    def _keep(self, token: str) -> dict[str, str]:
        scheme = self._scheme
        if scheme is None:
            scheme = "" if " " in token else "Token"
        self._previous = self.headers["Authorization"] if self.headers else ""
        headers = self.headers = {"Authorization": f"{scheme} {token}" if scheme else token}
        return headers


class OverriddenCredentials:
    """The headers from an overridden `auth_settings`.

    Args:
        schemes: What it returned.
        sources: The credentials that it has used, by header.

    Raises:
        ApiTypeError, ApiValueError: A scheme is not one of a header, or its header is invalid. The error does not
            show it.
    """

    headers = held("_held_headers")

    def __init__(self, schemes: Mapping[str, Mapping[str, Any]], sources: Mapping[Masked[str], Credentials]) -> None:
        headers: dict[str, str] = {}
        for one in mapping("auth_settings", schemes).values():
            if one.get("value"):
                if one.get("in", "header") != "header" or not one.get("key"):
                    raise ApiValueError("each scheme of auth_settings must have 'in': 'header', a 'key' and a 'value'")
                key = "Authorization" if header_key(one["key"]) == "authorization" else one["key"]
                headers[key] = header_text("auth_settings", one["value"])
        self.headers = headers
        self._source = sources.get(Masked(headers.get("Authorization", "")))

    def fetch(self, deadline: float) -> dict[str, str]:
        """The headers."""
        headers: dict[str, str] = self.headers
        return headers

    def renew(self, rejected: str, deadline: float) -> str | None:
        """As that of the `Credentials` which the header is from, if any."""
        return None if self._source is None else self._source.renew(rejected, deadline)

    def secrets(self) -> Iterator[str]:
        """Those of the headers, which the request has."""
        return iter(())


class CredentialsReader:
    """Finds the credentials for a token; they stay the same while the setting holds the same object.

    So the token that a callable returned is kept between reads of the settings.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, str | None], Credentials] = {}

    def read(self, settings: Mapping[str, Any]) -> Credentials | None:
        """Return the credentials of the settings, or None: those of the access token, else of the API key."""
        token, name, scheme = settings["_access_token"].reveal(), "access_token", "Bearer"
        if token is None:
            held = dict.get(settings["_api_key"], "ApiKeyAuth")  # `get` of its own would be one more frame
            token, name = None if held is None else held.reveal(), "api_key['ApiKeyAuth']"
            scheme = settings["api_key_prefix"].get("ApiKeyAuth")
        if token is None:
            return None
        return self._known.get((name, id(token), scheme)) or self.find(name, token, scheme)

    def find(self, name: str, token: Token, scheme: str | None) -> Credentials:
        """The credentials for a token of a setting."""
        if scheme is not None:
            scheme = header_text("api_key_prefix", scheme)
        key = name, id(token), scheme
        found = self._known.get(key)
        if found is None:
            found = self._known.setdefault(key, Credentials(name, token, scheme))
            for other in list(self._known):
                if other[0] == name and other != key:
                    self._known.pop(other, None)
        return found


class _Scheme(MaskedDict[str]):
    """The header of a scheme; only its value is secret."""

    shown = frozenset({"type", "in", "format", "key"})


def scheme_entry(kind: str, value: str) -> dict[str, str]:
    """An entry of `auth_settings`."""
    form = {"format": "JWT"} if kind == "bearer" else {}
    return _Scheme({"type": kind, "in": "header", **form, "key": "Authorization", "value": value})


def is_jwt(token: str) -> bool:
    """Whether a token is a JWT: three parts, of which the first is JSON in base64."""
    parts = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return len(parts) == 3 and isinstance(header, dict)


def _token_text(name: str, value: str | SecretStr) -> str:
    """Return a token without surrounding white space. The error does not show it."""
    text = header_text(name, value.get_secret_value() if isinstance(value, SecretStr) else value)
    if not text:
        raise ApiValueError(f"{name} is empty: set a token, or leave it out")
    return text

"""Tokens and what is made of them: the checks, the `Authorization` header, and the renewal of a rejected token."""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from pydantic import SecretStr

from qovery.checks import header_text
from qovery.exceptions import ApiException, ApiTimeoutError, ApiValueError
from qovery.origins import from_signal_handler
from qovery.redaction import TextMask

#: A token, or a callable that returns one.
Token = str | SecretStr | Callable[[], str | SecretStr]


class Credentials(NamedTuple):
    """What a call signs its requests with, read once when the call starts.

    Attributes:
        source: Where the token comes from.
        scheme: The word before the token in the header; None if the token may carry its own.
    """

    source: TokenSource
    scheme: str | None

    def headers(self, deadline: float) -> dict[str, str]:
        """The header that signs a request."""
        return {"Authorization": self._header(self.source.get(deadline))}

    def renew(self, rejected: str, deadline: float) -> str | None:
        """Another `Authorization` after the service has rejected one, or None if the source has no other."""
        renewed = self._header(self.source.renew(lambda token: self._header(token) == rejected, deadline))
        return None if renewed == rejected else renewed

    def _header(self, token: str) -> str:
        if self.scheme is None:
            return token if " " in token else f"Token {token}"
        return f"{self.scheme} {token}" if self.scheme else token


class FixedHeaders(NamedTuple):
    """Headers that sign a request and cannot be renewed: what an overridden `auth_settings` returned."""

    signed: dict[str, str]

    def headers(self, deadline: float) -> dict[str, str]:
        """The headers that sign a request."""
        return self.signed

    def renew(self, rejected: str, deadline: float) -> None:
        """There are no others."""


class TokenSource:
    """One token, or the callable that returns it, whose last token is kept until the service rejects it.

    Args:
        name: The setting, for the texts of errors.
        given: The token or the callable.
    """

    __slots__ = ("_fetching", "_given", "_locks", "_name", "_token")

    def __init__(self, name: str, given: Token) -> None:
        self._name = name
        self._given = given
        self._token = None if callable(given) else token_text(name, given)
        self._locks: dict[int, threading.Lock] = {}
        self._fetching: set[tuple[int, int]] = set()

    def is_from(self, given: object) -> bool:
        """Whether this source was made from that token or callable."""
        return self._given is given

    def get(self, deadline: float) -> str:
        """The token; a callable is asked only if no token is kept."""
        return self._token or self._fetch(lambda token: False, deadline)

    def renew(self, rejected: Callable[[str], bool], deadline: float) -> str:
        """The token, asked for again if the kept one is `rejected` and a callable is there to ask."""
        if self._token is not None and not callable(self._given):
            return self._token
        return self._fetch(rejected, deadline)

    def _fetch(self, rejected: Callable[[str], bool], deadline: float) -> str:
        # Both looked up here, since a monkey patch may replace them after the import.
        here = os.getpid(), threading.get_ident()
        if here in self._fetching:
            raise ApiValueError(
                f"the callable for {self._name} called with the client that it belongs to: give it a client of its own"
            )
        # One lock a process: a fork may happen while another thread holds the parent's.
        lock = self._locks.setdefault(here[0], threading.Lock())
        if not lock.acquire(timeout=min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)):
            raise ApiTimeoutError(reason=f"the callable for {self._name} did not return in time in another thread")
        try:
            self._fetching.add(here)
            if self._token is None or rejected(self._token):
                self._token = self._ask()
            return self._token
        finally:
            self._fetching.discard(here)
            lock.release()

    def _ask(self) -> str:
        try:
            token = cast("Any", self._given)()
        except Exception as error:
            if from_signal_handler(error):
                raise
            text = f"{type(error).__name__}: {error}"
        else:
            return token_text(f"{self._name} from its callable", token)
        raise ApiException(reason=f"the callable for {self._name} failed: {TextMask([self._token or ''])(text)}")


def token_text(name: str, value: str | SecretStr) -> str:
    """A token without the white space around it, or an error that does not show it."""
    text = header_text(name, value.get_secret_value() if isinstance(value, SecretStr) else value)
    if not text:
        raise ApiValueError(f"{name} is empty: set a token, or leave it out")
    return text


def is_jwt(token: str) -> bool:
    """Whether a token is a JWT: three parts, of which the first is JSON in base64."""
    parts = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return len(parts) == 3 and isinstance(header, dict)

"""`Snapshot`: the settings of one call, read together when it starts. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import Self

from qovery.checks import positive
from qovery.credentials import Credentials, OverriddenCredentials
from qovery.exceptions import ApiValueError
from qovery.redaction.marks import PLAIN_HEADERS
from qovery.route import Route

if TYPE_CHECKING:
    import urllib3


#: A `_request_timeout`: seconds for the call, or a pair of seconds to connect and to read.
Timeout = float | tuple[float | None, float | None]


class Snapshot(NamedTuple):
    """The settings of one call: the fields after the first two are those of `Configuration` of the same name."""

    route: Route
    credentials: Credentials | OverriddenCredentials | None
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    retries: int | urllib3.Retry
    max_response_size: int
    debug: bool

    def with_timeout(self, timeout: Timeout) -> Self:
        """The same with a `_request_timeout`."""
        connect, read, total = timeouts(timeout, self.connect_timeout, self.total_timeout)
        return self._replace(connect_timeout=connect, read_timeout=read, total_timeout=total)

    def secrets(self, headers: Mapping[str, str]) -> Iterator[str]:
        """Yield the secrets of a request with these headers, which no text may show."""
        from qovery.redaction.text_mask import credentials  # only errors need it

        for name, value in headers.items():
            if name.lower() not in PLAIN_HEADERS:
                yield from credentials(value)
        yield from self.route.secrets()
        if self.credentials is not None:
            yield from self.credentials.secrets()


#: Returns the settings that a snapshot copies unchanged, in the order of its last fields.
plain_settings = itemgetter(*Snapshot._fields[2:])


def timeouts(timeout: Timeout, connect: float, total: float) -> tuple[float, float, float]:
    """Return the connect, read and total timeouts of a call with a `_request_timeout`.

    Args:
        timeout: Seconds for the call, or a pair of seconds to connect and to read.
        connect: The setting `connect_timeout`.
        total: The setting `total_timeout`.
    """
    if not isinstance(timeout, (tuple, list)):
        seconds = positive("_request_timeout", timeout)
        return min(connect, seconds), seconds, seconds
    if len(timeout) != 2:
        raise ApiValueError("_request_timeout must be a number, or a pair of seconds to connect and to read")
    first, second = (total if part is None else positive("_request_timeout", part) for part in timeout)
    return first, second, max(total, first + second)

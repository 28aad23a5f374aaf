"""Distinguish urllib3's own code from fakes and recorders that replace it, whenever they do so."""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
from collections.abc import Iterator
from typing import Any

import urllib3

from qovery.exceptions import ApiTypeError
from qovery.process import ProcessLock

#: Returns the methods of a connection class that `BoundConnection` replaces or wraps.
connection_methods = operator.attrgetter("_new_conn", "connect", "request", "getresponse")

_MANAGERS = ("PoolManager.request", "PoolManager.urlopen", "ProxyManager.request", "ProxyManager.urlopen")

#: Returns the methods of urllib3's managers that a fake may replace.
manager_methods = functools.partial(operator.attrgetter(*_MANAGERS), urllib3)


def is_own(function: Any) -> bool:
    """Whether a function is urllib3's. What was there at import may be a fake."""
    scope = getattr(function, "__globals__", {"__name__": getattr(function, "__module__", "")})  # none if compiled
    return str(scope.get("__name__")).startswith("urllib3.")


def is_own_class(kind: Any) -> bool:
    """Whether a connection class is urllib3's, and its methods too. They may be wrapped as by `functools.wraps`."""
    own = str(getattr(kind, "__module__", "")) in {"urllib3.connection", "urllib3.contrib.socks"}
    return own and all(is_own(inspect.unwrap(method)) for method in connection_methods(kind))


def checked_managers() -> tuple[Any, ...]:
    """Return `manager_methods()`.

    Raises:
        ApiTypeError: A fake replaces one, which would never be called.
    """
    with contextlib.suppress(AttributeError):
        methods: tuple[Any, ...] = manager_methods()
        if all(is_own(inspect.unwrap(method)) for method in methods):
            return methods
    raise ApiTypeError(
        "a fake of urllib3.PoolManager would never be called: replace HTTPConnectionPool.urlopen instead"
    )


class Replacements:
    """The construction of replaced connections, by one thread at a time.

    While vcrpy creates a connection, it puts urllib3's own class back, for all threads. A thread that looks the class
    up at that time would send a real request. It notices by the counts: `done` before the lookup differs from `begun`
    after it. Then it looks the class up again with `alone`. Other calls take no lock.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.done = 0
        self._lock = ProcessLock()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other thread constructs a replaced connection, and let none start."""
        with self._lock.get():
            yield

    def construct(self, kind: Any, options: dict[str, Any]) -> Any:
        """Create a connection of a class that replaces urllib3's."""
        with self.alone():
            self.begun += 1
            try:
                return kind(**options)
            finally:
                self.done += 1


#: Of the whole process, like the classes that recorders replace.
replacements = Replacements()

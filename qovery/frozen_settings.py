"""`FrozenSettings`: the settings of one call, as overridden methods of its configuration see them while they run."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from operator import attrgetter
from typing import Any

from qovery.checks import OPAQUE_SETTINGS, checked_settings
from qovery.credentials import Credentials, Token
from qovery.redaction.marks import Masked
from qovery.snapshot import Timeout, timeouts


class FrozenSettings:
    """The settings of a call. Changes by other threads do not affect them; changes by the methods themselves do.

    Attributes:
        owner: The configuration.
        settings: Its settings, as it stores them.
        started: When the call started, by `time.monotonic`.
        timeout: The `_request_timeout` of the call.
        sources: The credentials that the methods have used, by header.
        computing: Whether a setting that a subclass computes is being read.
        outer: Those that were in use before, in this thread.
    """

    __slots__ = ("__weakref__", "computing", "outer", "owner", "settings", "sources", "started", "timeout")

    def __init__(self, owner: object, settings: dict[str, Any], started: float | None, timeout: Timeout | None) -> None:
        self.owner = owner
        self.settings = settings
        self.sources: dict[Masked[str], Credentials] = {}
        self.computing = False
        self.outer = _innermost.get()()
        call = frozen(owner) if started is None else None
        self.started: float = (call.started if call else time.monotonic()) if started is None else started
        self.timeout: Timeout | None = call.timeout if call else timeout

    def computed(self, names: Iterable[str]) -> dict[str, Any]:
        """All settings, these as the subclass computes them."""
        self.computing = True
        return self.settings | checked_settings({name: getattr(self.owner, name) for name in names})


#: A weak reference: what a copied context keeps, or an interrupted thread, ends with the call.
_innermost: ContextVar[Callable[[], FrozenSettings | None]] = ContextVar("qovery_frozen", default=lambda: None)


@contextlib.contextmanager
def freeze(
    owner: object, settings: dict[str, Any], started: float | None = None, timeout: Timeout | None = None
) -> Iterator[FrozenSettings]:
    """Let a configuration show these settings in this thread. Without `started`, the deadline stays the same."""
    made = FrozenSettings(owner, settings, started, timeout)
    before = _innermost.set(weakref.ref(made))
    try:
        yield made
    finally:
        _innermost.reset(before)


def all_frozen(owner: object) -> Iterator[FrozenSettings]:
    """Yield the frozen settings of a configuration in this thread, the innermost first."""
    found = _innermost.get()()
    while found is not None:
        if found.owner is owner:
            yield found
        found = found.outer


def frozen(owner: object) -> FrozenSettings | None:
    """The innermost frozen settings of a configuration in this thread."""
    return next(all_frozen(owner), None)


def settings_of(owner: object) -> dict[str, Any]:
    """The settings of a configuration as this thread sees them."""
    found = frozen(owner)
    return owner.__dict__ if found is None else found.settings


def deadline_of(owner: Any) -> float:
    """When the call that is in progress in this thread must end, or one that starts now."""
    call = frozen(owner)
    started, timeout = (time.monotonic(), None) if call is None else (call.started, call.timeout)
    total: float = owner.total_timeout
    return started + timeouts(total if timeout is None else timeout, owner.connect_timeout, total)[2]


def header_of(owner: Any, name: str, token: Token, scheme: str | None) -> str:
    """The `Authorization` for a token of a setting. A call in progress renews it if the service rejects it."""
    credentials = owner._signers.find(name, token, scheme)
    header: str = credentials.fetch(deadline_of(owner))["Authorization"]
    for call in all_frozen(owner):
        call.sources[Masked(header)] = credentials
    return header


def setting(name: str) -> property:
    """An attribute of a configuration that holds a setting."""

    def read(owner: object) -> Any:
        try:
            return settings_of(owner)[name]
        except KeyError:
            raise AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}") from None

    return property(read, lambda owner, value: owner.update(**{name: value}))


class Overrides:
    """Turns the settings of a class into properties, and finds what replaces its members.

    A subclass may replace them, and so may a patch of a class, at any time.

    Attributes:
        members: Returns those of a class; a call does so each time.
        own: Those of the class itself.
    """

    def __init__(self, cls: type, settings: Iterable[str]) -> None:
        for name in settings:
            stored = f"_{name}" if name in OPAQUE_SETTINGS else name
            setattr(cls, stored, setting(stored))
        self._settings = sorted(settings)
        self.members: Callable[[type], tuple[object, ...]] = attrgetter(
            *self._settings, "auth_settings", "get_api_key_with_prefix"
        )
        self.own = self.members(cls)

    def settings(self, cls: type) -> list[str]:
        """The settings that a class computes, except those that only `auth_settings` reads."""
        found = zip(self._settings, self.members(cls), self.own, strict=False)
        return [name for name, member, own in found if member is not own and name not in {"access_token", "api_key"}]

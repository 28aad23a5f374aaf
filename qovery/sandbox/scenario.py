"""`Scenario`: the injected faults and the recorded requests. A reset starts a new one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from qovery.sandbox.faults import Faults

#: How many requests are recorded, and how many environments of earlier scenarios are remembered.
MAX_REQUESTS, MAX_RETIRED = 10_000, 10_000


class SeenRequest(NamedTuple):
    """A recorded request.

    Attributes:
        method: Its method.
        path: Its path.
        status: The status of the response; None if none was sent, or not yet.
        client: Its User-Agent.
        operation: The name of the operation.
        applied: Whether it was applied: a write changed the store, or a list was read.
    """

    method: str
    path: str
    status: int | None
    client: str
    operation: str
    applied: bool


@dataclass
class Entry:
    """A request in the log, which is completed after its arrival."""

    method: str
    path: str
    client: str
    operation: str
    status: int | None = None
    applied: bool = False

    def seen(self) -> SeenRequest:
        return SeenRequest(self.method, self.path, self.status, self.client, self.operation, self.applied)


class Scenario:
    """Faults, recorded requests, and the environments of earlier scenarios.

    A request belongs to the scenario in which it arrives. A late one, for an environment that a reset has
    removed, belongs to none: it consumes no fault and is not recorded.
    """

    def __init__(self, tokens: frozenset[str] | None, retired: Iterable[str] = ()) -> None:
        self.faults = Faults(tokens=tokens)
        self._entries: deque[Entry] = deque(maxlen=MAX_REQUESTS)
        self.is_over = False
        self._retired = dict.fromkeys(list(retired)[-MAX_RETIRED:])

    def next(self, environments: Iterable[str]) -> Scenario:
        """Return the scenario after a reset, which removes these environments."""
        self.is_over = True
        return Scenario(self.faults.tokens, [*self._retired, *environments])

    def has_retired(self, environment_id: str) -> bool:
        """Whether a reset has removed the environment; another one may have its id now."""
        return environment_id in self._retired

    def apart(self) -> Scenario:
        """Return a separate scenario for a late request; it is discarded."""
        return Scenario(self.faults.tokens)

    def record(self, entry: Entry) -> None:
        self._entries.append(entry)

    def requests(self) -> list[SeenRequest]:
        """The last requests, oldest first."""
        return [entry.seen() for entry in self._entries.copy()]

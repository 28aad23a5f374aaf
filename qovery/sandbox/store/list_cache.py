"""`ListCache`: caches the bodies of list responses until something changes."""

from __future__ import annotations

import threading
from typing import NamedTuple

#: The maximum size of all cached lists in bytes.
MAX_BYTES = 64 * 1024 * 1024


class CachedList(NamedTuple):
    """A list as JSON, the owners of its secrets, and their version in the database."""

    owners: tuple[str, str]
    version: object
    content: bytes


class ListCache:
    """Lists by environment; the oldest are dropped when the cache is full. Thread-safe."""

    def __init__(self) -> None:
        self._lists: dict[str, CachedList] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, environment_id: str) -> CachedList | None:
        return self._lists.get(environment_id)

    def add(self, environment_id: str, listed: CachedList) -> None:
        with self._lock:
            self._drop(environment_id)
            self._lists[environment_id] = listed
            self._bytes += len(listed.content)
            while self._bytes > MAX_BYTES:
                self._drop(next(iter(self._lists)))

    def clear(self) -> None:
        with self._lock:
            self._lists.clear()
            self._bytes = 0

    def _drop(self, environment_id: str) -> None:
        dropped = self._lists.pop(environment_id, None)
        if dropped is not None:
            self._bytes -= len(dropped.content)

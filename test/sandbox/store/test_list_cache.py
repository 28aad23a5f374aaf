"""The cache of serialised lists."""

from __future__ import annotations

import pytest

from qovery.sandbox.store import list_cache
from qovery.sandbox.store.list_cache import CachedList, ListCache


def listed(size: int) -> CachedList:
    return CachedList(("e", "p"), 1, b"x" * size)


def test_cache__keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest lists are evicted when the total size exceeds the limit; a replaced list counts once."""
    monkeypatch.setattr(list_cache, "MAX_BYTES", 10)
    cache = ListCache()
    for name, size in (("a", 4), ("b", 4), ("b", 5), ("c", 1)):
        cache.add(name, listed(size))
    assert [cache.get(name) for name in "abc"] == [listed(4), listed(5), listed(1)]
    cache.add("d", listed(3))
    assert [cache.get(name) for name in "abcd"] == [None, listed(5), listed(1), listed(3)]
    cache.add("e", listed(11))
    assert [cache.get(name) for name in "abcde"] == [None] * 5


def test_cache__clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cleared cache is empty and has its full capacity."""
    monkeypatch.setattr(list_cache, "MAX_BYTES", 10)
    cache = ListCache()
    cache.add("a", listed(10))
    cache.clear()
    assert cache.get("a") is None
    cache.add("b", listed(10))
    assert cache.get("b") == listed(10)

"""Lookups in a list of secrets: by key, dependents, mount path, kind and manager."""

from __future__ import annotations

import itertools

import pytest

from qovery import Secret
from qovery.sync.inventory import Inventory, kind_of, manager
from test.support.listed import alias, other, override, secret

BASE = secret("BASE", scope="PROJECT")
OWN = secret("OWN")


def test_find__own_before_inherited() -> None:
    """An own secret hides an inherited one with the same key, in any order of the list."""
    mine = override(BASE)
    for order in ([BASE, mine, OWN], [OWN, mine, BASE]):
        inventory = Inventory(order)
        assert inventory.find("BASE") is mine
        assert (inventory.own, inventory.inherited) == ({"BASE": mine, "OWN": OWN}, {"BASE": BASE})
        assert (inventory.keys, inventory.by_id.keys()) == ({"BASE", "OWN"}, {BASE.id, mine.id, OWN.id})


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (["BUILT_IN", "PROJECT"], "PROJECT"),
        (["BUILT_IN", "PROJECT", "ENVIRONMENT"], "ENVIRONMENT"),
        (["APPLICATION", "PROJECT"], "PROJECT"),
        (["APPLICATION", "ENVIRONMENT"], "ENVIRONMENT"),
        (["BUILT_IN", "ORGANIZATION"], "ORGANIZATION"),
    ],
)
def test_find__lowest_scope(scopes: list[str], seen: str) -> None:
    """Of several secrets with one key, the lowest scope that the environment sees wins, in any order."""
    for order in itertools.permutations(secret("A", scope=scope) for scope in scopes):
        found = Inventory(order).find("A")
        assert found is not None
        assert found.scope == seen


def test_find__inherited_and_missing() -> None:
    """An inherited secret is found; a missing key is None."""
    inventory = Inventory([BASE])
    assert (inventory.find("BASE"), inventory.find("OTHER")) == (BASE, None)


def test_dependents__transitive() -> None:
    """Dependents are aliases and overrides, and transitively theirs, each once."""
    mine = override(BASE)
    direct, indirect = alias("DIRECT", BASE), alias("INDIRECT", mine)
    inventory = Inventory([BASE, mine, direct, indirect, OWN, alias("ELSEWHERE", OWN)])
    assert [child.key for child in inventory.dependents(BASE)] == ["BASE", "DIRECT", "INDIRECT"]
    assert list(inventory.dependents(indirect)) == []


def test_dependents__cycle() -> None:
    """Aliases in a cycle, which no service should return, are dependents of each other, not of themselves."""
    a, b = alias("A", secret("B")), alias("B", secret("A"))
    assert [child.key for child in Inventory([a, b]).dependents(a)] == ["B"]


@pytest.mark.parametrize(
    ("listed", "path"),
    [
        ([secret("F", "FILE", mount_path="/own")], "/own"),
        ([secret("F", "FILE"), secret("A", "ALIAS", aliased_secret=other(secret("F"), "/by-alias"))], "/by-alias"),
        ([secret("F", "FILE")], None),
        ([secret("F", "FILE", mount_path=1)], None),
    ],
    ids=["of its own", "listed by an alias", "not listed", "no text"],
)
def test_mount_path__where_it_is_listed(listed: list[Secret], path: str | None) -> None:
    """The mount path is a field of the secret, or of its target in an alias."""
    assert Inventory(listed).mount_path(listed[0]) == path


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (secret("A", "FILE"), "FILE"),
        (secret("A", None), "VALUE"),
        (secret("A", None, aliased_secret=other(BASE)), "ALIAS"),
        (secret("A", None, overridden_secret=other(BASE)), "OVERRIDE"),
    ],
)
def test_kind__inferred(one: Secret, kind: str) -> None:
    """A kind that the service leaves out is inferred from the reference."""
    assert kind_of(one) == kind


@pytest.mark.parametrize(
    ("owned_by", "who"), [(None, None), ("", None), ("QOVERY", None), ("qovery", None), ("Doppler", "Doppler")]
)
def test_manager__other_than_qovery(owned_by: str | None, who: str | None) -> None:
    """A secret of another tool names that tool; a secret of Qovery, in any spelling, has no other manager."""
    assert manager(secret("A", owned_by=owned_by)) == who

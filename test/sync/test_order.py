"""Dependencies between the actions of a plan."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

import pytest

from qovery import Secret, SecretRequest
from qovery.sync.desired import Desired
from qovery.sync.inventory import Inventory
from qovery.sync.order import predecessors, writes_of
from qovery.sync.planner import decide
from test.support.listed import alias, other, override, secret

OWN = secret("OWN")
SHARED = secret("SHARED", scope="PROJECT")


def a_file(key: str) -> SecretRequest:
    return SecretRequest(key=key, value="content", mount_path="/file")


@pytest.mark.parametrize(
    ("existing", "values", "aliases", "waits"),
    [
        ([OWN], {"OWN": "v", "A": "v"}, {}, {}),
        ([], {"NEW": "v"}, {"A": "NEW"}, {"alias A": {"create NEW"}}),
        ([OWN], {"OWN": "v"}, {"A": "OWN"}, {}),
        ([OWN], {"OWN": a_file("OWN")}, {}, {"create OWN": {"delete OWN"}}),
        (
            [OWN, alias("A", OWN)],
            {"OWN": a_file("OWN")},
            {"A": "OWN"},
            {"create OWN": {"delete OWN"}, "alias A": {"create OWN"}},
        ),
        (
            [OWN, SHARED, alias("A", OWN)],
            {"OWN": a_file("OWN")},
            {"A": "SHARED"},
            {"delete OWN": {"delete A"}, "create OWN": {"delete OWN"}, "alias A": {"delete A"}},
        ),
        ([OWN, alias("A", OWN)], {}, {}, {"delete OWN": {"delete A"}}),
        ([OWN, alias("A", SHARED), SHARED], {}, {}, {}),
        ([SHARED, override(SHARED)], {}, {}, {}),
    ],
    ids=[
        "independent", "alias of a new secret", "alias of an existing secret", "replaced", "replaced with its alias",
        "alias that moves away", "pruned with its alias", "pruned beside another's alias", "pruned override",
    ],
)  # fmt: skip
def test_order__waits(
    existing: list[Secret], values: dict[str, Any], aliases: dict[str, str], waits: dict[str, set[str]]
) -> None:
    """A write waits for the deletion of its key, an alias for its new target, a deletion for those of its aliases."""
    desired = Desired.read(values, aliases, replace=True, prune=True, allow_empty=True)
    actions = decide(Inventory(existing), desired)
    needs = predecessors(actions)
    names = [f"{action.kind} {action.key}" for action in actions]
    assert {names[at]: {names[i] for i in before} for at, before in needs.items() if before} == waits
    assert list(TopologicalSorter(needs).static_order())
    assert {key: names[at] for key, at in writes_of(actions).items()} == {
        action.key: name for action, name in zip(actions, names, strict=True) if action.kind != "delete"
    }


@pytest.mark.parametrize("kind", ["ALIAS", "VALUE", None])
def test_order__cycle(kind: str | None) -> None:
    """Aliases in a cycle, which no service should return, are deleted in any order."""
    a, b = (secret(key, kind, aliased_secret=other(secret(of))) for key, of in (("A", "B"), ("B", "A")))
    actions = decide(Inventory([a, b]), Desired.read({}, {}, prune=True, allow_empty=True))
    assert len(list(TopologicalSorter(predecessors(actions)).static_order())) == 2

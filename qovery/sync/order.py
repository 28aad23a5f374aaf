"""`predecessors`: the dependencies among the actions of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qovery.models import Secret
from qovery.sync.action import Action


def writes_of(actions: Sequence[Action]) -> dict[str, int]:
    """The action of each key, deletions aside. An action is named by its index in the plan."""
    return {action.key: at for at, action in enumerate(actions) if action.kind != "delete"}


def predecessors(actions: Sequence[Action]) -> Mapping[int, set[int]]:
    """Return the actions that must come before each action, for `graphlib.TopologicalSorter`. There are no cycles."""
    needs: dict[int, set[int]] = {at: set() for at in range(len(actions))}
    deleted = {at: action.secret for at, action in enumerate(actions) if action.kind == "delete" and action.secret}
    by_key = {secret.key: at for at, secret in deleted.items()}
    by_id = {secret.id: at for at, secret in deleted.items()}
    writes = writes_of(actions)
    for at, secret in deleted.items():
        target = _target_id(secret)
        if target in by_id and not _target_id(deleted[by_id[target]]):  # an alias of an alias could be in a cycle
            needs[by_id[target]].add(at)
    for key, at in writes.items():
        action = actions[at]
        if key in by_key:
            needs[at].add(by_key[key])
        if action.kind == "alias" and action.secret is None and action.target in writes:
            needs[at].add(writes[action.target])
    return needs


def _target_id(secret: Secret) -> str:
    return secret.aliased_secret.id if secret.aliased_secret is not None else ""

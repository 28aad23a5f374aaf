"""`Order`: the dependencies among the actions of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from qovery.sync.action import Action


class Order:
    """The dependencies among actions. An action is named by its index in the plan.

    Attributes:
        writes: The action of each key, deletions aside.
        needs: The actions that must come before each action.
        needed_by: The actions that wait for each action.
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        deleted = [
            (at, action.secret) for at, action in enumerate(actions) if action.kind == "delete" and action.secret
        ]
        by_key = {secret.key: at for at, secret in deleted}
        by_id = {secret.id: at for at, secret in deleted}
        self.writes = {action.key: at for at, action in enumerate(actions) if action.kind != "delete"}
        self.needs: list[set[int]] = [set() for _ in actions]
        self.needed_by: list[list[int]] = [[] for _ in actions]
        for at, secret in deleted:
            if secret.aliased_secret is not None and secret.aliased_secret.id in by_id:
                self._must_follow(by_id[secret.aliased_secret.id], at)
        for key, at in self.writes.items():
            if key in by_key:
                self._must_follow(at, by_key[key])
            target = actions[at].target
            if actions[at].kind == "alias" and actions[at].secret is None and target in self.writes:
                self._must_follow(at, self.writes[target])

    def _must_follow(self, later: int, earlier: int) -> None:
        self.needs[later].add(earlier)
        self.needed_by[earlier].append(later)

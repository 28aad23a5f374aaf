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
        deletes = {action.key: at for at, action in enumerate(actions) if action.kind == "delete"}
        self.writes = {action.key: at for at, action in enumerate(actions) if action.kind != "delete"}
        by_id = {_id(actions[at]): at for at in deletes.values()}
        self.needs: list[set[int]] = [set() for _ in actions]
        self.needed_by: list[list[int]] = [[] for _ in actions]
        for at, action in enumerate(actions):
            if action.kind == "delete":
                other = action.secret.aliased_secret if action.secret else None
                if other is not None and other.id in by_id:
                    self._must_follow(by_id[other.id], at)
            elif action.key in deletes:
                self._must_follow(at, deletes[action.key])
            if action.kind == "alias" and action.target in self.writes:
                target = self.writes[action.target]
                if actions[target].kind == "create" or action.secret is None:
                    self._must_follow(at, target)

    def _must_follow(self, later: int, earlier: int) -> None:
        self.needs[later].add(earlier)
        self.needed_by[earlier].append(later)


def _id(action: Action) -> str | None:
    return action.secret.id if action.secret is not None else None

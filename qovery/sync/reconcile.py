"""Use another list to find the outcome of uncertain actions, and what to send instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qovery.exceptions import ApiException
from qovery.models import Secret
from qovery.sync.action import Action
from qovery.sync.desired import Desired
from qovery.sync.inventory import Inventory
from qovery.sync.outcome import by_key, is_hopeless, succeeded
from qovery.sync.planner import decide
from qovery.sync.report import Result


def is_uncertain(error: ApiException) -> bool:
    """Whether another list can tell more about the outcome, or about what to send instead, than the error."""
    return error.outcome_unknown or is_hopeless(error) or error.status in {400, 403, 404, 409}


class Reconciliation:
    """Compares failed actions with a new list."""

    def __init__(self, inventory: Inventory, desired: Desired) -> None:
        self._inventory = inventory
        self._writes: Mapping[str, Action]
        self._deletes: Mapping[str, Action]
        self._writes, self._deletes = by_key(decide(inventory, desired))

    def decide(self, action: Action, failure: Result) -> Action | Result:
        """Return the action to send, or the final result: the failure, unless the list shows that it is done."""
        now = (self._deletes if action.kind == "delete" else self._writes).get(action.key)
        if action.kind == "delete":
            return self._delete(action, now, failure)
        return self._write(action, now, failure)

    def _delete(self, action: Action, now: Action | None, failure: Result) -> Action | Result:
        if action.secret is None or action.secret.id not in self._inventory.by_id:
            return succeeded(action, action.reason)
        same = now is not None and _id_of(now.secret) == action.secret.id
        if same and now is not None and set(now.cascades) <= set(action.cascades) and _did_not_run(failure):
            return action
        return failure

    def _write(self, action: Action, now: Action | None, failure: Result) -> Action | Result:
        if now is None or now.kind == "conflict" or action.key in self._deletes:
            return failure
        if now.kind == "keep":
            return succeeded(action, now.reason, now.secret)
        if now.kind == action.kind and _id_of(now.secret) == _id_of(action.secret):
            return action if _did_not_run(failure) else failure
        existed = action.kind == "create" and now.kind != "create"
        return replace(now, reason=f"existed already; {now.reason}" if existed else now.reason)


def _did_not_run(failure: Result) -> bool:
    """Whether an action that the list shows as not applied was lost or not sent, rather than rejected."""
    error = failure.error
    return isinstance(error, ApiException) and (error.outcome_unknown or error.status is None)


def _id_of(secret: Secret | None) -> str | None:
    return None if secret is None else secret.id

"""Adapt the actions of a plan to a new list. Nothing is deleted that the plan does not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qovery.sync.action import Action
from qovery.sync.desired import Desired
from qovery.sync.inventory import Inventory
from qovery.sync.outcome import by_key, skipped, succeeded
from qovery.sync.planner import decide
from qovery.sync.report import Result


def adapted(
    actions: Sequence[Action], inventory: Inventory, desired: Desired
) -> Iterator[tuple[Action, Result | None]]:
    """Yield each action as it is now, with its result if nothing needs to be sent for it."""
    writes, deletes = by_key(decide(inventory, desired))
    named = {action.secret.id for action in actions if action.kind == "delete" and action.secret}
    for action in actions:
        if action.kind == "conflict":
            yield action, Result("skipped", action.kind, action.key, action.reason, action.secret)
        elif action.kind == "delete":
            yield _deletion(action, deletes.get(action.key), inventory)
        else:
            first = deletes.get(action.key)
            unnamed = first if first is not None and first.secret and first.secret.id not in named else None
            yield _write(action, writes.get(action.key), unnamed, inventory)


def _deletion(action: Action, now: Action | None, inventory: Inventory) -> tuple[Action, Result | None]:
    if action.secret is None or action.secret.id not in inventory.by_id:
        return action, succeeded(action, "already deleted")
    if now is None or now.secret is None or now.secret.id != action.secret.id:
        return action, skipped(action, "drift: no longer to be deleted")
    if not set(now.cascades) <= set(action.cascades):
        more = ", ".join(sorted(set(now.cascades) - set(action.cascades)))
        return action, skipped(action, f"drift: {more} would be deleted with it")
    return now, None


def _write(
    action: Action, now: Action | None, deletion: Action | None, inventory: Inventory
) -> tuple[Action, Result | None]:
    """Adapt a write; `deletion` would have to come first, and the plan does not name it."""
    if now is None:
        if action.secret is not None and action.secret.id in inventory.by_id:
            return action, succeeded(action, action.reason)
        return action, skipped(action, "drift: no longer exists")
    if now.kind == "conflict":
        return action, skipped(action, f"drift: {now.reason}")
    if deletion is not None:
        return action, skipped(action, f"drift: {deletion.reason}")
    return now, succeeded(now, now.reason) if now.kind == "keep" else None

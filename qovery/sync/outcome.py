"""The `Result` of an action, from its outcome. Independent of `Job`."""

from __future__ import annotations

from collections.abc import Iterable

from qovery.exceptions import ApiConnectionError, SkippedError, SyncError, UnauthorizedException
from qovery.models import Secret
from qovery.sync.action import Action
from qovery.sync.report import Result


def success(action: Action, response: Secret | None) -> Result:
    """The result of an action whose call succeeded."""
    if action.kind == "create" and response is not None and response.aliased_secret is not None:
        reason = f"the service created an alias, since the value equals the key {response.aliased_secret.key}"
        return Result("succeeded", "alias", action.key, reason, response)
    base = response.overridden_secret if response is not None else None
    wanted = action.request.mount_path if action.request is not None else None
    if action.kind == "override" and wanted and base is not None and base.mount_path != wanted:
        error = SyncError(f"override of {action.key}: the file is mounted at {base.mount_path}, not at {wanted}")
        return Result("failed", action.kind, action.key, action.reason, response, error)
    return Result("succeeded", action.kind, action.key, action.reason, response)


def existing(action: Action) -> Secret | None:
    """The existing secret under the action's own key; an alias that is not created yet has none."""
    return None if action.kind == "alias" else action.secret


def succeeded(action: Action, reason: str, secret: Secret | None = None) -> Result:
    """The result of an action that needs no call, or whose success a list shows."""
    return Result("succeeded", action.kind, action.key, reason, secret or existing(action))


def failed(action: Action, error: Exception) -> Result:
    """The result of an action that failed, or whose outcome is unknown."""
    return Result("failed", action.kind, action.key, action.reason, existing(action), error.with_traceback(None))


def skipped(action: Action, reason: str) -> Result:
    """The result of a planned action that was not sent."""
    error = SkippedError(f"{action.kind} of {action.key} was skipped: {reason}")
    return Result("skipped", action.kind, action.key, reason, existing(action), error)


def is_hopeless(error: Exception) -> bool:
    """Whether other calls will fail too, unless a list succeeds."""
    return isinstance(error, UnauthorizedException) or (
        isinstance(error, ApiConnectionError) and not error.outcome_unknown
    )


def by_key(actions: Iterable[Action]) -> tuple[dict[str, Action], dict[str, Action]]:
    """The writes and the deletions by key."""
    writes: dict[str, Action] = {}
    deletes: dict[str, Action] = {}
    for action in actions:
        (deletes if action.kind == "delete" else writes)[action.key] = action
    return writes, deletes

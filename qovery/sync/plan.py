"""`plan_secrets`, and the `Plan` that it makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from pydantic import SecretStr

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.exceptions import ApiValueError, ApplyInterrupted, PlanConflictError
from qovery.models import SecretRequest
from qovery.models.secret_table import COLUMNS, secret_cells
from qovery.redaction import sealed
from qovery.sync.action import SIGNS, Action
from qovery.sync.apply import Job
from qovery.sync.desired import Desired
from qovery.sync.planner import decide
from qovery.sync.progress import Progress, reporting
from qovery.sync.report import Report
from qovery.sync.service import Service
from qovery.table import ShownAsTable, Table


@sealed
def plan_secrets(
    api: EnvironmentSecretApi,
    environment_id: str | UUID,
    desired: Mapping[str, str | SecretStr | SecretRequest],
    *,
    aliases: Mapping[str, str] | None = None,
    prune: bool = False,
    replace: bool = False,
    allow_key_like_values: bool = False,
) -> Plan:
    """Compare what an environment has with what it should have. One list is sent, and nothing is changed.

    Args:
        api: The API to list with, and to apply with.
        environment_id: The environment.
        desired: Its secrets by key. A `SecretRequest` is for files and descriptions; its key must be the same.
        aliases: Its aliases: each key, and the key that it stands for.
        prune: Delete own secrets that are not desired; never inherited ones, nor what others manage.
        replace: Delete and make anew what cannot be edited: another kind, mount path or target. What the service
            deletes with it is in `Action.cascades`; the desired part of that is made again.
        allow_key_like_values: Write values that are the name of a key, which the service may make aliases.

    Raises:
        ApiTypeError, ApiValueError: The desired state cannot be used; nothing was sent.
        ApiException: The list failed.
    """
    wanted = Desired.read(desired, aliases, prune=prune, replace=replace, allow_key_like_values=allow_key_like_values)
    return Plan(Service(api, environment_id), wanted)


class Plan(ShownAsTable):
    """What would be done to an environment. `print` and notebooks show it as a table, without values.

    Attributes:
        actions: The actions, by key in the order of the desired state; what is pruned comes last.
        report: What became of the last `apply`; None before it.
    """

    def __init__(self, service: Service, desired: Desired) -> None:
        self._service = service
        self._desired = desired
        self.actions: tuple[Action, ...] = decide(service.inventory(), desired)
        self.report: Report | None = None

    def __repr__(self) -> str:
        return f"<Plan: {self._summary()}>"

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython takes a class's own, and there is a `__repr__`

    @property
    def conflicts(self) -> tuple[Action, ...]:
        """The actions that are conflicts."""
        return tuple(action for action in self.actions if action.kind == "conflict")

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that would write."""
        return tuple(action for action in self.actions if action.kind not in {"keep", "conflict"})

    def apply(self, max_workers: int = 8, *, progress: bool | Progress = False, skip_conflicts: bool = False) -> Report:
        """Do it, in the order of dependency, and say what became of each action.

        The secrets are listed again first. What has changed since the plan is taken into account; a deletion
        that the plan does not name is not done. A failure does not stop what does not depend on it. A write
        whose answer was lost is looked up in another list before it counts as failed.

        Args:
            max_workers: How many calls may run at once.
            progress: True for a bar by tqdm, or a callable that takes how many are done, how many there are, and
                the `Result`; it is called in this thread.
            skip_conflicts: Apply the rest of a plan that has conflicts.

        Raises:
            PlanConflictError: The plan has conflicts; nothing was sent.
            MissingExtraError: tqdm is not installed; nothing was sent.
            ApiException: The first list failed; nothing was changed.
            ApplyInterrupted: Ctrl-C. What was running was waited for; the report is on the exception and on
                the plan.
        """
        if not isinstance(max_workers, int) or max_workers < 1:
            raise ApiValueError(f"max_workers must be a number from 1, not {max_workers!r}")
        if self.conflicts and not skip_conflicts:
            keys = ", ".join(action.key for action in self.conflicts)
            raise PlanConflictError(f"the plan has conflicts, so nothing was applied: {keys}", self.conflicts)
        job = Job(self._service, self._desired, self.actions)
        with reporting(progress, len(self.actions)) as tell:
            interrupted = False
            try:
                job.run(max_workers, tell)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                self.report = job.report()
        if interrupted:
            raise ApplyInterrupted(self.report)
        return self.report

    def _summary(self) -> str:
        counts = Counter(action.kind for action in self.actions)
        return ", ".join(f"{counts[kind]} {kind}" for kind in SIGNS if counts[kind]) or "nothing to do"

    def _table(self) -> Table:
        rows = []
        for action in self.actions:
            # An alias meets its target; what stands under its own key is not there yet.
            scope, kind, target, age = secret_cells(None if action.kind == "alias" else action.secret)
            rows.append(
                (
                    action.key,
                    f"{SIGNS[action.kind]} {action.kind}",
                    scope,
                    kind,
                    target or action.target or "",
                    age,
                    _why(action),
                )
            )
        return Table(f"Plan: {self._summary()}", ("key", "action", *COLUMNS[1:], "reason"), rows)


def _why(action: Action) -> str:
    return f"{action.reason}; deletes {', '.join(action.cascades)} with it" if action.cascades else action.reason

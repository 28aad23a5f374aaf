"""`plan_secrets`, and the `Plan` that it returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.checks import positive
from qovery.exceptions import ApiTypeError, ApiValueError, ApplyInterrupted, PlanConflictError
from qovery.models.secret_table import COLUMNS, secret_cells
from qovery.redaction.sealing import sealed
from qovery.sync.action import SIGNS, Action, ActionKind
from qovery.sync.apply import Job
from qovery.sync.desired import Desired, DesiredValue, Existing
from qovery.sync.export import Exported
from qovery.sync.planner import decide
from qovery.sync.progress import Progress, reporting
from qovery.sync.report import Report
from qovery.sync.service import Service
from qovery.sync.state_file import StateFile
from qovery.sync.value_checks import ValueRule
from qovery.table import ShownAsTable, Table


@sealed
def plan_secrets(
    api: EnvironmentSecretApi,
    environment_id: str | UUID,
    desired: Mapping[str, DesiredValue],
    *,
    aliases: Mapping[str, str] | None = None,
    renames: Mapping[str, str] | None = None,
    existing: Existing | Mapping[str, Existing] = "update",
    prune: bool = False,
    prune_prefix: str | tuple[str, ...] | None = None,
    prune_recorded: bool = False,
    replace: bool = False,
    allow_key_like_values: bool = False,
    allow_empty: bool = False,
    allow: Mapping[str, Collection[ValueRule]] | None = None,
    state: StateFile | None = None,
) -> Plan:
    """Compare an environment with its desired state. Sends one list request, and changes nothing.

    Args:
        api: The API to list and apply with.
        environment_id: The id of the environment.
        desired: The desired secrets by key. Use a `SecretRequest` for files and descriptions; its key must match.
            `KEEP`, or a request without a value, keeps the value of a secret that must exist. A callable makes the
            value of a new secret; the key must have the policy `keep`.
        aliases: The desired aliases: each key, and the key of its target.
        renames: Own secrets to rename: each old key, and its new key. Values and aliases are kept, unless the new
            key is desired with another value.
        existing: The policy for desired keys that the environment already sees, for all keys or by key: `update`
            writes the value, `keep` leaves the secret unchanged, `fail` is a conflict.
        prune: Delete own secrets that are not desired; never inherited ones, nor those that other tools manage.
        prune_prefix: Prune only secrets whose key starts with this prefix, or with one of them.
        prune_recorded: Prune only secrets that the state file knows: those that an apply with it has written.
        replace: Delete and recreate what cannot be edited: another kind, mount path or target. `Action.cascades`
            has what the service deletes with it; the desired part of that is recreated.
        allow_key_like_values: Write values that equal a key. The service may turn these secrets into aliases.
        allow_empty: Accept an empty desired state with `prune`, which deletes all own secrets.
        allow: The rules for values that keys may break, for example `{"API_KEY": {"whitespace"}}`. Any other value
            that breaks a rule is a conflict whose reason names the rule.
        state: A state file. A secret that is unchanged since the last write is kept without a request, and one that
            was changed elsewhere is written again and reported as drift. An apply records what it has written.

    Raises:
        ApiTypeError, ApiValueError: The desired state is invalid; nothing was sent.
        ApiException: The list request failed.
    """
    if state is not None and not isinstance(state, StateFile):
        raise ApiTypeError(f"state must be a StateFile, not {type(state).__name__}")
    service = Service(api, environment_id)
    wanted = Desired.read(
        desired,
        aliases,
        renames=renames,
        existing=existing,
        prune=prune,
        prune_prefix=prune_prefix,
        prune_recorded=prune_recorded,
        replace=replace,
        allow_key_like_values=allow_key_like_values,
        allow_empty=allow_empty,
        allow=allow,
        recorded=None if state is None else state.read(service.host, environment_id),
    )
    return Plan(service, wanted, state)


class Plan(ShownAsTable, Exported):
    """The actions that lead to the desired state. `print` and notebooks show them as a table, without values.

    Attributes:
        actions: The actions in the order of the desired keys; pruned secrets come last.
        report: The report of the last `apply`; None before it.
    """

    def __init__(self, service: Service, desired: Desired, state: StateFile | None = None) -> None:
        self._service = service
        self._state = state
        self._desired = desired
        self._inventory = service.inventory()
        self.actions: tuple[Action, ...] = decide(self._inventory, desired)
        self.report: Report | None = None

    def __repr__(self) -> str:
        return f"<Plan: {self._summary()}>"

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython prefers a class's own `__repr__` to this, if inherited

    @property
    def host(self) -> str:
        """The host that the plan was made for. An apply to another one raises `PlanHostError`."""
        return self._service.host

    @property
    def environment_id(self) -> str:
        """The id of the environment that the plan was made for."""
        return str(self._service.environment_id)

    @property
    def conflicts(self) -> tuple[Action, ...]:
        """The actions that are conflicts."""
        return tuple(action for action in self.actions if action.kind == "conflict")

    @property
    def drift(self) -> tuple[Action, ...]:
        """The actions for secrets that were changed elsewhere since the last apply, as far as a state file knows."""
        return tuple(action for action in self.actions if action.drift)

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that would write."""
        return tuple(action for action in self.actions if action.kind not in {"keep", "conflict"})

    def apply(
        self,
        max_workers: int = 8,
        *,
        progress: bool | Progress = False,
        skip_conflicts: bool = False,
        timeout: float | None = None,
        strict: bool = False,
    ) -> Report:
        """Apply the plan in the order of dependencies, and return the result of each action.

        The secrets are listed again first, and drift since the plan is taken into account. Nothing is deleted
        that the plan does not name. Deletions come last, after another list, together with the writes that
        replace deleted secrets. A failure does not stop independent actions. After a write with a lost
        response, another list decides whether it was applied; if not, it is sent again. A rate limit slows down
        all jobs of the client. The apply stops early if the service rejects the token or cannot be reached any more.

        Args:
            max_workers: The maximum number of concurrent calls.
            progress: True for a tqdm bar, or a callable that takes the number of finished actions, the total, and
                the `Result` of the last one; it is called in this thread.
            skip_conflicts: Skip conflicts and apply the rest of the plan.
            timeout: The maximum seconds for the whole apply. The report names everything that is unfinished then.
            strict: Apply nothing if the list differs from the one that the plan is based on.

        Raises:
            PlanConflictError: The plan has conflicts; nothing was sent.
            PlanChangedError: With `strict`, the environment has changed since the plan; nothing was written.
            PlanHostError: The client's host is not the one that the plan was made for.
            MissingExtraError: tqdm is not installed; nothing was sent.
            ApiException: The first list request failed; nothing was changed.
            ApplyInterrupted: Ctrl-C. Running calls were waited for; the report is on the exception and on the plan.
        """
        if not isinstance(max_workers, int) or max_workers < 1:
            raise ApiValueError(f"max_workers must be a positive integer, not {max_workers!r}")
        if self.conflicts and not skip_conflicts:
            keys = ", ".join(action.key for action in self.conflicts)
            raise PlanConflictError(f"the plan has conflicts, so nothing was applied: {keys}", self.conflicts)
        if timeout is not None:
            positive("timeout", timeout)
        job = Job(self._service, self._desired, self.actions, timeout, self._inventory if strict else None)
        return self._run(job, max_workers, progress)

    def _apply_now(self) -> Report:
        """Apply the plan of one key, which was just made, without another list at the start."""
        return self._run(Job(self._service, self._desired, self.actions, listed=self._inventory), 1, False)

    def _run(self, job: Job, max_workers: int, progress: bool | Progress) -> Report:
        with reporting(progress, len(self.actions)) as notify:
            interrupted = False
            try:
                job.run(max_workers, notify)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                self.report = job.report()
                if self._state is not None:
                    self._state.record(self._service.host, self._service.environment_id, job.written)
        if interrupted:
            raise ApplyInterrupted(self.report)
        return self.report

    def _fields(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "environment_id": self.environment_id,
            "summary": self._counts(),
            "actions": [action._fields() for action in self.actions],
        }

    def _summary(self) -> str:
        return ", ".join(f"{count} {kind}" for kind, count in self._counts().items() if count) or "nothing to do"

    def _counts(self) -> dict[ActionKind, int]:
        """The number of actions of each kind, in the order of summaries."""
        counts = Counter(action.kind for action in self.actions)
        return {kind: counts[kind] for kind in SIGNS}

    def _table(self) -> Table:
        rows = []
        for action in self.actions:
            # The secret of an alias is its target; the alias itself does not exist yet.
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
    cascades = f"; deletes {', '.join(action.cascades)} with it" if action.cascades else ""
    risk = f"; {', '.join(action.at_risk)} would be lost if the next step failed" if action.at_risk else ""
    return f"{action.reason}{cascades}{risk}"

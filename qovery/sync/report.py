"""`Report`: the result of each action of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from qovery.exceptions import ApplyError
from qovery.models import Secret
from qovery.models.secret_table import COLUMNS, secret_cells
from qovery.sync.action import SIGNS, ActionKind
from qovery.sync.export import Exported, error_fields, secret_fields
from qovery.table import ShownAsTable, Table

State = Literal["succeeded", "failed", "skipped"]


@dataclass(frozen=True)
class Result(Exported):
    """The result of one action.

    Attributes:
        state: `succeeded`, `failed`, or `skipped` if nothing was sent.
        kind: What was done; a create whose key existed already is an `update`.
        key: The key of the secret.
        reason: Why; never contains a value.
        secret: The secret as the service returned or listed it; for a delete, the deleted secret.
        error: The error of a failed action, and the `SkippedError` of one that was skipped although it was
            planned. None for a conflict of the plan, which `skip_conflicts=True` skips.
        lost: Whether this apply deleted the secret and did not recreate it, as far as is known. Another plan for the
            same desired state recreates it, as does the same plan.
    """

    state: State
    kind: ActionKind
    key: str
    reason: str
    secret: Secret | None = None
    error: Exception | None = None
    lost: bool = False

    def _fields(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "kind": self.kind,
            "key": self.key,
            "reason": self.reason,
            "secret": secret_fields(self.secret),
            "error": error_fields(self.error),
            "lost": self.lost,
        }


@dataclass(frozen=True)
class Report(ShownAsTable, Exported):
    """The results of an apply. `print` and notebooks show it as a table, without values.

    Attributes:
        results: One result for each action, in the order of the plan.
    """

    results: tuple[Result, ...]

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython prefers a class's own `__repr__` to this, if inherited

    @property
    def succeeded(self) -> tuple[Result, ...]:
        """The actions that reached their planned state."""
        return self._in("succeeded")

    @property
    def failed(self) -> tuple[Result, ...]:
        """The actions that were not applied, or whose outcome is unknown."""
        return self._in("failed")

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The actions that were not attempted, with the reason."""
        return self._in("skipped")

    @property
    def unfinished(self) -> tuple[Result, ...]:
        """The planned actions that were not done: failures, and skipped actions other than conflicts."""
        return tuple(result for result in self.results if result.error is not None)

    @property
    def lost(self) -> tuple[Result, ...]:
        """The secrets and aliases that this apply deleted and did not recreate: apply the desired state again."""
        return tuple(result for result in self.results if result.lost)

    @property
    def complete(self) -> bool:
        """Whether every action succeeded, except conflicts that the plan had from the start."""
        return not self.unfinished

    def raise_for_failures(self) -> None:
        """Raise an `ApplyError` with the error of every action in `unfinished`, if there is one."""
        errors = [result.error for result in self.results if result.error is not None]
        if errors:
            parts = [
                ("failed", self.failed),
                ("were skipped", [one for one in self.skipped if one.error is not None]),
                ("left a secret deleted that should be recreated", self.lost),
            ]
            told = [
                f"{len(results)} of {len(self.results)} actions {what}: {', '.join(result.key for result in results)}"
                for what, results in parts
                if results
            ]
            error = ApplyError("; ".join(told), errors)
            error.report = self
            raise error

    def _fields(self) -> dict[str, Any]:
        return {
            "complete": self.complete,
            "summary": {state: len(self._in(state)) for state in get_args(State)},
            "results": [result._fields() for result in self.results],
        }

    def _in(self, state: State) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.state == state)

    def _table(self) -> Table:
        caption = f"{len(self.succeeded)} succeeded, {len(self.failed)} failed, {len(self.skipped)} skipped"
        rows = [
            (
                result.key,
                f"{SIGNS[result.kind]} {result.kind}",
                result.state,
                *secret_cells(result.secret),
                _why(result),
            )
            for result in self.results
        ]
        return Table(caption, ("key", "action", "state", *COLUMNS[1:], "reason"), rows)


def _why(result: Result) -> str:
    reason = str(result.error) if result.state == "failed" else result.reason
    return f"{reason}; deleted, and not recreated" if result.lost else reason

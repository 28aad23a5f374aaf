"""`Report`: the result of each action of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qovery.exceptions import ApplyError
from qovery.models import Secret
from qovery.models.secret_table import COLUMNS, secret_cells
from qovery.sync.action import SIGNS, ActionKind
from qovery.table import ShownAsTable, Table

State = Literal["succeeded", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """The result of one action.

    Attributes:
        state: `succeeded`, `failed`, or `skipped` if nothing was sent.
        kind: What was done; a create whose key existed already is an `update`.
        key: The key of the secret.
        reason: Why; never contains a value.
        secret: The secret as the service returned or listed it; for a delete, the deleted secret.
        error: The error of a failed action.
    """

    state: State
    kind: ActionKind
    key: str
    reason: str
    secret: Secret | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Report(ShownAsTable):
    """The results of an apply. `print` and notebooks show it as a table, without values.

    Attributes:
        results: One result for each action, in the order of the plan.
    """

    results: tuple[Result, ...]

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython prefers a class's own `__repr__` to this, if inherited

    @property
    def succeeded(self) -> tuple[Result, ...]:
        """The actions whose planned state the service has."""
        return self._in("succeeded")

    @property
    def failed(self) -> tuple[Result, ...]:
        """The actions that the service did not apply, or that it is not known to have applied."""
        return self._in("failed")

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The actions that were not attempted, with the reason."""
        return self._in("skipped")

    def raise_for_failures(self) -> None:
        """Raise an `ApplyError` with the error of every failed action, if there is one."""
        errors = [result.error for result in self.failed if result.error is not None]
        if errors:
            keys = ", ".join(result.key for result in self.failed)
            error = ApplyError(f"{len(errors)} of {len(self.results)} actions failed: {keys}", errors)
            error.report = self
            raise error

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
    return result.reason if result.error is None else str(result.error)

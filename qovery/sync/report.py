"""`Report`: what became of each action of a plan."""

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
    """What became of one action.

    Attributes:
        state: `succeeded`, `failed`, or `skipped` where nothing was sent.
        kind: What was done; a create that met an existing key is an `update`.
        key: The key.
        reason: Why; never a value.
        secret: What the service answered or listed; for a delete, what is gone.
        error: What failed.
    """

    state: State
    kind: ActionKind
    key: str
    reason: str
    secret: Secret | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Report(ShownAsTable):
    """What became of a plan. `print` and notebooks show it as a table, without values.

    Attributes:
        results: One for each action, in the order of the plan.
    """

    results: tuple[Result, ...]

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython takes a class's own, and there is a `__repr__`

    @property
    def succeeded(self) -> tuple[Result, ...]:
        """What is at the service as it was planned."""
        return self._in("succeeded")

    @property
    def failed(self) -> tuple[Result, ...]:
        """What the service did not do, or was not seen to have done."""
        return self._in("failed")

    @property
    def skipped(self) -> tuple[Result, ...]:
        """What was not tried, with the reason."""
        return self._in("skipped")

    def raise_for_failures(self) -> None:
        """Raise an `ApplyError` with the error of every failure; nothing if there are none."""
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

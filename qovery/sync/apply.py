"""`Job`: apply a plan with several threads, and record the result of every action."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from qovery.exceptions import ApiException, ConflictException, OpenApiException, SkippedError, SyncError
from qovery.models import Secret
from qovery.sync.action import Action
from qovery.sync.desired import Desired
from qovery.sync.inventory import Inventory
from qovery.sync.order import Order
from qovery.sync.planner import decide
from qovery.sync.progress import Progress
from qovery.sync.report import Report, Result
from qovery.sync.service import Service


class Job:
    """One apply. Worker threads only fill `results`; everything else happens in the thread that calls `run`."""

    def __init__(self, service: Service, desired: Desired, actions: Sequence[Action]) -> None:
        self.service = service
        self.desired = desired
        self.actions = list(actions)
        self.results: list[Result | None] = [None] * len(actions)
        self.started: set[int] = set()
        self.done = 0

    def run(self, max_workers: int, progress: Progress) -> None:
        """Apply what can be applied. On an interruption, wait for running calls; `report` works in any case."""
        self.progress = progress
        self._refresh()
        self.order = Order(self.actions)
        self.finished: SimpleQueue[int] = SimpleQueue()
        with_result = [at for at, result in enumerate(self.results) if result is not None]
        self.ready = deque(at for at, needs in enumerate(self.order.needs) if not needs and self.results[at] is None)
        for at in with_result:
            self._finish(at)
        self.pool = ThreadPoolExecutor(max_workers, thread_name_prefix="qovery-sync")
        try:
            self._work()
        finally:
            self.pool.shutdown(cancel_futures=True)

    def report(self) -> Report:
        """The results so far."""
        return Report(
            tuple(
                result if result is not None else _unfinished(action, at in self.started)
                for at, (action, result) in enumerate(zip(self.actions, self.results, strict=True))
            )
        )

    # --- In the caller's thread -------------------------------------------------------------------

    def _work(self) -> None:
        running, uncertain, reconciled = 0, list[int](), set[int]()
        while True:
            while self.ready:
                self.pool.submit(self._attempt, self.ready.popleft())
                running += 1
            if not running:
                if not uncertain:
                    return
                reconciled.update(uncertain)
                self._reconcile(uncertain)
                uncertain = []
                continue
            at = self.finished.get()
            running -= 1
            if at not in reconciled and self._is_uncertain(at):
                uncertain.append(at)
            else:
                self._finish(at)

    def _finish(self, at: int) -> None:
        """Report a result, and start or skip the actions that wait for it."""
        waiting = [at]
        while waiting:
            at = waiting.pop()
            result = self.results[at]
            assert result is not None  # noqa: S101 - for the type
            self.done += 1
            self.progress(self.done, len(self.actions), result)
            for later in self.order.needed_by[at]:
                self.order.needs[later].discard(at)
                if self.results[later] is not None:
                    continue
                if result.state != "succeeded":
                    what = "was not deleted" if result.kind == "delete" else "was not written"
                    self._skip(later, f"depends on {result.key}, which {what}")
                    waiting.append(later)
                elif not self.order.needs[later]:
                    self.ready.append(later)

    def _succeed(self, at: int, reason: str, secret: Secret | None = None) -> None:
        action = self.actions[at]
        self.results[at] = Result("succeeded", action.kind, action.key, reason, secret or _existing(action))

    def _skip(self, at: int, reason: str) -> None:
        self.results[at] = _skipped(self.actions[at], reason)

    def _refresh(self) -> None:
        """List again, and adapt each action to drift since the plan. Nothing is deleted that the plan does not name."""
        inventory = self.service.inventory()
        writes, deletes = _by_key(decide(inventory, self.desired))
        named = {action.secret.id for action in self.actions if action.kind == "delete" and action.secret}
        for at, action in enumerate(self.actions):
            now = (deletes if action.kind == "delete" else writes).get(action.key)
            if action.kind == "conflict":
                self.results[at] = Result("skipped", action.kind, action.key, action.reason, action.secret)
            elif action.kind == "delete":
                self._refresh_delete(at, now, inventory)
            elif now is None:
                if action.secret is not None and action.secret.id in inventory.ids:
                    self._succeed(at, action.reason)
                else:
                    self._skip(at, "drift: does not exist any more")
            elif now.kind == "conflict":
                self._skip(at, f"drift: {now.reason}")
            elif (first := deletes.get(action.key)) and first.secret and first.secret.id not in named:
                self._skip(at, f"drift: {first.reason}")
            else:
                self.actions[at] = now
                if now.kind == "keep":
                    self._succeed(at, now.reason)

    def _refresh_delete(self, at: int, now: Action | None, inventory: Inventory) -> None:
        action = self.actions[at]
        if action.secret is None or action.secret.id not in inventory.ids:
            self._succeed(at, "was deleted already")
        elif now is None or now.secret is None or now.secret.id != action.secret.id:
            self._skip(at, "drift: no longer to be deleted")
        elif not set(now.cascades) <= set(action.cascades):
            more = ", ".join(sorted(set(now.cascades) - set(action.cascades)))
            self._skip(at, f"drift: {more} would be deleted with it")
        else:
            self.actions[at] = now

    def _is_uncertain(self, at: int) -> bool:
        """Whether another list can tell more about the outcome than the error."""
        result = self.results[at]
        error = result.error if result is not None else None
        if not isinstance(error, ApiException):
            return False
        if self.actions[at].kind == "delete":
            return error.outcome_unknown or error.status in {400, 403, 404}
        return error.outcome_unknown or isinstance(error, ConflictException)

    def _reconcile(self, uncertain: Iterable[int]) -> None:
        """List again. An action whose secret exists succeeded, or is edited to have the value; the rest failed."""
        try:
            inventory = self.service.inventory()
        except OpenApiException:
            for at in uncertain:
                self._finish(at)
            return
        writes, deletes = _by_key(decide(inventory, self.desired))
        for at in uncertain:
            action = self.actions[at]
            now = writes.get(action.key)
            if action.kind == "delete":
                if action.secret is not None and action.secret.id not in inventory.ids:
                    self._succeed(at, action.reason)
                self._finish(at)
            elif now is not None and now.kind == "keep":
                self._succeed(at, now.reason, now.secret)
                self._finish(at)
            elif now is not None and action.key not in deletes and now.kind in {"update", "override"}:
                self.actions[at] = replace(now, reason=f"existed already; {now.reason}")
                self.ready.append(at)
            else:
                self._finish(at)

    # --- In the worker threads --------------------------------------------------------------------

    def _attempt(self, at: int) -> None:
        action = self.actions[at]
        try:
            self._run(at)
        except BaseException as error:  # SystemExit for one: the caller's thread waits for a result
            text = (
                f"{type(error).__name__} interrupted {action.kind} of {action.key}; list the secrets to see its outcome"
            )
            self.results[at] = Result(
                "failed", action.kind, action.key, action.reason, _existing(action), SyncError(text)
            )
        finally:
            self.finished.put(at)

    def _run(self, at: int) -> None:
        self.started.add(at)
        action = self.actions[at]
        secret = action.secret
        if action.kind == "alias" and action.target in self.order.writes:
            target = self.results[self.order.writes[action.target]]
            secret = target.secret if target is not None and target.kind != "keep" and target.secret else secret
        try:
            response = self.service.send(action, secret)
        except Exception as error:
            self.results[at] = Result(
                "failed", action.kind, action.key, action.reason, _existing(action), error.with_traceback(None)
            )
        else:
            self.results[at] = _success(action, response)


def _success(action: Action, response: Secret | None) -> Result:
    if action.kind == "create" and response is not None and response.aliased_secret is not None:
        reason = f"the service created an alias, since the value equals the key {response.aliased_secret.key}"
        return Result("succeeded", "alias", action.key, reason, response)
    return Result("succeeded", action.kind, action.key, action.reason, response)


def _existing(action: Action) -> Secret | None:
    """The existing secret under the action's own key; an alias that is not created yet has none."""
    return None if action.kind == "alias" else action.secret


def _unfinished(action: Action, started: bool) -> Result:
    if started:
        error = SyncError(
            f"{action.kind} of {action.key} was running at the interruption; list the secrets to see its outcome"
        )
        return Result("failed", action.kind, action.key, action.reason, _existing(action), error)
    return _skipped(action, "not started before the interruption")


def _skipped(action: Action, reason: str) -> Result:
    """The result of an action that the plan meant to do."""
    error = SkippedError(f"{action.kind} of {action.key} was skipped: {reason}")
    return Result("skipped", action.kind, action.key, reason, _existing(action), error)


def _by_key(actions: Iterable[Action]) -> tuple[dict[str, Action], dict[str, Action]]:
    writes: dict[str, Action] = {}
    deletes: dict[str, Action] = {}
    for action in actions:
        (deletes if action.kind == "delete" else writes)[action.key] = action
    return writes, deletes

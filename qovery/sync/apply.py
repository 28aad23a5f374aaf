"""`Job`: apply a plan with several threads, and record the result of every action."""

from __future__ import annotations

import contextlib
import heapq
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue
from typing import Any, cast

from qovery.api.environment_secret_api import CREATE, CREATE_ALIAS, CREATE_OVERRIDE, DELETE, EDIT
from qovery.exceptions import (
    ApiException,
    OpenApiException,
    PlanChangedError,
    SyncError,
    TooManyRequestsException,
    UnauthorizedException,
)
from qovery.models import Secret, SecretRequest
from qovery.operation import Operation
from qovery.retry import Outcome, next_delay
from qovery.sync.action import Action
from qovery.sync.desired import Desired
from qovery.sync.drift import adapted
from qovery.sync.inventory import Inventory
from qovery.sync.order import predecessors, writes_of
from qovery.sync.outcome import failed, is_hopeless, skipped, success
from qovery.sync.progress import Progress
from qovery.sync.reconcile import Reconciliation, is_uncertain
from qovery.sync.report import Report, Result
from qovery.sync.service import PATIENCE, Service

_OPERATIONS: dict[str, Operation[Any]] = {
    "create": CREATE, "update": EDIT, "override": CREATE_OVERRIDE, "alias": CREATE_ALIAS, "delete": DELETE,
}  # fmt: skip

_INTERRUPTED = "not started before the interruption"


class Job:
    """One apply. Worker threads only fill `results`; everything else happens in the thread that calls `run`."""

    def __init__(
        self,
        service: Service,
        desired: Desired,
        actions: Sequence[Action],
        timeout: float | None = None,
        required: Inventory | None = None,
        listed: Inventory | None = None,
    ) -> None:
        self.service = service
        self.pace = service.pace
        self.desired = desired
        self.actions = list(actions)
        self.required = required  # the state that the environment must have at the start
        self.listed = listed  # a list that is new enough for the start
        self.timeout = timeout or 0.0
        self.deadline = math.inf if timeout is None else time.monotonic() + timeout
        self.results: list[Result | None] = [None] * len(actions)
        self.written: dict[str, tuple[SecretRequest | None, Secret] | None] = {}  # for the state file
        self.started: set[int] = set()
        self.errors: dict[int, ApiException] = {}  # the last error of actions to retry
        self.attempts = [0] * len(actions)  # since the last list
        self.rounds = [0] * len(actions)  # of lists
        self.later: list[tuple[float, int]] = []  # (when, action) of retries
        self.uncertain: list[int] = []  # actions that the next list decides
        self.ready: deque[int] = deque()
        self.held: list[int] = []  # deletions that wait for everything else
        self.deleting = False
        self.sent: set[int] = set()
        self.finished: SimpleQueue[int] = SimpleQueue()
        self.refused: set[str] = set()  # the kinds that the token may not write
        self.under_way = 0
        self.draining = False  # start nothing before the next list
        self.stopped = _INTERRUPTED
        self.done = 0

    def run(self, max_workers: int, progress: Progress) -> None:
        """Apply what can be applied. On an interruption, wait for running calls; `report` works in any case."""
        self.progress = progress
        self.max_workers = max_workers
        self._refresh()
        self.needs = predecessors(self.actions)
        self.writes = writes_of(self.actions)
        self.order = TopologicalSorter(self.needs)
        self.order.prepare()
        self._advance()
        self.heard = time.monotonic()
        self.pool = ThreadPoolExecutor(max_workers, thread_name_prefix="qovery-sync")
        try:
            self._work()
        finally:
            self.pool.shutdown(cancel_futures=True)  # does not know a thread whose start a signal interrupted
            while any(self.results[at] is None for at in tuple(self.started)):
                self.finished.get()

    def report(self) -> Report:
        """The results so far."""
        results = [self._unfinished(at) if result is None else result for at, result in enumerate(self.results)]
        gone: set[str] = set()
        for at in self.sent:
            if self.actions[at].kind == "delete" and results[at].state == "succeeded":
                gone.update((self.actions[at].key, *self.actions[at].cascades))
        return Report(tuple(replace(one, lost=True) if one.error and one.key in gone else one for one in results))

    def _unfinished(self, at: int) -> Result:
        """The result of an action that has none."""
        action = self.actions[at]
        error: Exception | None = self.errors.get(at)
        if at in self.started:
            error = SyncError(
                f"{action.kind} of {action.key} was running at the interruption; list the secrets to see its outcome"
            )
        return skipped(action, self.stopped) if error is None else failed(action, error)

    # --- In the caller's thread -------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            wait = self._start()
            if self.under_way:
                with contextlib.suppress(Empty):
                    self._settle(self.finished.get(timeout=wait))
            elif self.uncertain and (self.draining or wait is None):
                self._reconcile()
            elif wait is None:
                if not self.held:
                    return
                self._start_deletions()
            else:
                time.sleep(wait)

    def _start(self) -> float | None:
        """Start every action that may start. Return the seconds until there are more, or None to wait for a result."""
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            self.ready.append(heapq.heappop(self.later)[1])
        while self.ready and not self.draining and self.under_way < self.max_workers:
            wait = self.pace.take() if now < self.deadline else 0.0
            if now + wait >= self.deadline:
                self._stop(f"not started within {self.timeout:g} s")
                return None
            if now + wait >= self.heard + PATIENCE:
                self._stop(f"not started, since the rate limit allows no request within {PATIENCE:g} s")
                return None
            if wait:
                return wait
            at = self.ready.popleft()
            if self._make_value(at):
                self.under_way += 1
                self.sent.add(at)
                self.pool.submit(self._attempt, at)
        return max(self.later[0][0] - now, 0) if self.later and not self.draining else None

    def _make_value(self, at: int) -> bool:
        """Call the factory of a new secret's value, once. Return whether the action may be sent."""
        action = self.actions[at]
        has_value = action.request is not None and action.request.value is not None
        if action.key not in self.desired.factories or action.kind != "create" or has_value:
            return True
        try:
            self.actions[at] = replace(action, request=self.desired.made(action.key))
        except Exception as error:
            self.results[at] = failed(action, error)
            self._finish(at)
            return False
        return True

    def _stop(self, reason: str) -> None:
        """Start no more actions."""
        self.stopped = reason
        uncertain, self.uncertain = self.uncertain, []
        for at in uncertain:
            self._finish(at)
        for waiting in (self.ready, self.later, self.held):
            waiting.clear()
        self.draining = True

    def _settle(self, at: int) -> None:
        """Handle the outcome of a call: record a result, retry, or list again."""
        self.under_way -= 1
        self.started.discard(at)
        error = self._result(at).error
        throttled = isinstance(error, TooManyRequestsException)
        if not throttled:
            self.heard = time.monotonic()
        if not isinstance(error, ApiException):
            self._finish(at)
            return
        delay = 0.0 if throttled else self._retry_delay(at, error)
        if delay is not None:
            self.results[at] = None
            self.errors[at] = error
            heapq.heappush(self.later, (time.monotonic() + delay, at))
        elif self._is_uncertain(at, error) and self.stopped == _INTERRUPTED:
            self.uncertain.append(at)
            self.draining = self.draining or is_hopeless(error)
        else:
            self._finish(at)

    def _retry_delay(self, at: int, error: ApiException) -> float | None:
        """The seconds until another attempt, if the retry policy allows one."""
        self.attempts[at] += 1
        outcome = Outcome(error.status, error.outcome_unknown, error.retry_after)
        left = self.deadline - time.monotonic()
        return next_delay(_OPERATIONS[self.actions[at].kind], outcome, self.attempts[at], self.service.retries, left)

    def _finish(self, at: int) -> None:
        """Report a result, and release the actions that depend on it."""
        self._tell(at)
        self._advance()

    def _tell(self, at: int) -> None:
        self.done += 1
        self.progress(self.done, len(self.actions), self._result(at))
        self.order.done(at)

    def _advance(self) -> None:
        """Process the actions whose dependencies are done: start, hold back or skip them."""
        while released := self.order.get_ready():
            for at in released:
                if self.results[at] is None:
                    self._skip_after_failure(at)
                if self.results[at] is not None:
                    self._tell(at)
                elif self.actions[at].kind == "delete" and not self.deleting:
                    self.held.append(at)
                else:
                    self.ready.append(at)

    def _skip_after_failure(self, at: int) -> None:
        for result in map(self._result, sorted(self.needs[at])):
            if result.state != "succeeded":
                what = "was not deleted" if result.kind == "delete" else "was not written"
                self.results[at] = skipped(self.actions[at], f"depends on {result.key}, which {what}")
                return

    def _start_deletions(self) -> None:
        """List again if anything was sent, and start the deletions. Called when everything else is done."""
        held, self.held, self.deleting = self.held, [], True
        if self.sent:
            try:
                self._adapt(self.service.inventory(self.deadline))
            except OpenApiException as error:
                for at in held:
                    self.results[at] = skipped(self.actions[at], f"the list before the deletions failed: {error}")
        for at in held:
            if self.results[at] is None:
                self.ready.append(at)
            else:
                self._tell(at)
        self._advance()

    def _result(self, at: int) -> Result:
        result = self.results[at]
        assert result is not None  # noqa: S101 - for the type
        return result

    def _refresh(self) -> None:
        """List again, and adapt each action to drift since the plan."""
        inventory = self.listed or self.service.inventory(self.deadline)
        changed = [] if self.required is None else inventory.changed_since(self.required)
        if changed:
            raise PlanChangedError(f"changed since the plan, so nothing was applied: {', '.join(changed)}", changed)
        self._adapt(inventory)

    def _adapt(self, inventory: Inventory) -> None:
        """Adapt the actions that have not been started."""
        for at, (action, result) in enumerate(adapted(self.actions, inventory, self.desired)):
            if self.results[at] is None:
                self.actions[at], self.results[at] = action, result

    def _is_uncertain(self, at: int, error: ApiException) -> bool:
        """Whether to list again before the outcome is final."""
        if self.rounds[at] >= max(1, self.service.retries):
            return False
        return self.actions[at].kind not in self.refused if error.status == 401 else is_uncertain(error)

    def _reconcile(self) -> None:
        """List again. Actions that the list shows as applied have succeeded; others are retried where that can help."""
        uncertain, self.uncertain = self.uncertain, []
        self.draining = False
        try:
            inventory = self.service.inventory(self.deadline)
        except OpenApiException as error:
            if is_hopeless(error):
                self._stop(f"not started, since no call can succeed: {error}")
            for at in uncertain:
                self._finish(at)
            return
        reconciliation = Reconciliation(inventory, self.desired)
        for at in uncertain:
            self.rounds[at] += 1
            failure = self._result(at)
            if isinstance(failure.error, UnauthorizedException):
                self.refused.add(self.actions[at].kind)
            decided = reconciliation.decide(self.actions[at], failure)
            if isinstance(decided, Result):
                self.results[at] = decided
                self._finish(at)
                continue
            self.errors[at] = cast("ApiException", failure.error)
            self.actions[at], self.results[at] = decided, None
            self.attempts[at] = 0
            self.ready.append(at)

    # --- In the worker threads --------------------------------------------------------------------

    def _attempt(self, at: int) -> None:
        action = self.actions[at]
        try:
            self._run(at)
        except BaseException as error:  # SystemExit, for example: the caller's thread waits for a result
            text = (
                f"{type(error).__name__} interrupted {action.kind} of {action.key}; list the secrets to see its outcome"
            )
            self.results[at] = failed(action, SyncError(text))
        finally:
            self.finished.put(at)

    def _run(self, at: int) -> None:
        self.started.add(at)
        action = self.actions[at]
        secret = action.secret
        if secret is None and action.target in self.writes:  # an alias of a secret that this job created
            target = self.results[self.writes[action.target]]
            secret = target.secret if target is not None else None
        try:
            response = self.service.send(action, secret, self.deadline)
        except Exception as error:
            self.results[at] = failed(action, error)
        else:
            self.results[at] = result = success(action, response)
            if result.state == "succeeded":
                self._note(action, response)

    def _note(self, action: Action, response: Secret | None) -> None:
        """Remember a write for the state file."""
        if action.secret is not None and action.kind in {"update", "delete"}:
            self.written.update(dict.fromkeys((action.secret.key, *action.cascades)))
        if action.kind != "delete" and response is not None:
            self.written[action.key] = (action.request, response)

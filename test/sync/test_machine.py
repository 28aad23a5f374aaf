"""Random environments, desired states and faults: every plan reaches the desired state and touches nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from qovery import ApiException, ApiValueError, EnvironmentSecretApi, Secret, SecretRequest
from qovery.sandbox import Sandbox
from qovery.sync import Plan, Report, plan_secrets
from test.support import NIGHTLY
from test.support.appliers import COMPLETE, INCOMPLETE, NO_REPORT, SHORT_WAITS, Appliers, Task, appliers
from test.support.clients import Connect

KEYS = st.sampled_from(["A", "B", "C", "D", "E"])
TARGETS = st.sampled_from(["A", "B", "C", "QOVERY_DB"])
FILES = st.sampled_from([None, None, "/one", "/two"])
OPERATIONS = st.sampled_from(["create_environment_secret", "create_environment_secret_alias",
    "create_environment_secret_override", "edit_environment_secret", "delete_environment_secret",
    "list_environment_secrets"])  # fmt: skip


APPLIERS = ["one", "two threads"]
if hasattr(os, "fork"):
    APPLIERS += ["two processes", "a killed one", "a killed one of two"]


class Sync(RuleBasedStateMachine):
    """One environment that is synced repeatedly."""

    server: Sandbox
    api: EnvironmentSecretApi
    other: EnvironmentSecretApi
    """With another token."""
    processes: Appliers

    @initialize()
    def empty(self) -> None:
        behaviour = self.server.behaviour
        self.server.reset()
        self.server.behaviour = behaviour
        self.env = self.server.environment_id
        self.server.add_secret(self.env, "QOVERY_DB", "db", scope="BUILT_IN")
        self.values: dict[str, str] = {}
        self.untouched: dict[str, tuple[Secret, str | None]] = {}
        self.serial = 0
        self.remember()

    def remember(self) -> None:
        """Record the secrets that no plan may touch."""
        for secret in self.server.secrets(self.env):
            if secret.scope != "ENVIRONMENT" or secret.owned_by == "DOPPLER":
                self.untouched.setdefault(secret.id, (secret, None))

    @rule(key=KEYS, scope=st.sampled_from(["ENVIRONMENT", "PROJECT"]), path=FILES, owner=st.booleans())
    def other_client_adds(self, key: str, scope: str, path: str | None, owner: bool) -> None:
        if not any(secret.key == key for secret in self.server.secrets(self.env)):
            owned_by = "DOPPLER" if owner else "QOVERY"
            self.server.add_secret(self.env, key, "theirs", scope=scope, mount_path=path, owned_by=owned_by)
            self.remember()

    @rule(key=KEYS, of=TARGETS)
    def other_client_aliases(self, key: str, of: str) -> None:
        for secret in self.server.secrets(self.env):
            if secret.key == of:
                try:
                    self.api.create_environment_secret_alias(self.env, secret.id, {"key": key})
                except ApiException as error:
                    assert error.status in {400, 409}  # noqa: PT017 - any other is a fault of the sandbox

    @rule(
        values=st.dictionaries(KEYS, FILES, max_size=5),
        aliases=st.dictionaries(KEYS, TARGETS, max_size=3),
        faults=st.lists(
            st.tuples(OPERATIONS, st.sampled_from([400, 401, 403, 409, 429, 500, "drop", "reset"])), max_size=4
        ),
        intruder=st.one_of(st.none(), st.tuples(KEYS, st.sampled_from(["DOPPLER", "QOVERY", "alias", "delete"]))),
        revoked=st.booleans(),
        throttled=st.sampled_from([0, 0, 3, 8]),
        appliers=st.sampled_from(APPLIERS),
        results=st.integers(1, 4),
        prune=st.booleans(),
        replace=st.booleans(),
        workers=st.integers(1, 3),
    )
    def sync(
        self,
        values: dict[str, str | None],
        aliases: dict[str, str],
        faults: list[tuple[str, Any]],
        intruder: tuple[str, str] | None,
        revoked: bool,
        throttled: int,
        appliers: str,
        results: int,
        prune: bool,
        replace: bool,
        workers: int,
    ) -> None:
        wanted: dict[str, str | SecretRequest] = {}
        for key, path in values.items():
            self.serial += 1
            value = f"value {self.serial}"
            wanted[key] = value if path is None else SecretRequest(key=key, value=value, mount_path=path)
        aliases = {key: target for key, target in aliases.items() if key not in wanted}
        for operation, fault in faults:
            self.inject(operation, fault)
        if throttled:
            self.server.fail("*", status=429, retry_after=0, times=throttled)
        self.changes = [("revoke", "")] if revoked else []
        self.changes += [] if intruder is None else [intruder[::-1]]

        def plan() -> Plan:
            return plan_secrets(
                self.api, self.env, wanted, aliases=aliases, prune=prune, replace=replace, allow_empty=True
            )

        if appliers == "two threads":  # what one claims the other may have changed
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda _: self.attempt(plan, workers), range(2)))
        elif appliers != "one":
            task: Task = {
                "url": self.server.url, "environment": self.env, "aliases": aliases, "workers": workers,
                "values": {key: (self.value_of(wanted[key]), path) for key, path in values.items()},
                "rules": {"prune": prune, "replace": replace, "allow_empty": True}, "results": None,
            }  # fmt: skip
            killed: Task = {**task, "results": results}
            tasks = {"two processes": [task, task], "a killed one": [killed], "a killed one of two": [killed, task]}
            ends = self.processes.run(*tasks[appliers])
            assert set(ends) <= {COMPLETE, INCOMPLETE, NO_REPORT, -9}, ends
        for _ in range(20):
            report = self.attempt(plan, workers)
            if report is not None and not self.intruded:
                self.check_claims(report, wanted, aliases)
                if report.complete:
                    break
        else:
            raise AssertionError(f"never clean: {report}")
        report.raise_for_failures()
        self.server._scenario = self.server._scenario.next([])  # without the faults that were not triggered
        self.check_end(plan(), prune)
        self.check_aliases(aliases)

    @staticmethod
    def value_of(request: str | SecretRequest) -> str:
        return request if isinstance(request, str) else str(request.value)

    def attempt(self, plan: Callable[[], Plan], workers: int) -> Report | None:
        """Plan and apply, with a concurrent change; None if the first list fails."""
        self.intruded = False
        try:
            return plan().apply(workers, skip_conflicts=True, progress=lambda *_: self.intrude())
        except ApiException:
            return None
        finally:
            self.server._scenario.faults._revoked.clear()

    def inject(self, operation: str, fault: Any) -> None:
        if fault == "drop":
            self.server.drop_reply(operation)
        elif fault == "reset":
            self.server.reset_connection(operation)
        else:
            self.server.fail(operation, status=fault, retry_after=0)

    def intrude(self) -> None:
        """Change something in the middle of an apply."""
        if not self.changes:
            return
        what, key = self.changes.pop()
        self.intruded = True
        listed = {secret.key: secret for secret in self.server.secrets(self.env)}
        present = listed.get(key)
        if what == "revoke":
            self.server.revoke("a-token")
        elif present is None and what == "alias":
            with contextlib.suppress(ApiException):  # the faults affect all clients
                self.other.create_environment_secret_alias(self.env, listed["QOVERY_DB"].id, {"key": key})
        elif present is None and what in {"DOPPLER", "QOVERY"}:
            # A concurrent create of the same key replaces it in the documented behaviour, so it is not recorded.
            with contextlib.suppress(ApiValueError):  # the apply was faster
                self.server.add_secret(self.env, key, "theirs", owned_by=what)
        elif present is not None and what == "delete" and present.id not in self.untouched:
            with contextlib.suppress(ApiException):
                self.other.delete_environment_secret(self.env, present.id)

    def check_claims(self, report: Report, wanted: dict[str, Any], aliases: dict[str, str]) -> None:
        """Every result of a report agrees with the server."""
        listed = {secret.key: secret for secret in self.server.secrets(self.env) if secret.scope == "ENVIRONMENT"}
        ids = {secret.id for secret in self.server.secrets(self.env)}
        for result in report.succeeded:
            if result.kind == "delete":
                assert result.secret is not None
                assert result.secret.id not in ids
            elif result.kind in {"create", "update", "override"}:
                assert result.secret is not None
                assert listed[result.key].id == result.secret.id
                assert self.server.value(self.env, result.key) == self.value_of(wanted[result.key])
            elif result.kind == "alias":
                other = listed[result.key].aliased_secret
                assert other is not None
                assert other.key == aliases[result.key]

    def check_end(self, plan: Plan, prune: bool) -> None:
        """A new plan has nothing left but updates, kept secrets and conflicts."""
        # The list does not show the mount path of a file, so `replace` recreates it, with its aliases.
        unknown = {action.key for action in plan.actions if "does not say" in action.reason}
        again = unknown.union(*(action.cascades for action in plan.actions if action.key in unknown))
        kinds = {action.kind for action in plan.actions if action.key not in again}
        assert kinds <= {"update", "keep", "conflict"}, str(plan)
        if prune:
            own = {secret.key for secret in self.server.secrets(self.env) if secret.scope == "ENVIRONMENT"}
            assert own <= {action.key for action in plan.actions}

    def check_aliases(self, aliases: dict[str, str]) -> None:
        """No plain value is left in place of an alias."""
        for secret in self.server.secrets(self.env):
            if secret.key in aliases and secret.variable_type == "VALUE":
                assert self.server.value(self.env, secret.key) != aliases[secret.key]

    @invariant()
    def nothing_else_is_touched(self) -> None:
        """Inherited secrets and those managed by others are unchanged."""
        now = {secret.id: secret for secret in self.server.secrets(self.env)}
        for secret_id, (secret, _) in self.untouched.items():
            assert now[secret_id] == secret


@pytest.fixture(scope="module")
def processes() -> Iterator[Appliers | None]:
    with appliers() if hasattr(os, "fork") else contextlib.nullcontext() as processes:
        yield processes


def test_machine(
    connect: Connect, sandbox: Sandbox, processes: Appliers | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any state, with any desired state and any faults, kill -9 included, the end is the desired state."""
    for module, name, value in SHORT_WAITS:
        monkeypatch.setattr(module, name, value)
    apis = {"api": connect(sandbox, retries=1), "other": connect(sandbox, access_token="another")}
    machine = type("Machine", (Sync,), {"server": sandbox, "processes": processes, **apis})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # untyped in hypothesis
        machine,
        settings=settings(
            max_examples=2000 if NIGHTLY else 15, stateful_step_count=8, suppress_health_check=list(HealthCheck)
        ),
    )

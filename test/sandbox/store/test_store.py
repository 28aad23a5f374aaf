"""The sandbox against the model of its rules: one client with random histories, and six concurrent clients."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from qovery import EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour, Scope
from test.support import NIGHTLY
from test.support.clients import Connect
from test.support.sandbox_model import UNKNOWN, Call, Outcome, Row, State, step, value

KEYS = ("A", "B", "C", "P1", "P2", "BUILT")
VALUES = (*KEYS, "plain", "")


def plant(sandbox: Sandbox) -> State:
    """Add secrets of higher scopes, and return the resulting state of the model."""
    scopes: dict[str, Scope] = {"P1": "PROJECT", "P2": "PROJECT", "BUILT": "BUILT_IN"}
    planted = [
        (sandbox.add_secret(sandbox.environment_id, key, f"value of {key}", scope=scope), f"value of {key}")
        for key, scope in scopes.items()
    ]
    return {s.id: Row(s.key, str(s.variable_type and s.variable_type.value), s.scope.value, v) for s, v in planted}


def send(api: EnvironmentSecretApi, environment_id: str, call: Call) -> Outcome:
    """Make a call over HTTP, and return its outcome."""
    match call.operation:
        case "create_environment_secret":
            body = {"key": call.key, "value": call.value or ""}
            response = api.create_environment_secret_without_preload_content(environment_id, body)
        case "edit_environment_secret":
            edit = {"key": call.key} | ({} if call.value is None else {"value": call.value})
            response = api.edit_environment_secret_without_preload_content(environment_id, call.secret_id, edit)
        case "delete_environment_secret":
            response = api.delete_environment_secret_without_preload_content(environment_id, call.secret_id)
        case "create_environment_secret_alias":
            key = {"key": call.key}
            response = api.create_environment_secret_alias_without_preload_content(environment_id, call.secret_id, key)
        case "create_environment_secret_override":
            value = {"value": call.value or ""}
            response = api.create_environment_secret_override_without_preload_content(
                environment_id, call.secret_id, value
            )
        case _:
            raise AssertionError(call.operation)
    content = json.loads(response.data) if response.data else {}
    return Outcome(response.status, content.get("id", ""))


#: Key, kind, scope and target by id, and value by key.
View = tuple[dict[str, tuple[str, str, str, str | None]], dict[str, str | None]]


def seen(sandbox: Sandbox) -> View:
    """The secrets that the sandbox lists, and the values that applications see."""
    env, rows = sandbox.environment_id, {}
    for secret in sandbox.secrets(env):
        target = secret.aliased_secret or secret.overridden_secret
        kind = secret.variable_type.value if secret.variable_type else ""
        rows[secret.id] = (secret.key, kind, secret.scope.value, target.id if target else None)
    return rows, {key: sandbox.value(env, key) for key, *_ in rows.values()}


def expected(state: State) -> View:
    """The same view of a state of the model."""
    rows = {id_: (row.key, row.kind, row.scope, row.target) for id_, row in state.items()}
    return rows, {key: value(state, key) for key, *_ in rows.values()}


# --- One client -----------------------------------------------------------------------------------


def machine(sandbox: Sandbox, api: EnvironmentSecretApi) -> type[RuleBasedStateMachine]:
    """A state machine that makes random calls in sequence, and compares each outcome and state with the model."""
    keys, values = st.sampled_from(KEYS), st.sampled_from(VALUES)

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            behaviour = sandbox.behaviour
            sandbox.reset()
            sandbox.behaviour = behaviour
            self.state = plant(sandbox)
            self.gone = [UNKNOWN]

        def do(self, call: Call) -> None:
            outcome = send(api, sandbox.environment_id, call)
            after = step(self.state, call, outcome, sandbox.behaviour)
            assert after is not None, f"{call} in {self.state} had the unexpected outcome {outcome}"
            self.gone = [*self.gone, *(self.state.keys() - after.keys())][-2:]
            self.state = after

        def one(self, index: int) -> str:
            """An existing, a deleted or an unknown id."""
            return [*self.state, *self.gone][index % (len(self.state) + len(self.gone))]

        @rule(key=keys, value=values)
        def create(self, key: str, value: str) -> None:
            self.do(Call("create_environment_secret", key=key, value=value))

        @rule(index=st.integers(0, 11), key=keys, value=st.none() | values)
        def edit(self, index: int, key: str, value: str | None) -> None:
            self.do(Call("edit_environment_secret", self.one(index), key, value))

        @rule(index=st.integers(0, 11))
        def delete(self, index: int) -> None:
            self.do(Call("delete_environment_secret", self.one(index)))

        @rule(index=st.integers(0, 11), key=keys)
        def alias(self, index: int, key: str) -> None:
            self.do(Call("create_environment_secret_alias", self.one(index), key))

        @rule(index=st.integers(0, 11), value=values)
        def override(self, index: int, value: str) -> None:
            self.do(Call("create_environment_secret_override", self.one(index), value=value))

        @invariant()
        def agrees(self) -> None:
            assert seen(sandbox) == expected(self.state)

    return Machine


def test_rules__after_any_history(sandbox: Sandbox, api: EnvironmentSecretApi) -> None:
    """After any history, the outcome and the effect of each call follow the rules."""
    run_state_machine_as_test(
        machine(sandbox, api), settings=settings(max_examples=1000 if NIGHTLY else 30, stateful_step_count=40)
    )


# --- Concurrent clients ---------------------------------------------------------------------------

WRITERS = 6


class Event(NamedTuple):
    """A call and its outcome; it took effect at one moment between `begin` and `end`."""

    begin: int
    end: int
    call: Call
    outcome: Outcome


@pytest.mark.parametrize("shared", [False, True], ids=["one server", "two servers on one file"])
def test_writers__are_linearizable(connect: Connect, behaviour: Behaviour, shared: bool, tmp_path: Path) -> None:
    """The outcomes and the final state of six concurrent writers are explained by some sequential order."""
    clock, lock = iter(range(10**9)), threading.Lock()
    choose = random.Random(0)

    def now() -> int:
        with lock:
            return next(clock)

    with contextlib.ExitStack() as stack:
        db = tmp_path / "sandbox.db" if shared else None
        servers = [stack.enter_context(Sandbox(seeded=False, behaviour=behaviour, db=db)) for _ in range(1 + shared)]
        apis = [connect(servers[number % len(servers)]) for number in range(WRITERS)]
        sandbox = servers[0]
        sandbox.reset()
        state = plant(sandbox)
        ids = list(state)
        executor = stack.enter_context(ThreadPoolExecutor(WRITERS))

        def write(number: int, calls: list[Call]) -> list[Event]:
            events = []
            for call in calls:
                begin = now()
                outcome = send(apis[number], sandbox.environment_id, call)
                events.append(Event(begin, now(), call, outcome))
            return events

        # Rounds of few calls limit the number of possible orders.
        for _ in range(200 if NIGHTLY else 20):
            calls = [[any_call(choose, ids) for _ in range(3)] for _ in range(WRITERS)]
            events = [event for done in executor.map(write, range(WRITERS), calls) for event in done]
            ids += [event.outcome.secret_id for event in events if event.outcome.secret_id]
            after = linearized(events, state, seen(sandbox), behaviour)
            assert after is not None, "no order of the calls explains their outcomes and the final state"
            state = after


def any_call(choose: random.Random, ids: list[str]) -> Call:
    """A random call that is likely to conflict with another."""
    target = choose.choice(ids[-12:] + ids[:3])
    return Call(choose.choice(OPERATIONS), target, choose.choice(KEYS), choose.choice(VALUES))


OPERATIONS = (
    "create_environment_secret",
    "create_environment_secret",
    "edit_environment_secret",
    "delete_environment_secret",
    "create_environment_secret_alias",
    "create_environment_secret_override",
)


def linearized(events: list[Event], start: State, end: View, behaviour: Behaviour) -> State | None:
    """The state after an order of the calls that explains every outcome and the final view, or None.

    A depth-first search (Wing and Gong): the next call is one that began before any other remaining call ended.
    A call that changes nothing is chosen as soon as it fits, because it cannot affect the others.
    """
    events = sorted(events, key=lambda event: event.end)
    tried: set[tuple[int, frozenset[tuple[str, Row]]]] = set()
    stack = [((1 << len(events)) - 1, start)]
    while stack:
        left, state = stack.pop()
        position = (left, frozenset(state.items()))
        if position in tried:
            continue
        tried.add(position)
        if not left:
            if expected(state) == end:
                return state
            continue
        remaining = [index for index in range(len(events)) if left >> index & 1]
        horizon = events[remaining[0]].end
        branches: list[tuple[int, State]] = []
        for index in remaining:
            if events[index].begin <= horizon:
                after = step(state, events[index].call, events[index].outcome, behaviour)
                if after == state:
                    branches = [(left & ~(1 << index), state)]
                    break
                if after is not None:
                    branches.append((left & ~(1 << index), after))
        stack += reversed(branches)
    return None


@pytest.mark.parametrize("behaviour", ["documented"])
def test_linearized__finds_a_lost_write(behaviour: Behaviour) -> None:
    """The check detects a lost write, and a write that took effect before it was requested."""
    create = Call("create_environment_secret", key="A", value="x")
    done = [Event(0, 1, create, Outcome(201, "1")), Event(2, 3, create, Outcome(201, "2"))]
    first, second = ({id_: Row("A", "VALUE", "ENVIRONMENT", "x")} for id_ in "12")
    assert linearized(done, {}, expected(second), behaviour) == second
    assert linearized(done, {}, expected(first), behaviour) is None
    assert linearized(done, {}, expected({**first, **second}), behaviour) is None
    concurrent = [done[0], done[1]._replace(begin=0)]
    assert linearized(concurrent, {}, expected(first), behaviour) is not None

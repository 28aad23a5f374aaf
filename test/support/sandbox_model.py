"""A small, independent model of the service's rules, which the sandbox is compared with.

A state maps ids to the secrets that one environment sees. The server chooses the ids, so an operation is checked
together with its outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qovery.sandbox.store import Behaviour


class Row(NamedTuple):
    """A secret; an alias has no value, and only aliases and overrides have a target."""

    key: str
    kind: str
    scope: str
    value: str | None
    target: str | None = None


State = Mapping[str, Row]

#: An id that no secret has or had.
UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Call(NamedTuple):
    """A request."""

    operation: str
    secret_id: str = ""
    key: str = ""
    value: str | None = None


class Outcome(NamedTuple):
    """A response: the status, and the id of the secret if there is one."""

    status: int
    secret_id: str = ""


def step(state: State, call: Call, outcome: Outcome, behaviour: Behaviour) -> State | None:
    """The state after the call, or None if the rules do not allow this outcome."""
    status, after = _JUDGES[call.operation](state, call, outcome.secret_id, behaviour)
    return after if status == outcome.status else None


def _create(state: State, call: Call, new: str, behaviour: Behaviour) -> tuple[int, State]:
    same = [id_ for id_, row in state.items() if row.key == call.key]
    row = Row(call.key, "VALUE", "ENVIRONMENT", call.value or "")
    if behaviour == "observed":
        return (409, state) if same else (201, {**state, new: row})
    named = [id_ for id_, other in state.items() if other.key == call.value != call.key]
    if named:
        target = min(named, key=lambda id_: _SCOPES.index(state[id_].scope))
        if state[target].kind == "ALIAS":
            return 400, state
        row = Row(call.key, "ALIAS", "ENVIRONMENT", None, target)
    for id_ in same:
        if state[id_].scope == "ENVIRONMENT":
            state = _without(state, id_)
    return 201, {**state, new: row}


def _edit(state: State, call: Call, _: str, behaviour: Behaviour) -> tuple[int, State]:
    rejected, row = _own(state, call.secret_id, behaviour)
    if row is None:
        return rejected, state
    if call.key != row.key:
        if row.kind == "OVERRIDE":
            return 400, state
        if any(other.key == call.key for other in state.values()):
            return 409, state
    row = row._replace(key=call.key)
    if call.value is not None and row.kind == "ALIAS":
        targets = [i for i, r in state.items() if r.key == call.value and r.kind not in {"ALIAS", "OVERRIDE"}]
        if behaviour == "documented" or not targets:
            return 400, state
        row = row._replace(target=max(targets, key=lambda id_: _SCOPES.index(state[id_].scope)))
    elif call.value is not None:
        row = row._replace(value=call.value)
    return 200, {**state, call.secret_id: row}


def _delete(state: State, call: Call, _: str, behaviour: Behaviour) -> tuple[int, State]:
    rejected, row = _own(state, call.secret_id, behaviour)
    return (rejected, state) if row is None else (204, _without(state, call.secret_id))


def _alias(state: State, call: Call, new: str, behaviour: Behaviour) -> tuple[int, State]:
    target = state.get(call.secret_id)
    if target is None:
        return _missing(call.secret_id, behaviour), state
    too_low = target.scope == "ENVIRONMENT" if behaviour == "documented" else target.kind == "OVERRIDE"
    if target.kind == "ALIAS" or too_low:
        return 400, state
    if any(row.key == call.key for row in state.values()):
        return 409, state
    return 201, {**state, new: Row(call.key, "ALIAS", "ENVIRONMENT", None, call.secret_id)}


def _override(state: State, call: Call, new: str, behaviour: Behaviour) -> tuple[int, State]:
    target = state.get(call.secret_id)
    if target is None:
        return _missing(call.secret_id, behaviour), state
    if target.scope == "ENVIRONMENT":
        return 400, state
    if any(row.key == target.key and row.scope == "ENVIRONMENT" for row in state.values()):
        return 409, state
    return 201, {**state, new: Row(target.key, "OVERRIDE", "ENVIRONMENT", call.value or "", call.secret_id)}


def value(state: State, key: str) -> str | None:
    """The value that an application sees for a key."""
    seen = max((row for row in state.values() if row.key == key), key=lambda row: _SCOPES.index(row.scope))
    if seen.kind == "ALIAS":
        overrides = [row for row in state.values() if row.kind == "OVERRIDE" and row.target == seen.target]
        seen = overrides[0] if overrides else state[seen.target or ""]
    return seen.value


def _missing(secret_id: str, behaviour: Behaviour) -> int:
    return 403 if behaviour == "observed" and secret_id == UNKNOWN else 404


def _own(state: State, secret_id: str, behaviour: Behaviour) -> tuple[int, Row | None]:
    row = state.get(secret_id)
    if row is None or row.scope != "ENVIRONMENT":
        return (_missing(secret_id, behaviour) if row is None else 403), None
    return 0, row


def _without(state: State, secret_id: str) -> State:
    return {id_: row for id_, row in state.items() if secret_id not in {id_, row.target}}


_SCOPES = ("BUILT_IN", "PROJECT", "ENVIRONMENT")
_JUDGES = {
    "create_environment_secret": _create,
    "edit_environment_secret": _edit,
    "delete_environment_secret": _delete,
    "create_environment_secret_alias": _alias,
    "create_environment_secret_override": _override,
}

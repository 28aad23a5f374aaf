"""Compare environments with each other and with keys, in both behaviours."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qovery import (
    ApiTypeError,
    ApiValueError,
    EnvironmentSecretApi,
    ForbiddenException,
    NotFoundException,
    SecretRequest,
)
from qovery.sandbox import Sandbox
from qovery.sync import Comparison, StateFile, compare_secrets, plan_secrets


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "state.json", "a key of the tests, made up")


def record(state: StateFile, sandbox: Sandbox, known: Mapping[tuple[str, str], str]) -> None:
    """Record values by environment and key, as if an apply had written them."""
    for (one, key), value in known.items():
        (secret,) = [secret for secret in sandbox.secrets(one) if secret.key == key]
        state.record(sandbox.url, one, {key: (SecretRequest(key=key, value=value), secret)})


@pytest.fixture
def two(sandbox: Sandbox, env: str) -> tuple[str, str]:
    """Two environments of different projects that share one secret; each lacks one of the other's."""
    other = sandbox.add_environment()
    for one in (env, other):
        sandbox.add_secret(one, "COMMON", f"canary of {one}")
        sandbox.add_secret(one, f"QOVERY_DB_{one[:8]}", "canary", scope="BUILT_IN")
    sandbox.add_secret(env, "FIRST", "canary", mount_path="/f")
    sandbox.add_secret(other, "SECOND", "canary", scope="PROJECT")
    return env, other


def missing(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    return {row.key: row.missing for row in comparison.rows}


def test_compare__environments(api: EnvironmentSecretApi, two: tuple[str, str]) -> None:
    """Each key names the environments that lack it and the secrets of the others; BUILT_IN secrets are ignored."""
    one, other = two
    comparison = compare_secrets(api, one, other)
    assert comparison.columns == two
    assert missing(comparison) == {"COMMON": (), "FIRST": (other,), "SECOND": (one,)}
    assert [row.key for row in comparison.common] == ["COMMON"]
    assert [row.key for row in comparison.missing] == ["FIRST", "SECOND"]
    assert not comparison.same_keys
    assert [list(row.secrets) for row in comparison.rows] == [[one, other], [one], [other]]
    assert comparison.rows[2].secrets[other].scope == "PROJECT"


def test_compare__same_keys(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Environments with equal keys compare as equal, whatever the scopes and kinds; so do empty ones."""
    other, empty = sandbox.add_environment(), sandbox.add_environment()
    sandbox.add_secret(env, "A", "v")
    sandbox.add_secret(other, "A", "w", mount_path="/a")
    assert compare_secrets(api, uuid.UUID(env), other).same_keys
    comparison = compare_secrets(api, empty, keys=[])
    assert comparison.same_keys
    assert comparison.rows == ()


def test_compare__keys(api: EnvironmentSecretApi, two: tuple[str, str]) -> None:
    """A set of keys is one more column; a BUILT_IN secret is compared only if its key is in it."""
    one, _ = two
    built_in = f"QOVERY_DB_{one[:8]}"
    comparison = compare_secrets(api, one, keys=(key for key in ["COMMON", "NEW", built_in]))
    assert comparison.columns == (one, "keys")
    assert missing(comparison) == {"COMMON": (), "FIRST": ("keys",), "NEW": (one,), built_in: ()}
    assert missing(compare_secrets(api, *two, keys={"NEW": "x"}))["NEW"] == two


def test_compare__built_in_of_another(sandbox: Sandbox, api: EnvironmentSecretApi, two: tuple[str, str]) -> None:
    """A key that is BUILT_IN in one environment and an own secret of another is compared."""
    one, other = two
    sandbox.add_secret(other, "DB_URL", "v")
    sandbox.add_secret(one, "DB_URL", "v", scope="BUILT_IN")
    assert missing(compare_secrets(api, one, other))["DB_URL"] == ()


def test_compare__shown(api: EnvironmentSecretApi, two: tuple[str, str]) -> None:
    """The table and the JSON show scope, kind and age or times, and no value."""
    one, other = two
    comparison = compare_secrets(api, one, other, keys=["COMMON"])
    lines = str(comparison).splitlines()
    assert lines[0] == "3 keys: 1 in common, 2 missing somewhere"
    assert lines[1].split() == ["key", one, other, "keys"]
    assert lines[2].split() == ["COMMON", *["ENVIRONMENT", "VALUE", "0", "s"] * 2, "listed"]
    assert lines[3].split() == ["FIRST", "ENVIRONMENT", "FILE", "0", "s", "missing", "missing"]
    assert "<table" in comparison._repr_html_()
    read = json.loads(comparison.to_json())
    assert read == comparison.to_dict()
    assert (read["version"], read["columns"], read["same_keys"]) == (1, [one, other, "keys"], False)
    described = read["rows"][2]
    assert (described["key"], described["missing"], described["values"]) == ("SECOND", [one, "keys"], "unknown")
    secret = comparison.rows[2].secrets[other]
    assert described["secrets"] == {
        other: {
            "id": secret.id,
            "scope": "PROJECT",
            "kind": "VALUE",
            "created_at": secret.created_at.isoformat(),
            "updated_at": secret.updated_at and secret.updated_at.isoformat(),
        }
    }
    for text in (str(comparison), repr(comparison), comparison._repr_html_(), comparison.to_json()):
        assert "canary" not in text


@pytest.mark.parametrize(
    ("known", "values", "groups"),
    [
        (("x", "x", "x"), "same", ((0, 1, 2),)),
        (("x", "y", "x"), "different", ((0, 2),)),
        (("x", "y", "z"), "different", ()),
        (("x", None, "x"), "unknown", ((0, 2),)),
        (("x", None, "y"), "different", ()),
        (("x", None, None), "unknown", ()),
        ((None, None, None), "unknown", ()),
    ],
)
def test_compare__values(
    sandbox: Sandbox,
    api: EnvironmentSecretApi,
    env: str,
    state: StateFile,
    known: tuple[str | None, ...],
    values: str,
    groups: tuple[tuple[int, ...], ...],
) -> None:
    """With fingerprints, values are equal, different or unknown, and groups name the equal ones."""
    ids = (env, sandbox.add_environment(), sandbox.add_environment())
    for one in ids:
        sandbox.add_secret(one, "KEY", "canary")
    record(state, sandbox, {(one, "KEY"): value for one, value in zip(ids, known, strict=True) if value})
    comparison = compare_secrets(api, *ids, state=state)
    (row,) = comparison.rows
    assert (row.values, row.same_in) == (values, tuple(tuple(ids[at] for at in group) for group in groups))
    assert comparison.same_values == ((row,) if groups else ())
    assert str(comparison).endswith(f"  {values}" if values != "unknown" else " s")  # the age


def test_compare__alias_has_the_value_of_its_target(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile
) -> None:
    """An alias is compared by its target: one with the value of another environment, and one with the same target."""
    other = sandbox.add_environment()
    sandbox.add_secret(env, "TARGET", "canary")
    plan_secrets(api, env, {}, aliases={"KEY": "TARGET"}).apply().raise_for_failures()
    sandbox.add_secret(other, "KEY", "canary")
    record(state, sandbox, {(env, "TARGET"): "x", (other, "KEY"): "x"})
    row = compare_secrets(api, env, other, state=state).rows[0]
    assert (row.key, row.values, row.same_in) == ("KEY", "same", ((env, other),))


def test_compare__inherited_secret_has_one_value(sandbox: Sandbox, api: EnvironmentSecretApi) -> None:
    """A secret that two environments inherit has the same value in both, without a state file."""
    one, other, overriding = (sandbox.add_environment(project_id=str(uuid.UUID(int=1))) for _ in range(3))
    sandbox.add_secret(one, "SHARED", "canary", scope="PROJECT")
    plan_secrets(api, overriding, {"SHARED": "canary"}).apply().raise_for_failures()
    (row,) = compare_secrets(api, one, other).rows
    assert (row.values, row.same_in) == ("same", ((one, other),))
    (row,) = compare_secrets(api, one, overriding, other).rows
    assert (row.values, row.same_in) == ("unknown", ((one, other),))


@pytest.mark.parametrize(
    ("ids", "options", "error", "message"),
    [
        ((), {}, ApiValueError, "needs two environments"),
        (("a",), {}, ApiValueError, "needs two environments"),
        ((), {"keys": ["A"]}, ApiValueError, "needs two environments"),
        (("a", "A"), {}, ApiValueError, "given twice"),
        (("a", ""), {}, ApiValueError, "environment_id is empty"),
        (("a", None), {}, ApiTypeError, "environment_id must be a str or a UUID"),
        (("a",), {"keys": "A"}, ApiTypeError, "keys must be an iterable of keys, not str"),
        (("a",), {"keys": 1}, ApiTypeError, "keys must be an iterable of keys, not int"),
        (("a",), {"keys": ["A", 1]}, ApiTypeError, "a key must be a str, not int"),
        (("a", "b"), {"state": {}}, ApiTypeError, "state must be a StateFile, not dict"),
    ],
)
def test_compare__invalid(
    sandbox: Sandbox, api: EnvironmentSecretApi, ids: Any, options: Any, error: type[Exception], message: str
) -> None:
    """An invalid argument is an error before anything is sent."""
    with pytest.raises(error, match=message):
        compare_secrets(api, *ids, **options)
    assert sandbox.requests == []


def test_compare__list_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """If an environment cannot be listed, the error of its list is raised."""
    with pytest.raises((NotFoundException, ForbiddenException)):
        compare_secrets(api, env, str(uuid.uuid4()))

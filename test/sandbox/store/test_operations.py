"""The operations of `Store`, without HTTP: what they return, keep and reject."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qovery.models import Key, SecretEditRequest, SecretRequest, Value
from qovery.sandbox.store import Behaviour, RejectedError, Store

documented = pytest.mark.parametrize("behaviour", ["documented"], indirect=True)
observed = pytest.mark.parametrize("behaviour", ["observed"], indirect=True)

FLAGS = pytest.mark.parametrize("flag", [None, True, False])


@pytest.fixture
def store(behaviour: Behaviour) -> Iterator[Store]:
    with contextlib.closing(Store(behaviour=behaviour)) as store:
        yield store


@pytest.fixture
def env(store: Store) -> str:
    return store.add_environment(project_id="a-project")


@pytest.fixture
def shared(store: Store, env: str) -> str:
    """The id of a secret of scope PROJECT."""
    return str(store.add_secret(env, "SHARED", "shared value", "PROJECT")["id"])


# --- Stored fields --------------------------------------------------------------------------------


@FLAGS
def test_create__fields(store: Store, env: str, flag: bool | None) -> None:
    """A new secret has the description, mount path and interpolation flag of its request."""
    created = store.create(
        env,
        SecretRequest(
            key="A", value="a", mount_path="/a", description="what for", enable_interpolation_in_file=flag
        ),
    )  # fmt: skip
    assert created == store.list(env)[0]
    assert (created["key"], created["scope"], created["variable_type"]) == ("A", "ENVIRONMENT", "FILE")
    assert created["description"] == "what for"
    assert created["enable_interpolation_in_file"] is flag
    assert created["created_at"] == created["updated_at"]


@FLAGS
def test_create_alias__fields(store: Store, env: str, shared: str, flag: bool | None) -> None:
    """An alias has its own description and flag, and refers to its target."""
    alias = store.create_alias(env, shared, Key(key="A", description="short", enable_interpolation_in_file=flag))
    assert (alias["variable_type"], alias["description"]) == ("ALIAS", "short")
    assert alias["enable_interpolation_in_file"] is flag
    assert (alias["aliased_secret"]["id"], alias["overridden_secret"]) == (shared, None)


@FLAGS
def test_create_override__fields(store: Store, env: str, shared: str, flag: bool | None) -> None:
    """An override has its own value, description and flag, and refers to the secret that it overrides."""
    request = Value(value="mine", description="here", enable_interpolation_in_file=flag)
    override = store.create_override(env, shared, request)
    assert (override["variable_type"], override["key"], override["description"]) == ("OVERRIDE", "SHARED", "here")
    assert override["enable_interpolation_in_file"] is flag
    assert (override["overridden_secret"]["id"], override["aliased_secret"]) == (shared, None)
    assert store.value(env, "SHARED") == "mine"


def test_create_override__without_a_value(store: Store, env: str, shared: str) -> None:
    """An override without a value gets an empty one."""
    store.create_override(env, shared, Value())
    assert store.value(env, "SHARED") == ""


@pytest.mark.parametrize(
    ("fields", "description", "flag"),
    [
        ({}, "before", True),
        ({"description": "after"}, "after", True),
        ({"description": None}, None, True),
        ({"enable_interpolation_in_file": False}, "before", False),
        ({"enable_interpolation_in_file": None}, "before", None),
    ],
)
def test_edit__description_and_flag(
    store: Store, env: str, fields: dict[str, Any], description: str | None, flag: bool | None
) -> None:
    """An edit keeps omitted fields, and null clears a field."""
    request = SecretRequest(key="A", value="a", description="before", enable_interpolation_in_file=True)
    secret_id = store.create(env, request)["id"]
    edited = store.edit(env, secret_id, SecretEditRequest(key="B", **fields))
    assert edited == store.list(env)[0]
    assert (edited["id"], edited["key"], edited["description"]) == (secret_id, "B", description)
    assert edited["enable_interpolation_in_file"] is flag
    assert store.value(env, "B") == "a"


@observed
def test_edit__alias_of_a_file(store: Store, env: str) -> None:
    """An alias of a file can be retargeted only to another file."""
    for key in ("F", "G"):
        store.add_secret(env, key, key.lower(), "PROJECT", mount_path=f"/{key}")
    store.add_secret(env, "PLAIN", "plain", "PROJECT")
    alias = store.create_alias(env, store.list(env)[0]["id"], Key(key="A"))
    assert store.edit(env, alias["id"], SecretEditRequest(key="A", value="G"))["aliased_secret"]["key"] == "G"
    with pytest.raises(RejectedError, match="another kind"):
        store.edit(env, alias["id"], SecretEditRequest(key="A", value="PLAIN"))


@documented
def test_create__replaces_only_its_own(store: Store, env: str, shared: str) -> None:
    """A new secret replaces the environment's own secret with the same key, but not the project's."""
    for value in ("first", "second"):
        store.create(env, SecretRequest(key="SHARED", value=value))
    assert [(each["scope"], each["key"]) for each in store.list(env)] == [
        ("PROJECT", "SHARED"), ("ENVIRONMENT", "SHARED"),
    ]  # fmt: skip
    assert store.value(env, "SHARED") == "second"


@documented
def test_create__value_equal_to_its_key(store: Store, env: str) -> None:
    """A value that equals the secret's own key is stored as a value."""
    for _ in range(2):
        assert store.create(env, SecretRequest(key="A", value="A"))["variable_type"] == "VALUE"
    assert store.value(env, "A") == "A"


@documented
def test_create__alias_targets_the_highest_scope(store: Store, env: str, shared: str) -> None:
    """A value that is the key of two secrets creates an alias of the one with the higher scope."""
    store.create(env, SecretRequest(key="SHARED", value="mine"))
    assert store.create(env, SecretRequest(key="A", value="SHARED"))["aliased_secret"]["id"] == shared


# --- Rejected requests ----------------------------------------------------------------------------

Act = Callable[[Store, str, str], object]

REJECTED: dict[str, tuple[Act, int, str]] = {
    "create, blank key": (lambda store, env, _: store.create(env, SecretRequest(key=" ")), 400, "must not be empty"),
    "edit, blank key": (
        lambda store, env, own: store.edit(env, own, SecretEditRequest(key="\t")), 400, "must not be empty",
    ),
    "alias, blank key": (
        lambda store, env, _: store.create_alias(env, shared_id(store, env), Key(key="")), 400, "must not be empty",
    ),
    "edit, existing key": (
        lambda store, env, own: store.edit(env, own, SecretEditRequest(key="SHARED")), 409, "already exists: SHARED",
    ),
    "alias, existing key": (
        lambda store, env, _: store.create_alias(env, shared_id(store, env), Key(key="OWN")), 409, "exists: OWN",
    ),
    "override of an overridden secret": (
        lambda store, env, _: [store.create_override(env, shared_id(store, env), Value()) for _ in range(2)], 409,
        "already exists: SHARED",
    ),
    "override of an own secret": (
        lambda store, env, own: store.create_override(env, own, Value()), 400,
        "Overrides can only be created for a secret of a higher scope: BUILT_IN > PROJECT > ENVIRONMENT > APPLICATION",
    ),
    "edit of the project's": (
        lambda store, env, _: store.edit(env, shared_id(store, env), SecretEditRequest(key="B")), 403, "scope PROJECT",
    ),
    "delete of the project's": (lambda store, env, _: store.delete(env, shared_id(store, env)), 403, "scope PROJECT"),
}  # fmt: skip


def shared_id(store: Store, env: str) -> str:
    return next(str(each["id"]) for each in store.list(env) if each["key"] == "SHARED")


@pytest.mark.parametrize(("act", "status", "detail"), REJECTED.values(), ids=REJECTED)
def test_rejected__status_and_detail(store: Store, env: str, shared: str, act: Act, status: int, detail: str) -> None:
    """A rejected request returns the reason, and changes nothing."""
    own = store.create(env, SecretRequest(key="OWN", value="x"))["id"]
    before = store.list(env)
    with pytest.raises(RejectedError) as caught, store.transaction():
        act(store, env, own)
    if status == 404 and store.behaviour == "observed":
        status, detail = 403, "is denied"
    assert (caught.value.status, caught.value.retry_after) == (status, None)
    assert detail in caught.value.detail
    assert str(caught.value) == caught.value.detail
    assert store.list(env) == before


UNKNOWN: dict[str, tuple[Act, str]] = {
    "environment": (lambda store, _, own: store.delete("missing", own), "environment"),
    "secret": (lambda store, env, _: store.delete(env, "missing"), "secret"),
    "secret of another environment": (lambda store, _, own: store.delete(store.add_environment(), own), "secret"),
}


@pytest.mark.parametrize(("act", "named"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown__status_and_detail(store: Store, env: str, act: Act, named: str) -> None:
    """A secret that the environment never had returns a 404 (documented) or a 403 (observed)."""
    own = store.create(env, SecretRequest(key="OWN", value="x"))["id"]
    with pytest.raises(RejectedError) as caught:
        act(store, env, own)
    if store.behaviour == "documented":
        assert (caught.value.status, caught.value.detail) == (404, f"{named} does not exist")
    else:
        assert (caught.value.status, caught.value.detail) == (403, f"access to this {named} is denied")


def test_deleted__is_unknown_as_documented(store: Store, env: str) -> None:
    """A deleted secret, and an alias deleted with it, return a 404 in both behaviours."""
    own = store.create(env, SecretRequest(key="OWN", value="x"))["id"]
    alias = (
        store.create_alias(env, own, Key(key="A"))
        if store.behaviour == "observed"
        else store.create(env, SecretRequest(key="A", value="OWN"))
    )
    store.delete(env, own)
    for secret_id in (own, alias["id"]):
        with pytest.raises(RejectedError, match="secret does not exist") as caught:
            store.delete(env, secret_id)
        assert caught.value.status == 404


@observed
@pytest.mark.parametrize("value", ["MISSING", "ALIAS"])
def test_edit__alias_of_what_cannot_be_aliased(store: Store, env: str, shared: str, value: str) -> None:
    """An alias can be retargeted neither to another alias nor to a missing key."""
    alias = store.create_alias(env, shared, Key(key="ALIAS"))
    with pytest.raises(RejectedError, match="must be the key of a secret that can be aliased"):
        store.edit(env, alias["id"], SecretEditRequest(key="ALIAS", value=value))


@documented
def test_edit__alias_as_documented(store: Store, env: str, shared: str) -> None:
    """As documented, the target of an alias cannot be changed, and must be of a higher scope."""
    alias = store.create_alias(env, shared, Key(key="ALIAS"))
    with pytest.raises(RejectedError, match="the value of an alias cannot be edited"):
        store.edit(env, alias["id"], SecretEditRequest(key="ALIAS", value="SHARED"))
    own = store.create(env, SecretRequest(key="OWN", value="x"))
    with pytest.raises(RejectedError, match="Aliases can only be created for a secret of a higher scope"):
        store.create_alias(env, own["id"], Key(key="OTHER"))


@observed
def test_edit__alias_of_an_overridden_secret(store: Store, env: str, shared: str) -> None:
    """An alias is retargeted to the project's secret, not to the override that shadows it."""
    store.create_override(env, shared, Value(value="mine"))
    built_in = store.add_secret(env, "BASE", "base", "BUILT_IN")
    alias = store.create_alias(env, built_in["id"], Key(key="ALIAS"))
    edited = store.edit(env, alias["id"], SecretEditRequest(key="ALIAS", value="SHARED"))
    assert edited["aliased_secret"]["id"] == shared


# --- Test setup -----------------------------------------------------------------------------------


def test_add_environment__ids(store: Store) -> None:
    """An environment gets the requested id or a new one, and environments are listed in order."""
    new = [store.add_environment(), store.add_environment("mine"), store.add_environment()]
    assert new[1] == "mine"
    assert store.environments() == new
    assert len(set(new)) == 3
    with pytest.raises(RejectedError, match="mine already exists") as caught:
        store.add_environment("mine")
    assert caught.value.status == 409


def test_add_environment__project(store: Store) -> None:
    """By default each environment has its own project."""
    one, two = store.add_environment(), store.add_environment()
    store.add_secret(one, "SHARED", "x", "PROJECT")
    assert (len(store.list(one)), store.list(two)) == (1, [])


@pytest.mark.parametrize(
    ("scope", "fields", "kind"),
    [
        ("BUILT_IN", {}, "BUILT_IN"),
        ("BUILT_IN", {"mount_path": "/f"}, "BUILT_IN"),
        ("PROJECT", {}, "VALUE"),
        ("PROJECT", {"mount_path": "/f"}, "FILE"),
        ("ENVIRONMENT", {"mount_path": ""}, "VALUE"),
    ],
)
def test_add_secret__kind(store: Store, env: str, scope: str, fields: dict[str, str], kind: str) -> None:
    """The scope and the mount path determine the kind."""
    added = store.add_secret(env, "A", "a", scope, **fields)
    assert (added["scope"], added["variable_type"]) == (scope, kind)
    assert store.list(env) == [added]


@pytest.mark.parametrize(("scope", "seen"), [("PROJECT", 1), ("ENVIRONMENT", 0), ("BUILT_IN", 0)])
def test_add_secret__owner(store: Store, env: str, scope: str, seen: int) -> None:
    """Only secrets of scope PROJECT are visible in the project's other environments."""
    other = store.add_environment(project_id="a-project")
    store.add_secret(env, "A", "a", scope)
    assert (len(store.list(env)), len(store.list(other))) == (1, seen)


def test_add_secret__fields(store: Store, env: str) -> None:
    """The list has the flag, the description and the service of an added secret."""
    fields = {"description": "d", "service_id": "i", "service_name": "n", "service_type": "DATABASE", "owned_by": "X"}
    added = store.add_secret(env, "A", "a", "BUILT_IN", enable_interpolation_in_file=True, **fields)
    assert added["enable_interpolation_in_file"] is True
    assert {name: added[name] for name in fields} == fields


def test_add_secret__rejected(store: Store, env: str) -> None:
    """A duplicate key in a scope, an unknown scope and an unknown environment are rejected."""
    for scope in ("PROJECT", "ENVIRONMENT", "BUILT_IN"):
        store.add_secret(env, "A", scope, scope)
        with pytest.raises(RejectedError, match="already exists: A") as caught:
            store.add_secret(env, "A", "again", scope)
        assert caught.value.status == 409
    assert store.value(env, "A") == "ENVIRONMENT"
    with pytest.raises(
        RejectedError, match="scope must be BUILT_IN, PROJECT, ENVIRONMENT, not 'APPLICATION'"
    ) as caught:
        store.add_secret(env, "B", "x", "APPLICATION")
    assert caught.value.status == 400


def test_value__override_of_another_environment(store: Store, env: str, shared: str) -> None:
    """An override applies only in its own environment, also through an alias."""
    other = store.add_environment(project_id="a-project")
    for one, value in ((env, "here"), (other, "there")):
        store.create_override(one, shared, Value(value=value))
        store.create_alias(one, shared, Key(key="ALIAS"))
    assert [store.value(one, key) for one in (env, other) for key in ("SHARED", "ALIAS")] == [
        "here", "here", "there", "there",
    ]  # fmt: skip


def test_clear__everything(store: Store, env: str, shared: str) -> None:
    """`clear` removes all environments and secrets."""
    store.clear()
    assert store.environments() == []
    store.add_environment(env, "a-project")
    assert store.list(env) == []


def test_transaction__all_or_nothing(store: Store, env: str, shared: str) -> None:
    """An error within a transaction rolls back all of it."""
    before = store.list(env)

    def fail_halfway() -> None:
        with store.transaction():
            store.add_secret(env, "A", "a", "ENVIRONMENT")
            store.delete(env, shared)

    with pytest.raises(RejectedError):
        fail_halfway()
    assert store.list(env) == before


def test_close__ends_the_store(store: Store, env: str) -> None:
    """A closed store rejects every operation."""
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.list(env)


def test_store__default_behaviour() -> None:
    """The default behaviour is `documented`."""
    with contextlib.closing(Store()) as store:
        assert store.behaviour == "documented"

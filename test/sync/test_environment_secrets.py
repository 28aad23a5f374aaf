"""The secrets of an environment as a mapping: reading, writing, rejected writes and lost responses."""

from __future__ import annotations

import pprint
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from IPython.lib.pretty import pretty as ipython_pretty
from pydantic import SecretStr

from qovery import (
    ApiException,
    ApiKeyError,
    ApiTypeError,
    BadRequestException,
    EnvironmentSecretApi,
    ForbiddenException,
    PlanConflictError,
    SecretRequest,
    ServiceException,
    UnauthorizedException,
)
from qovery.sandbox import Sandbox
from qovery.sync import EnvironmentSecrets
from test.support.canaries import everything
from test.support.clients import Connect


@pytest.fixture
def secrets(api: EnvironmentSecretApi, env: str) -> EnvironmentSecrets:
    return EnvironmentSecrets(api, env)


def sent(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.requests]


# --- Reading --------------------------------------------------------------------------------------


def test_mapping(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """The secrets are a mapping by key, in which a secret of the environment hides an inherited one."""
    assert (len(secrets), list(secrets), "OWN" in secrets) == (0, [], False)
    own = sandbox.add_secret(env, "OWN", "v")
    base = sandbox.add_secret(env, "SHARED", "v", scope="PROJECT")
    sandbox.add_secret(env, "QOVERY_DB", "v", scope="BUILT_IN")
    assert secrets["SHARED"] == base
    override = secrets.override("SHARED", "mine")
    assert set(secrets) == set(secrets.keys()) == {"OWN", "SHARED", "QOVERY_DB"}
    assert len(secrets) == len(list(secrets)) == len(secrets.items()) == len(secrets.values()) == 3
    assert (secrets["OWN"].id, secrets["SHARED"].id) == (own.id, override.id)
    assert {key: secret.id for key, secret in dict(secrets.items()).items()} == {
        key: secrets[key].id for key in secrets
    }
    assert secrets.get("OWN") == secrets["OWN"]


@pytest.mark.parametrize("key", ["NONE", "own", 1, None])
def test_mapping__without_the_key(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str, key: Any) -> None:
    """A missing key raises an error that is also a `KeyError`, or returns the default."""
    sandbox.add_secret(env, "OWN", "v")
    assert key not in secrets
    assert (secrets.get(key), secrets.get(key, "x")) == (None, "x")
    with pytest.raises(ApiKeyError, match=f"the environment has no secret {key!r}"):
        secrets[key]


@pytest.mark.parametrize(
    "access",
    [len, set, str, lambda it: "A" in it, lambda it: it.get("A"), lambda it: it.items(), lambda it: it._repr_html_()],
)
def test_access__one_list(sandbox: Sandbox, secrets: EnvironmentSecrets, access: Any) -> None:
    """Each access sends one list."""
    access(secrets)
    assert sent(sandbox) == ["GET"]


def test_repr__sends_nothing(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """Creating, comparing and representing the mapping sends nothing."""
    other = EnvironmentSecrets(secrets._api, env)
    assert (secrets == other, secrets == secrets, len({secrets, other})) == (False, True, 2)
    assert repr(secrets) == pprint.pformat(secrets) == f"<EnvironmentSecrets: {env}>"
    assert sent(sandbox) == []


def test_table(sandbox: Sandbox, secrets: EnvironmentSecrets, api: EnvironmentSecretApi, env: str) -> None:
    """Printed, in IPython and in a notebook, the mapping is the table of the list."""
    sandbox.add_secret(env, "OWN", "canary")
    listed = api.list_environment_secrets(env)
    assert str(secrets) == str(listed) == ipython_pretty(secrets)
    assert secrets._repr_html_() == listed._repr_html_()


def test_list__fails(sandbox: Sandbox, secrets: EnvironmentSecrets) -> None:
    """If the list fails, every access raises its error; `in` does not return False."""
    sandbox.revoke("a-token")
    for access in (len, list, lambda it: "A" in it, lambda it: it.get("A"), lambda it: it.delete("A")):
        with pytest.raises(UnauthorizedException):
            access(secrets)


# --- Writing --------------------------------------------------------------------------------------


def test_set(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """A new key is created, an own one edited, and one of the project overridden, each after one list."""
    old = sandbox.add_secret(env, "OWN", "old")
    base = sandbox.add_secret(env, "SHARED", "base", scope="PROJECT")
    assert secrets.set("NEW", "1").key == "NEW"
    assert secrets.set("OWN", SecretStr("2")).id == old.id
    override = secrets.set("SHARED", "3")
    assert override.overridden_secret is not None
    assert override.overridden_secret.id == base.id
    assert secrets.set("SHARED", "4").id == override.id
    file = secrets.set("FILE", SecretRequest(key="FILE", value="5", mount_path="/f", description="d"))
    assert (file.variable_type, file.description) == ("FILE", "d")
    assert [sandbox.value(env, key) for key in ("NEW", "OWN", "SHARED", "FILE")] == ["1", "2", "4", "5"]
    assert sent(sandbox) == ["GET", "POST", "GET", "PUT", "GET", "POST", "GET", "PUT", "GET", "POST"]


def test_override(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """A secret of the project is overridden; an existing override is edited."""
    sandbox.add_secret(env, "SHARED", "base", scope="PROJECT")
    made = secrets.override("SHARED", "1")
    assert secrets.override("SHARED", "2").id == made.id
    assert sandbox.value(env, "SHARED") == "2"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("NONE", "NONE was not written: no secret of the project has this key"),
        ("OWN", "OWN was not written: it is a secret of the environment itself"),
        ("ALIAS", "ALIAS was not written: it is an alias"),
        ("QOVERY_DB", "QOVERY_DB was not written: inherited, of scope BUILT_IN: cannot be overridden"),
    ],
)
def test_override__without_a_base(
    sandbox: Sandbox, secrets: EnvironmentSecrets, env: str, key: str, reason: str
) -> None:
    """If no secret of the project has the key, nothing is written."""
    sandbox.add_secret(env, "OWN", "v")
    sandbox.add_secret(env, "QOVERY_DB", "v", scope="BUILT_IN")
    secrets.alias("ALIAS", "OWN")
    before = sent(sandbox)
    with pytest.raises(PlanConflictError, match=reason) as caught:
        secrets.override(key, "canary")
    assert sent(sandbox) == [*before, "GET"]
    assert [(one.kind, one.key) for one in caught.value.conflicts] == [("conflict", key)]
    assert "canary" not in everything(caught.value)


def test_alias(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """An alias of an own or a BUILT_IN secret is created; an existing one is returned without a write."""
    sandbox.add_secret(env, "OWN", "v")
    sandbox.add_secret(env, "QOVERY_DB", "db", scope="BUILT_IN")
    for key, target in (("MINE", "OWN"), ("DB", "QOVERY_DB")):
        made = secrets.alias(key, target)
        assert made.aliased_secret is not None
        assert (made.key, made.aliased_secret.key) == (key, target)
        before = sent(sandbox)
        assert secrets.alias(key, target).id == made.id
        assert sent(sandbox) == [*before, "GET"]


@pytest.mark.parametrize(
    ("key", "target", "reason"),
    [
        ("A", "NONE", "the target NONE does not exist"),
        ("A", "A", "a secret cannot be an alias of itself"),
        ("OWN", "OTHER", "it is of kind VALUE, not an alias of OTHER"),
        ("SHARED", "OWN", "a secret of scope PROJECT has this key"),
        ("9", "OWN", "the service rejects|starts with a letter"),
    ],
)
def test_alias__rejected(
    sandbox: Sandbox, secrets: EnvironmentSecrets, env: str, key: str, target: str, reason: str
) -> None:
    """A conflict of a plan is an error here, with the same reason."""
    sandbox.add_secret(env, "OWN", "v")
    sandbox.add_secret(env, "OTHER", "v")
    sandbox.add_secret(env, "SHARED", "v", scope="PROJECT")
    with pytest.raises(PlanConflictError, match=reason):
        secrets.alias(key, target)
    assert sent(sandbox) == ["GET"]


def test_set__rejected(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """A secret that cannot be edited, or a value that equals a key, is rejected with the reason."""
    sandbox.add_secret(env, "THEIRS", "v", owned_by="DOPPLER")
    sandbox.add_secret(env, "FILE", "v", mount_path="/f")
    for key, value, reason in (
        ("THEIRS", "canary", "THEIRS was not written: managed by DOPPLER"),
        ("FILE", "canary", "its kind is FILE, not VALUE"),
        ("NEW", "THEIRS", "the value equals a key"),
        ("QOVERY_X", "canary", "reserved"),
    ):
        with pytest.raises(PlanConflictError, match=reason) as caught:
            secrets.set(key, value)
        assert "canary" not in everything(caught.value)
    assert set(sent(sandbox)) == {"GET"}
    made = secrets.set("NEW", "THEIRS", allow_key_like_values=True)
    assert (made.aliased_secret is not None) == (sandbox.behaviour == "documented")


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda it: it.set(1, "v"), "a key must be a str"),
        (lambda it: it.set("A", 1), "must be a str, a SecretStr, a SecretRequest"),
        (lambda it: it.override("A", None), "must be a str, a SecretStr, a SecretRequest"),
        (lambda it: it.alias("A", None), "must map a key to a key"),
    ],
)
def test_write__of_another_type(sandbox: Sandbox, secrets: EnvironmentSecrets, write: Any, error: str) -> None:
    """A key or value of the wrong type is an error, and nothing is sent."""
    with pytest.raises(ApiTypeError, match=error):
        write(secrets)
    assert sent(sandbox) == []


# --- Deleting -------------------------------------------------------------------------------------


def test_delete(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """A deletion returns the deleted secret and leaves all others; behind an override is the project's secret."""
    own = sandbox.add_secret(env, "OWN", "v")
    sandbox.add_secret(env, "OTHER", "v")
    base = sandbox.add_secret(env, "SHARED", "v", scope="PROJECT")
    override = secrets.override("SHARED", "mine")
    alias = secrets.alias("ALIAS", "OTHER")
    before = sent(sandbox)
    assert [secrets.delete(key).id for key in ("OWN", "SHARED", "ALIAS")] == [own.id, override.id, alias.id]
    assert sent(sandbox) == [*before, *["GET", "DELETE"] * 3]
    assert {key: secret.id for key, secret in secrets.items()} == {
        "OTHER": secrets["OTHER"].id, "SHARED": base.id,
    }  # fmt: skip


@pytest.mark.parametrize("key", ["NONE", 1])
def test_delete__missing(sandbox: Sandbox, secrets: EnvironmentSecrets, key: Any) -> None:
    """Deleting a missing key is a `KeyError`."""
    with pytest.raises(KeyError, match="the environment has no secret"):
        secrets.delete(key)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("SHARED", "SHARED was not deleted: it is inherited, of scope PROJECT"),
        ("THEIRS", "THEIRS was not deleted: managed by DOPPLER"),
        ("OWN", r"OWN was not deleted: A, B would be deleted with it; pass cascade=True"),
    ],
)
def test_delete__rejected(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str, key: str, reason: str) -> None:
    """A secret that is inherited, managed elsewhere or has aliases is not deleted."""
    sandbox.add_secret(env, "SHARED", "v", scope="PROJECT")
    sandbox.add_secret(env, "THEIRS", "v", owned_by="DOPPLER")
    sandbox.add_secret(env, "OWN", "v")
    secrets.alias("B", "OWN")
    secrets.alias("A", "OWN")
    with pytest.raises(PlanConflictError, match=reason):
        secrets.delete(key)
    assert "DELETE" not in sent(sandbox)


def test_delete__cascade(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """`cascade` deletes the aliases first, and nothing else."""
    own = sandbox.add_secret(env, "OWN", "v")
    sandbox.add_secret(env, "OTHER", "v")
    secrets.alias("A", "OWN")
    secrets.alias("B", "OTHER")
    assert secrets.delete("OWN", cascade=True).id == own.id
    assert set(secrets) == {"OTHER", "B"}


# --- Failures -------------------------------------------------------------------------------------

WRITES: dict[str, Any] = {
    "create_environment_secret": lambda it: it.set("NEW", "v"),
    "edit_environment_secret": lambda it: it.set("OWN", "v"),
    "create_environment_secret_override": lambda it: it.override("SHARED", "v"),
    "create_environment_secret_alias": lambda it: it.alias("ALIAS", "QOVERY_DB"),
    "delete_environment_secret": lambda it: it.delete("OWN"),
}
by_operation = pytest.mark.parametrize("operation", WRITES)


def filled(sandbox: Sandbox, env: str) -> None:
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "SHARED", "old", scope="PROJECT")
    sandbox.add_secret(env, "QOVERY_DB", "v", scope="BUILT_IN")


@by_operation
@pytest.mark.parametrize("fault", ["drop_reply", "reset_connection"])
@pytest.mark.parametrize("retries", [0, 3])
def test_write__lost(sandbox: Sandbox, connect: Connect, env: str, operation: str, fault: str, retries: int) -> None:
    """A lost request or response is resolved by another list: the write is applied, and the secret is returned."""
    filled(sandbox, env)
    secrets = EnvironmentSecrets(connect(sandbox, retries=retries), env)
    getattr(sandbox, fault)(operation)
    written = WRITES[operation](secrets)
    if operation == "delete_environment_secret":
        assert (written.key, "OWN" in secrets) == ("OWN", False)
    else:
        assert secrets[written.key] == written
        assert sandbox.value(env, written.key) == "v"


@by_operation
@pytest.mark.parametrize("error", [BadRequestException, ForbiddenException, ServiceException])
def test_write__fails(
    sandbox: Sandbox, secrets: EnvironmentSecrets, env: str, operation: str, error: type[ApiException]
) -> None:
    """The error of a failed call is raised unchanged, not in a group."""
    filled(sandbox, env)
    status = {BadRequestException: 400, ForbiddenException: 403}.get(error, 500)
    sandbox.fail(operation, status=status, times=None)
    with pytest.raises(error) as caught:
        WRITES[operation](secrets)
    assert (type(caught.value), caught.value.operation) == (error, operation)


@by_operation
def test_write__throttled(sandbox: Sandbox, connect: Connect, env: str, operation: str) -> None:
    """A write waits for a rate limit instead of failing."""
    filled(sandbox, env)
    sandbox.fail(operation, status=429, times=3)
    sandbox.fail("list_environment_secrets", status=429, times=2)
    WRITES[operation](EnvironmentSecrets(connect(sandbox, retries=0), env))


def test_write__lost_for_good(sandbox: Sandbox, secrets: EnvironmentSecrets, env: str) -> None:
    """An edit that loses every response is an error that says that the outcome is unknown."""
    filled(sandbox, env)
    sandbox.drop_reply("edit_environment_secret", times=None)
    with pytest.raises(Exception, match="may have applied it") as caught:
        secrets.set("OWN", "canary")
    assert getattr(caught.value, "outcome_unknown", None) is True
    assert "canary" not in everything(caught.value)


def test_write__concurrent(sandbox: Sandbox, connect: Connect, env: str) -> None:
    """Several clients that set the same new key concurrently all succeed."""
    start = threading.Barrier(3)

    def write(number: int) -> str:
        secrets = EnvironmentSecrets(connect(sandbox), env)
        start.wait()
        return secrets.set("NEW", f"v{number}").key

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(write, range(3))) == {"NEW"}
    assert sandbox.value(env, "NEW") in {"v0", "v1", "v2"}

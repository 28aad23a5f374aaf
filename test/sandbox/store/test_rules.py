"""The rules of the service, tested through the client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from qovery import (
    ApiException,
    BadRequestException,
    ConflictException,
    EnvironmentSecretApi,
    ForbiddenException,
    NotFoundException,
    Secret,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour

documented = pytest.mark.parametrize("behaviour", ["documented"], indirect=True)
observed = pytest.mark.parametrize("behaviour", ["observed"], indirect=True)

Keys = Callable[[], list[str]]


# --- Create ---------------------------------------------------------------------------------------


def test_create__value(api: EnvironmentSecretApi, env: str, sandbox: Sandbox) -> None:
    """A new secret is a VALUE of the environment, owned by the service, with the given value."""
    created = api.create_environment_secret(env, {"key": "A", "value": "a value", "description": "what for"})
    assert (created.key, created.scope, created.variable_type) == ("A", "ENVIRONMENT", "VALUE")
    assert (created.owned_by, created.description) == ("QOVERY", "what for")
    assert sandbox.value(env, "A") == "a value"


def test_create__file(api: EnvironmentSecretApi, env: str) -> None:
    """A mount path makes the secret a FILE."""
    created = api.create_environment_secret(env, {"key": "A", "value": "{}", "mount_path": "/etc/a.json"})
    assert created.variable_type == "FILE"
    assert "mount_path" not in created.to_dict()  # not in the OpenAPI description


def test_create__empty_and_large_values(api: EnvironmentSecretApi, env: str, sandbox: Sandbox) -> None:
    """A value may be empty, missing, or as large as the body limit allows."""
    api.create_environment_secret(env, {"key": "EMPTY", "value": ""})
    api.create_environment_secret(env, {"key": "NONE"})
    large = "é" * 500_000
    api.create_environment_secret(env, {"key": "LARGE", "value": large})
    assert [sandbox.value(env, key) for key in ("EMPTY", "NONE", "LARGE")] == ["", "", large]


@documented
def test_create__existing_key_is_replaced(api: EnvironmentSecretApi, env: str, sandbox: Sandbox, keys: Keys) -> None:
    """As documented, a create with an existing key replaces the secret."""
    old = api.create_environment_secret(env, {"key": "A", "value": "old"})
    new = api.create_environment_secret(env, {"key": "A", "value": "new"})
    assert (keys(), sandbox.value(env, "A")) == (["A"], "new")
    assert old.id != new.id


@observed
def test_create__existing_key_conflicts(api: EnvironmentSecretApi, env: str, sandbox: Sandbox) -> None:
    """As observed, a create with an existing key is rejected, and the secret is unchanged."""
    api.create_environment_secret(env, {"key": "A", "value": "old"})
    with pytest.raises(ConflictException, match="already exists: A"):
        api.create_environment_secret(env, {"key": "A", "value": "new"})
    assert sandbox.value(env, "A") == "old"


@documented
def test_create__inherited_key_is_shadowed(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret
) -> None:
    """As documented, a key of a higher scope may be used, and the environment's own secret shadows it."""
    api.create_environment_secret(env, {"key": project.key, "value": "own"})
    assert sandbox.value(env, project.key) == "own"


@observed
def test_create__inherited_key_conflicts(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """As observed, a create with a key of a higher scope is rejected."""
    with pytest.raises(ConflictException):
        api.create_environment_secret(env, {"key": project.key, "value": "own"})


@documented
def test_create__value_like_a_key_is_an_alias(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret
) -> None:
    """As documented, a value that is another secret's key creates an alias."""
    created = api.create_environment_secret(env, {"key": "A", "value": project.key})
    assert created.variable_type == "ALIAS"
    assert created.aliased_secret is not None
    assert created.aliased_secret.id == project.id
    assert sandbox.value(env, "A") == "shared value"


@documented
def test_create__value_like_the_key_of_an_alias(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """A value that is the key of an alias is rejected: an alias cannot target an alias."""
    api.create_environment_secret_alias(env, project.id, {"key": "ALIAS"})
    with pytest.raises(BadRequestException, match="alias of an alias"):
        api.create_environment_secret(env, {"key": "A", "value": "ALIAS"})


@observed
def test_create__value_like_a_key_stays_a_value(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret
) -> None:
    """As observed, a value that is another secret's key is stored as a value."""
    created = api.create_environment_secret(env, {"key": "A", "value": project.key})
    assert (created.variable_type, sandbox.value(env, "A")) == ("VALUE", project.key)


# --- Edit -----------------------------------------------------------------------------------------


def test_edit__value_key_and_description(api: EnvironmentSecretApi, env: str, sandbox: Sandbox) -> None:
    """An edit changes the given fields, keeps omitted ones, and null clears a field."""
    created = api.create_environment_secret(env, {"key": "A", "value": "old", "description": "what for"})
    edited = api.edit_environment_secret(env, created.id, {"key": "B", "value": "new"})
    assert (edited.id, edited.key, edited.description) == (created.id, "B", "what for")
    assert edited.updated_at is not None
    assert edited.updated_at > edited.created_at
    api.edit_environment_secret(env, created.id, {"key": "B", "description": None})
    assert sandbox.secrets(env)[0].description is None
    assert sandbox.value(env, "B") == "new"


def test_edit__existing_key(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """A secret cannot be renamed to a key that exists in the environment."""
    created = api.create_environment_secret(env, {"key": "A", "value": "x"})
    with pytest.raises(ConflictException):
        api.edit_environment_secret(env, created.id, {"key": project.key})


def test_edit__keeps_aliases(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, behaviour: str, project: Secret
) -> None:
    """An edited override remains an override, with the new value."""
    override = api.create_environment_secret_override(env, project.id, {"value": "mine"})
    edited = api.edit_environment_secret(env, override.id, {"key": project.key, "value": "mine too"})
    assert edited.overridden_secret is not None
    assert sandbox.value(env, project.key) == "mine too"


@pytest.mark.parametrize("scope", ["project", "built_in"])
def test_edit_and_delete__of_a_higher_scope(
    api: EnvironmentSecretApi, env: str, scope: str, request: pytest.FixtureRequest
) -> None:
    """A secret of a higher scope can be neither edited nor deleted from the environment."""
    secret = request.getfixturevalue(scope)
    with pytest.raises(ForbiddenException):
        api.edit_environment_secret(env, secret.id, {"key": secret.key, "value": "x"})
    with pytest.raises(ForbiddenException):
        api.delete_environment_secret(env, secret.id)


def test_edit__key_of_an_override(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """The key of an override cannot be edited."""
    override = api.create_environment_secret_override(env, project.id, {"value": "x"})
    with pytest.raises(BadRequestException, match="key"):
        api.edit_environment_secret(env, override.id, {"key": "OTHER"})


@documented
def test_edit__value_of_an_alias(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """As documented, the value of an alias cannot be edited; its key can."""
    alias = api.create_environment_secret_alias(env, project.id, {"key": "A"})
    with pytest.raises(BadRequestException, match="value"):
        api.edit_environment_secret(env, alias.id, {"key": "A", "value": "x"})
    assert api.edit_environment_secret(env, alias.id, {"key": "B"}).key == "B"


@observed
def test_edit__alias_is_retargeted(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret, built_in: Secret
) -> None:
    """As observed, an edit retargets an alias to the given key, but not to a secret of another kind."""
    alias = api.create_environment_secret_alias(env, project.id, {"key": "A"})
    edited = api.edit_environment_secret(env, alias.id, {"key": "A", "value": built_in.key})
    assert edited.aliased_secret is not None
    assert edited.aliased_secret.key == built_in.key
    assert sandbox.value(env, "A") == "db url"
    api.create_environment_secret(env, {"key": "F", "value": "x", "mount_path": "/f"})
    for target in ("F", "A", "MISSING"):
        with pytest.raises(BadRequestException):
            api.edit_environment_secret(env, alias.id, {"key": "A", "value": target})


# --- Alias and override ---------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["project", "built_in"])
def test_alias__of_a_higher_scope(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, scope: str, request: pytest.FixtureRequest
) -> None:
    """An alias has its own key and the value of its target."""
    target = request.getfixturevalue(scope)
    alias = api.create_environment_secret_alias(env, target.id, {"key": "A", "description": "short"})
    assert alias.aliased_secret is not None
    assert (alias.variable_type, alias.scope, alias.aliased_secret.id) == ("ALIAS", "ENVIRONMENT", target.id)
    assert sandbox.value(env, "A") == sandbox.value(env, target.key)


@documented
def test_alias__of_the_same_scope(api: EnvironmentSecretApi, env: str) -> None:
    """As documented, an alias can only target a secret of a higher scope."""
    own = api.create_environment_secret(env, {"key": "A", "value": "x"})
    with pytest.raises(BadRequestException, match="higher scope"):
        api.create_environment_secret_alias(env, own.id, {"key": "B"})


@observed
def test_alias__of_the_same_scope_works(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """As observed, an alias can target the same scope, but not an override."""
    own = api.create_environment_secret(env, {"key": "A", "value": "x"})
    assert api.create_environment_secret_alias(env, own.id, {"key": "B"}).variable_type == "ALIAS"
    override = api.create_environment_secret_override(env, project.id, {"value": "x"})
    with pytest.raises(BadRequestException, match="override"):
        api.create_environment_secret_alias(env, override.id, {"key": "C"})


def test_alias__of_an_alias(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """An alias cannot be aliased."""
    alias = api.create_environment_secret_alias(env, project.id, {"key": "A"})
    with pytest.raises(BadRequestException, match="alias of an alias"):
        api.create_environment_secret_alias(env, alias.id, {"key": "B"})


def test_alias__existing_key(api: EnvironmentSecretApi, env: str, project: Secret, built_in: Secret) -> None:
    """An alias cannot use a key that exists in the environment."""
    with pytest.raises(ConflictException):
        api.create_environment_secret_alias(env, project.id, {"key": built_in.key})


@pytest.mark.parametrize("scope", ["project", "built_in"])
def test_override__of_a_higher_scope(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, scope: str, request: pytest.FixtureRequest
) -> None:
    """An override has the key of its target and its own value."""
    target = request.getfixturevalue(scope)
    override = api.create_environment_secret_override(env, target.id, {"value": "mine"})
    assert override.overridden_secret is not None
    assert (override.variable_type, override.key, override.overridden_secret.id) == ("OVERRIDE", target.key, target.id)
    assert sandbox.value(env, target.key) == "mine"


def test_override__of_the_same_scope(api: EnvironmentSecretApi, env: str) -> None:
    """Only a secret of a higher scope can be overridden."""
    own = api.create_environment_secret(env, {"key": "A", "value": "x"})
    with pytest.raises(BadRequestException, match="higher scope"):
        api.create_environment_secret_override(env, own.id, {"value": "y"})


def test_override__second(api: EnvironmentSecretApi, env: str, project: Secret) -> None:
    """A secret can have only one override per environment."""
    api.create_environment_secret_override(env, project.id, {"value": "x"})
    with pytest.raises(ConflictException):
        api.create_environment_secret_override(env, project.id, {"value": "y"})


# --- Delete and list ------------------------------------------------------------------------------


def test_delete__cascades(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, behaviour: str, keys: Keys, project: Secret
) -> None:
    """Deleting a secret deletes its aliases; deleting one of those afterwards returns a 404."""
    if behaviour == "observed":
        own = api.create_environment_secret(env, {"key": "A", "value": "x"})
        alias = api.create_environment_secret_alias(env, own.id, {"key": "B"})
    else:
        own = api.create_environment_secret(env, {"key": "A", "value": "x"})
        alias = api.create_environment_secret(env, {"key": "B", "value": "A"})
    api.delete_environment_secret(env, own.id)
    assert keys() == [project.key]
    with pytest.raises(NotFoundException):
        api.delete_environment_secret(env, alias.id)


def test_list__is_what_the_environment_sees(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret, built_in: Secret
) -> None:
    """The list has own, inherited and BUILT_IN secrets, but no values and no secrets of other environments."""
    other = sandbox.add_environment()
    sandbox.add_secret(other, "ELSEWHERE", "hidden value")
    api.create_environment_secret(env, {"key": "A", "value": "hidden value"})
    response = api.list_environment_secrets_with_http_info(env)
    assert response.data.results is not None
    assert {secret.key for secret in response.data.results} == {"A", project.key, built_in.key}
    assert b"hidden value" not in response.raw_data
    assert b"shared value" not in response.raw_data


def test_list__project_is_shared(api: EnvironmentSecretApi, sandbox: Sandbox) -> None:
    """Environments of a project inherit the same secrets, and each can override them."""
    one, two = (sandbox.add_environment(project_id="a-project") for _ in range(2))
    shared = sandbox.add_secret(one, "SHARED", "x", scope="PROJECT")
    api.create_environment_secret_override(two, shared.id, {"value": "y"})
    assert (sandbox.value(one, "SHARED"), sandbox.value(two, "SHARED")) == ("x", "y")
    assert len(sandbox.secrets(one)) == 1


def test_wire__times_ids_and_nulls(api: EnvironmentSecretApi, env: str) -> None:
    """Timestamps are UTC with a `Z` and no trailing zeros, ids are lower-case UUIDs, and nulls are explicit."""
    raw = api.create_environment_secret_with_http_info(env, {"key": "A", "value": "x"}).data.to_dict()
    text = api.list_environment_secrets_with_http_info(env).raw_data.decode()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", raw["id"])
    assert re.search(r'"created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{0,5}[1-9]Z"', text)
    for field in ("overridden_secret", "aliased_secret", "service_id", "service_name", "service_type", "description"):
        assert raw[field] is None


UNKNOWN = "00000000-0000-4000-8000-000000000000"


def call(api: EnvironmentSecretApi, operation: str, environment_id: str, secret_id: str = "") -> object:
    """Call an operation with these ids."""
    match operation:
        case "list":
            return api.list_environment_secrets(environment_id)
        case "create":
            return api.create_environment_secret(environment_id, {"key": "A"})
        case "edit":
            return api.edit_environment_secret(environment_id, secret_id, {"key": "A"})
        case "delete":
            return api.delete_environment_secret(environment_id, secret_id)
        case "alias":
            return api.create_environment_secret_alias(environment_id, secret_id, {"key": "A"})
        case _:
            return api.create_environment_secret_override(environment_id, secret_id, {"value": "A"})


@pytest.mark.parametrize("operation", ["list", "create", "edit", "delete", "alias", "override"])
def test_unknown__environment(api: EnvironmentSecretApi, operation: str, behaviour: Behaviour) -> None:
    """An unknown environment returns a 404 as documented, and a 403 as observed."""
    with pytest.raises(NotFoundException if behaviour == "documented" else ForbiddenException):
        call(api, operation, UNKNOWN, UNKNOWN)


@pytest.mark.parametrize("operation", ["edit", "delete", "alias", "override"])
def test_unknown__secret(
    api: EnvironmentSecretApi, sandbox: Sandbox, env: str, operation: str, behaviour: Behaviour
) -> None:
    """An unknown secret, or one of another environment, returns a 404 as documented, and a 403 as observed."""
    elsewhere = sandbox.add_secret(sandbox.add_environment(), "ELSEWHERE").id
    for secret_id in (UNKNOWN, elsewhere):
        with pytest.raises(NotFoundException if behaviour == "documented" else ForbiddenException):
            call(api, operation, env, secret_id)


@pytest.mark.parametrize("operation", ["edit", "delete", "alias", "override"])
def test_unknown__deleted_secret(api: EnvironmentSecretApi, sandbox: Sandbox, env: str, operation: str) -> None:
    """A deleted secret returns a 404 in both behaviours; in another environment it is an unknown secret."""
    secret = api.create_environment_secret(env, {"key": "A", "value": "x"})
    api.delete_environment_secret(env, secret.id)
    with pytest.raises(NotFoundException):
        call(api, operation, env, secret.id)
    with pytest.raises(NotFoundException if sandbox.behaviour == "documented" else ForbiddenException):
        call(api, operation, sandbox.add_environment(), secret.id)


def test_conflict__names_the_existing_secret(
    api: EnvironmentSecretApi, sandbox: Sandbox, project: Secret, built_in: Secret
) -> None:
    """A 409 has the id, key and scope of the existing secret, and the ids of its project, environment and service."""
    env = sandbox.add_environment(project_id="a-project")
    shared = sandbox.add_secret(env, "SHARED", scope="PROJECT")
    database = sandbox.add_secret(env, "DB", scope="BUILT_IN", service_id=UNKNOWN)
    own = api.create_environment_secret(env, {"key": "OWN", "value": "canary-value"})
    for existing, environment_id, service_id in ((shared, None, None), (database, env, UNKNOWN), (own, env, None)):
        with pytest.raises(ConflictException) as caught:
            api.create_environment_secret_alias(env, shared.id, {"key": existing.key})
        assert caught.value.body is not None
        body = json.loads(caught.value.body)
        assert body.pop("existing_variable") == {
            "id": existing.id,
            "key": existing.key,
            "scope": existing.scope,
            "project_id": "a-project",
            "environment_id": environment_id,
            "service_id": service_id,
        }
        assert body == {"status": 409, "detail": f"Variable already exists: {existing.key}"}


def test_ids__in_upper_case(api: EnvironmentSecretApi, sandbox: Sandbox) -> None:
    """Ids are case-insensitive; responses have them in lower case."""
    env = sandbox.add_environment("AAAAAAAA-0000-4000-8000-00000000000A")
    assert env == "aaaaaaaa-0000-4000-8000-00000000000a"
    secret = api.create_environment_secret(env.upper(), {"key": "A", "value": "x"})
    edited = api.edit_environment_secret(env.upper(), secret.id.upper(), {"key": "B"})
    assert (edited.id, sandbox.value(env.upper(), "B")) == (secret.id, "x")
    api.delete_environment_secret(env.upper(), secret.id.upper())
    assert sandbox.secrets(env) == []
    assert sandbox.add_environment("Not-A-UUID") == "Not-A-UUID"


def test_value__interpolation(api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret) -> None:
    """`{{KEY}}` is replaced recursively; circular references and unknown keys are unchanged."""
    api.create_environment_secret(env, {"key": "URL", "value": "https://{{HOST}}/{{ SHARED }}/{{NOBODY}}"})
    api.create_environment_secret(env, {"key": "HOST", "value": "{{NAME}}.example"})
    api.create_environment_secret(env, {"key": "NAME", "value": "shop-{{HOST}}"})
    assert sandbox.value(env, "URL") == "https://shop-{{HOST}}.example/shared value/{{NOBODY}}"


def test_value__interpolation_in_files(api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret) -> None:
    """References in a file are replaced only if the secret enables it."""
    for key, flag in (("PLAIN", None), ("FILLED", True)):
        body = {"key": key, "value": "{{SHARED}}", "mount_path": "/f", "enable_interpolation_in_file": flag}
        api.create_environment_secret(env, body)
    assert (sandbox.value(env, "PLAIN"), sandbox.value(env, "FILLED")) == ("{{SHARED}}", "shared value")


def test_value__missing(env: str, sandbox: Sandbox) -> None:
    """A missing key raises a `KeyError`."""
    with pytest.raises(KeyError, match="no secret 'A'"):
        sandbox.value(env, "A")


def test_create__empty_key(api: EnvironmentSecretApi, env: str) -> None:
    """A key cannot be empty."""
    with pytest.raises(ApiException, match="key"):
        api.create_environment_secret(env, {"key": " "})


@documented
def test_value__of_aliases_that_look_like_a_circle(api: EnvironmentSecretApi, env: str, sandbox: Sandbox) -> None:
    """An alias resolves to the secret that it was created for, even if another secret now has that key."""
    for key in ("X", "B"):
        sandbox.add_secret(env, key, f"project {key}", scope="PROJECT")
    api.create_environment_secret(env, {"key": "X", "value": "B"})
    api.create_environment_secret(env, {"key": "B", "value": "X"})
    assert [sandbox.value(env, key) for key in ("X", "B")] == ["project B", "project X"]


def test_value__alias_of_an_overridden_secret(
    api: EnvironmentSecretApi, env: str, sandbox: Sandbox, project: Secret
) -> None:
    """An alias of an overridden secret has the value of the override."""
    api.create_environment_secret_alias(env, project.id, {"key": "ALIAS"})
    api.create_environment_secret_override(env, project.id, {"value": "only here"})
    assert sandbox.value(env, "ALIAS") == "only here"

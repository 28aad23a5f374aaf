"""Names of generated clients that do not exist here raise an error that names a section of the guide."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any
from unittest import mock

import pytest

import qovery
from qovery import (
    ApiAttributeError,
    ApiClient,
    ApiImportError,
    ApiTypeError,
    ApiValidationError,
    Configuration,
    EnvironmentSecretApi,
    Secret,
    SecretRequest,
    SecretResponseList,
    legacy,
)
from qovery.rest import RESTClientObject
from qovery.sandbox import Sandbox
from test.support import ROOT
from test.support.canaries import CANARY, everything
from test.support.clients import client_for
from test.support.pages import anchors

SECRET = {"id": "1", "created_at": "2024-01-01T00:00:00Z", "key": "A", "scope": "PROJECT"}

OFFLINE = "http://localhost:9"

OWNERS: dict[type[Any], dict[str, str]] = {
    Configuration: legacy.SETTINGS,
    ApiClient: legacy.CLIENT,
    RESTClientObject: legacy.REST_CLIENT,
}
NAMES = [(owner, name) for owner, names in OWNERS.items() for name in names]
by_name = pytest.mark.parametrize(("owner", "name"), NAMES, ids=lambda part: getattr(part, "__name__", part))


def made(owner: type[Any]) -> Any:
    """An instance of one of the three classes."""
    client = client_for(OFFLINE).api_client
    return {Configuration: client.configuration, ApiClient: client, RESTClientObject: client.rest_client}[owner]


TABLES = (legacy.SETTINGS, legacy.CLIENT, legacy.REST_CLIENT, legacy.OPTIONS, legacy.MODEL, legacy.PACKAGE)


@pytest.mark.parametrize("table", TABLES)
def test_table__names_are_in_the_guide(table: dict[str, str]) -> None:
    """The guide lists every name."""
    words = set(re.findall(r"\w+", (ROOT / legacy.GUIDE).read_text(encoding="utf-8")))
    assert table.keys() <= words


@pytest.mark.parametrize("table", TABLES)
def test_table__sections_exist(table: dict[str, str]) -> None:
    """Every section that an error names is a heading of the guide."""
    hints = [*table.values(), legacy.camel_case_hint("aName") or ""]
    assert {hint.partition(f"see {legacy.GUIDE}#")[2] for hint in hints} <= anchors(ROOT / legacy.GUIDE)


@by_name
def test_name__is_read(owner: type[Any], name: str) -> None:
    """Reading a name without support is an AttributeError that says what to do instead, and `hasattr` is False."""
    one = made(owner)
    if hasattr(owner, name):
        assert callable(getattr(one, name))
        return
    assert not hasattr(one, name)
    with pytest.raises(ApiAttributeError, match=rf"has no attribute '{name}': .*; see docs/guides/migration\.md#"):
        getattr(one, name)


@by_name
def test_name__is_set(owner: type[Any], name: str) -> None:
    """No name can be set, since it would have no effect."""
    one = made(owner)
    before = dict(vars(one))
    with pytest.raises(ApiAttributeError, match=re.escape(legacy.GUIDE)) as caught:
        setattr(one, name, "canary")
    assert vars(one) == before
    frames = [entry.frame.f_locals for entry in caught.traceback[1:]]
    assert "canary" not in str(frames)


@by_name
@pytest.mark.parametrize("mixin", [False, True])
def test_name__is_overridden(owner: type[Any], name: str, mixin: bool) -> None:
    """Overriding a name in a subclass or a mixin is an error when the class is defined."""
    defined = {name: lambda *args: None}
    bases, members = ((type("Mixin", (), defined), owner), {}) if mixin else ((owner,), defined)
    with pytest.raises(ApiTypeError, match=rf"Mine\.{name} would never be called: .*{legacy.GUIDE}"):
        type("Mine", bases, members)


@pytest.mark.parametrize("name", legacy.SETTINGS)
def test_configuration__argument(name: str) -> None:
    """Passing a name to the constructor is an error, also from a subclass."""

    class Mine(Configuration):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)

    for configuration in (Configuration, Mine):
        with pytest.raises(ApiTypeError, match=rf"Configuration has no argument '{name}': .*{legacy.GUIDE}"):
            configuration(**{name: None})
    with pytest.raises(ApiAttributeError, match=rf"has no setting '{name}': .*{legacy.GUIDE}"):
        Configuration().update(**{name: None})


def test_client__argument() -> None:
    """`pool_threads` of 1.0.3 is an error that names its section."""
    with pytest.raises(ApiTypeError, match=r"ApiClient has no argument 'pool_threads': .*#options-of-103"):
        ApiClient(pool_threads=4)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: Configuration("http://localhost", None, None, CANARY),
            "Configuration takes only host, api_key and api_key_prefix by position: pass the others by name",
        ),
        (lambda: SecretRequest("A", CANARY), "SecretRequest takes no positional arguments: pass them by name"),
        (
            lambda: client_for(OFFLINE).list_environment_secrets("e", CANARY),
            "EnvironmentSecretApi.list_environment_secrets takes only environment_id by position:"
            " pass the others by name",
        ),
    ],
    ids=["Configuration", "model", "operation"],
)
def test_arguments__by_position(call: Any, text: str) -> None:
    """More arguments by position than there are, as 1.0.3 took them, are an error that says which there are."""
    with pytest.raises(ApiTypeError) as caught:
        call()
    assert str(caught.value) == text
    assert CANARY not in everything(caught.value)


def test_arguments__of_others() -> None:
    """An argument that no client has is an error without a section; an internal TypeError propagates unchanged."""
    with pytest.raises(ApiTypeError, match=r"ApiClient has no argument 'nope'$"):
        ApiClient(nope=1)
    api: Any = client_for(OFFLINE)
    with pytest.raises(ApiTypeError, match=r"no argument 'enviroment_id' \(did you mean 'environment_id'\?\)"):
        api.list_environment_secrets(enviroment_id="e")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'environment_id'"):
        api.list_environment_secrets(_retries=1)

    class Mine(Configuration):
        def __init__(self, apiKey: str) -> None:  # noqa: N803 - the case under test
            super().__init__(api_key={"ApiKeyAuth": apiKey})

    assert Mine(apiKey="k").api_key == {"ApiKeyAuth": "k"}


def test_names__others() -> None:
    """A name that no client has is a plain AttributeError."""
    for owner in OWNERS:
        with pytest.raises(AttributeError, match="object has no attribute 'nope'") as caught:
            made(owner).nope  # noqa: B018 - the access is under test
        assert type(caught.value) is AttributeError


def test_subclass__adds_attributes() -> None:
    """A subclass may add attributes, which its copies keep."""

    class Mine(Configuration):
        team = "none"

        def __init__(self, team: str, **settings: Any) -> None:
            super().__init__(**settings)
            self.team = team
            self.seen: list[str] = []

    mine = Mine("all", host="http://localhost")
    mine.later = 1
    for twin in (mine, copy.copy(mine), copy.deepcopy(mine)):
        assert (twin.team, twin.seen, twin.later, twin.host) == ("all", [], 1, "http://localhost")


def test_subclass__overrides_auth_settings(sandbox: Sandbox, env: str) -> None:
    """The credentials that an override of `auth_settings` returns are sent."""

    class Mine(Configuration):
        def auth_settings(self) -> dict[str, dict[str, str]]:
            return {"mine": {"type": "api_key", "in": "header", "key": "Authorization", "value": "Token mine"}}

    with ApiClient(Mine(host=sandbox.url)) as client:
        EnvironmentSecretApi(client).list_environment_secrets(env)
        assert client.configuration.authorization() == "Token mine"


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("owner", OWNERS)
def test_objects__travel(owner: type[Any], travel: Any) -> None:
    """Instances can be copied and pickled."""
    assert type(travel(made(owner))) is owner


def test_request__is_patched(sandbox: Sandbox, env: str) -> None:
    """If `RESTClientObject.request` is patched, a call raises an error instead of ignoring the patch."""
    with ApiClient(Configuration(host=sandbox.url, access_token="a.b.c")) as client:
        api = EnvironmentSecretApi(client)
        problem = pytest.raises(ApiTypeError, match=r"request would never be called: .*#internal-methods")
        with mock.patch.object(RESTClientObject, "request"), problem:
            api.list_environment_secrets(env)
        assert not sandbox.requests
        api.list_environment_secrets(env)


@pytest.mark.parametrize("name", legacy.OPTIONS)
def test_option__of_103(name: str) -> None:
    """An option of 1.0.3 is an error that names its section, before anything is sent."""
    with pytest.raises(ApiTypeError, match=rf"has no option {name}: .*{legacy.GUIDE}#options-of-103"):
        client_for(OFFLINE).list_environment_secrets("e", **{name: True})


def test_names__in_camel_case() -> None:
    """A camel-case argument, setting or field is an error that suggests the right name."""
    section = f"see {legacy.GUIDE}#camel-case-names"
    with pytest.raises(ApiTypeError, match=f"no option secretRequest: .*: secret_request; {section}"):
        client_for(OFFLINE).create_environment_secret("e", secretRequest={"key": "A"})
    with pytest.raises(ApiTypeError, match=f"no option requestTimeout: .*: _request_timeout; {section}"):
        client_for(OFFLINE).list_environment_secrets("e", requestTimeout=1)
    with pytest.raises(ApiTypeError, match=f"no argument 'accessToken': .*: access_token; {section}"):
        Configuration(accessToken="a.b.c")
    with pytest.raises(ApiTypeError, match=f"list_environment_secrets has no argument 'environmentId': .*; {section}"):
        client_for(OFFLINE).list_environment_secrets(environmentId="e")
    for make in (SecretRequest, lambda **fields: SecretRequest.from_dict(fields)):
        with pytest.raises(ApiValidationError, match=f"mountPath: .*: mount_path; {section}$") as caught:
            make(key="A", mountPath="/canary")
        assert "canary" not in str(caught.value)
    with pytest.raises(ApiValidationError, match=r"a_field: Extra inputs are not permitted$"):
        SecretRequest.from_dict({"key": "A", "a_field": 1})


def test_model__items() -> None:
    """Item access is a TypeError that names its section; `get` is not an attribute."""
    secret: Any = Secret.from_dict(SECRET)
    listed: Any = SecretResponseList(results=[secret])
    for one, key in ((secret, "key"), (listed, "results")):
        for use in (lambda one, key: one[key], lambda one, key: one.__setitem__(key, "B")):
            with pytest.raises(ApiTypeError, match=r" has no items by name: fields are attributes; .*#item-access"):
                use(one, key)
    with pytest.raises(ApiTypeError):
        listed[0] = secret
    with pytest.raises(ApiAttributeError, match=r"Secret has no attribute 'get': .*#item-access"):
        secret.get("key")
    assert not hasattr(secret, "get")
    assert getattr(secret, "nope", None) is None
    assert Secret.from_dict({**SECRET, "get": 5, "more": 6}).get == 5


@pytest.mark.parametrize("name", legacy.PACKAGE)
def test_modules__of_103(name: str) -> None:
    """Modules of 1.0.3 raise errors that name their section, except where Python itself raises ModuleNotFoundError."""
    text = rf"qovery has no module '{name}': .*#modules-of-103"
    assert not hasattr(qovery, name)
    with pytest.raises(ApiAttributeError, match=text):
        getattr(qovery, name)
    with pytest.raises(ApiImportError, match=text):
        exec(f"from qovery import {name}")
    with pytest.raises(ModuleNotFoundError, match=f"No module named 'qovery.{name}'"):
        exec(f"from qovery.{name} import SecretRequest")
    assert name not in dir(qovery)

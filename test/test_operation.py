"""Ids become path segments, and bodies become JSON, before anything is sent."""

from __future__ import annotations

import inspect
import json
from typing import Any
from unittest.mock import create_autospec
from uuid import UUID

import pytest

from qovery import (
    ApiTypeError,
    ApiValidationError,
    ApiValueError,
    EnvironmentSecretApi,
    Key,
    Secret,
    SecretRequest,
)
from qovery.api.environment_secret_api import OPERATIONS
from qovery.operation import Operation, RequestOptions
from test.support.clients import Connect
from test.support.recording import SECRET, RecordingServer, Response

ENVIRONMENT = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"
SECRET_ID = "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f01"


@pytest.fixture
def api(server: RecordingServer, connect: Connect) -> EnvironmentSecretApi:
    return connect(server, api_key={"ApiKeyAuth": "qov_x"}, retries=0)


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a/../b", "a%2F..%2Fb"),
        ("../..", "..%2F.."),
        ("...", "..."),
        ("a.b", "a.b"),
        ("%2e%2e", "%252e%252e"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b\tc", "a%20b%09c"),
        ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
        ("é€", "%C3%A9%E2%82%AC"),
        ("a;b=c&d+e@f:g", "a%3Bb%3Dc%26d%2Be%40f%3Ag"),
        ("a\\b", "a%5Cb"),
        ("A-z_0~9", "A-z_0~9"),
        ("{environmentId}", "%7BenvironmentId%7D"),
    ],
)
def test_ids__stay_one_segment(server: RecordingServer, api: EnvironmentSecretApi, text: str, segment: str) -> None:
    """An id is one encoded segment of the path, whatever it contains."""
    server.default = Response(204)
    api.delete_environment_secret(text, text)
    assert server.last.target == f"/environment/{segment}/secret/{segment}"


def test_ids__uuid(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """A `UUID` is sent as its text."""
    server.default = Response(204)
    api.delete_environment_secret(UUID(ENVIRONMENT), UUID(SECRET_ID))
    assert server.last.target == f"/environment/{ENVIRONMENT}/secret/{SECRET_ID}"


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("text", ["", " ", "\t\n", ".", "..", "a\ud800"])
def test_ids__invalid(server: RecordingServer, api: EnvironmentSecretApi, text: str, position: int) -> None:
    """An empty id, a dot segment and text that UTF-8 cannot encode are rejected before anything is sent."""
    ids = [ENVIRONMENT, SECRET_ID]
    ids[position] = text
    with pytest.raises(ApiValueError, match=["environment_id", "secret_id"][position]):
        api.delete_environment_secret(*ids)
    assert server.received == []


@pytest.mark.parametrize("value", [None, 5, b"abc", ["a"], object()], ids=lambda value: type(value).__name__)
def test_ids__of_another_type(server: RecordingServer, api: EnvironmentSecretApi, value: Any) -> None:
    """An id that is neither `str` nor `UUID` is rejected before anything is sent."""
    with pytest.raises(ApiTypeError, match=f"environment_id must be a str or a UUID, not {type(value).__name__}"):
        api.list_environment_secrets(value)
    assert server.received == []


@pytest.mark.parametrize(
    "body", ["text", b"bytes", 5, ["TOKEN"], Key(key="a"), Secret.from_dict(SECRET), SecretRequest], ids=repr
)
def test_body__of_another_type(server: RecordingServer, api: EnvironmentSecretApi, body: Any) -> None:
    """A body that is neither the model nor a mapping is rejected before anything is sent."""
    with pytest.raises(ApiTypeError, match="takes a SecretRequest or a mapping of its fields, not a"):
        api.create_environment_secret(ENVIRONMENT, body)
    assert server.received == []


def test_body__missing_where_required(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """An edit without a body is rejected before anything is sent."""
    with pytest.raises(ApiTypeError, match="edit_environment_secret needs a body"):
        api.edit_environment_secret(ENVIRONMENT, SECRET_ID, None)  # the case under test
    assert server.received == []


def test_body__that_does_not_fit(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """A mapping with a misspelt field is rejected before anything is sent."""
    with pytest.raises(ApiValidationError, match="valeu"):
        api.create_environment_secret(ENVIRONMENT, {"key": "a", "valeu": "b"})
    assert server.received == []


def test_body__that_json_cannot_hold(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """A lone surrogate is rejected before anything is sent, and is not shown."""
    with pytest.raises(ApiValueError, match="not JSON serializable") as caught:
        api.create_environment_secret(ENVIRONMENT, SecretRequest.model_construct(key="a", value="hush\ud800"))
    assert "hush" not in str(caught.value)
    assert server.received == []


def test_body__of_a_megabyte(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """A value of a megabyte is sent completely."""
    server.default = Response(201, SECRET)
    value = "ß" * (512 * 1024)
    api.create_environment_secret(ENVIRONMENT, SecretRequest(key="BIG", value=value))
    assert json.loads(server.last.body) == {"key": "BIG", "value": value}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("form", ["", "_with_http_info", "_without_preload_content"])
def test_signature__names_the_options(operation: Operation[Any], form: str) -> None:
    """`help`, completion and autospec see each option as a keyword parameter of every method."""
    parameters = inspect.signature(getattr(EnvironmentSecretApi, operation.name + form)).parameters
    named = {name: parameter.annotation for name, parameter in parameters.items() if name.startswith("_")}
    hints = {name: hint.__forward_arg__ for name, hint in RequestOptions.__annotations__.items()}
    assert named == hints
    assert {parameters[name].kind for name in named} == {inspect.Parameter.KEYWORD_ONLY}
    api = create_autospec(EnvironmentSecretApi, instance=True)
    needed = ["id" for one in parameters.values() if one.default is one.empty and one.name != "self"]
    getattr(api, operation.name + form)(*needed, _retries=1)
    with pytest.raises(TypeError, match="_no_such_option"):
        getattr(api, operation.name + form)(*needed, _no_such_option=1)

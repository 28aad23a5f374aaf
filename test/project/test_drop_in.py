"""Code written for a client of OpenAPI Generator runs unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pprint import pformat

import pytest

import qovery
from qovery.api.environment_secret_api import OPERATIONS
from qovery.exceptions import (
    ApiAttributeError,
    ApiKeyError,
    ApiTypeError,
    ApiValueError,
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    OpenApiException,
    ServiceException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from qovery.models.api_variable_scope_enum import APIVariableScopeEnum
from qovery.models.api_variable_type_enum import APIVariableTypeEnum
from qovery.models.key import Key
from qovery.models.secret import Secret
from qovery.models.secret_edit_request import SecretEditRequest
from qovery.models.secret_request import SecretRequest
from qovery.models.secret_response_list import SecretResponseList
from qovery.models.value import Value
from qovery.rest import ApiException
from qovery.sandbox import Sandbox
from test.support.recording import EMPTY, SECRET, RecordingServer, Response

ENVIRONMENT = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"
SECRET_ID = "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f01"

# What a generated client does not accept although the service sends it.
PLAIN = {name: value for name, value in SECRET.items() if value is not None}


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer(Response(201, PLAIN)) as recorder:
        yield recorder


def test_page__of_the_reference(server: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of a generated reference page runs: a key from the environment, its prefix, one call."""
    monkeypatch.setenv("API_KEY", "qov_a")
    configuration = qovery.Configuration(host=server.url)
    configuration.api_key["ApiKeyAuth"] = os.environ["API_KEY"]
    configuration.api_key_prefix["ApiKeyAuth"] = "Token"

    with qovery.ApiClient(configuration) as api_client:
        api_instance = qovery.EnvironmentSecretApi(api_client)
        environment_id = ENVIRONMENT
        secret_request = qovery.SecretRequest(key="TOKEN", value="v")
        try:
            api_response = api_instance.create_environment_secret(environment_id, secret_request=secret_request)
            assert "TOKEN" in pformat(api_response)
        except ApiException as e:
            pytest.fail(f"Exception when calling EnvironmentSecretApi->create_environment_secret: {e}\n")

    assert server.last.headers["Authorization"] == "Token qov_a"


SCRIPT = """
import os
import time
import qovery
from qovery.models.secret import Secret
from qovery.rest import ApiException
from pprint import pprint

configuration = qovery.Configuration(host = os.environ["HOST"])
configuration.api_key['ApiKeyAuth'] = os.environ["API_KEY"]
if "BEARER_TOKEN" in os.environ:
    configuration = qovery.Configuration(host = os.environ["HOST"], access_token = os.environ["BEARER_TOKEN"])

with qovery.ApiClient(configuration) as api_client:
    api_instance = qovery.EnvironmentSecretApi(api_client)
    environment_id = os.environ["ENVIRONMENT_ID"]
    secret_id = os.environ["SECRET_ID"]
    {body}
    try:
        api_response = api_instance.{call}
        print("The response of {call}:\\n")
        pprint(api_response)
    except Exception as e:
        print("Exception when calling {call}: %s\\n" % e)
"""

CALLS = {
    "list_environment_secrets(environment_id)": "",
    "create_environment_secret(environment_id, secret_request=secret_request)": (
        "secret_request = qovery.SecretRequest(key='NEW', value='v-new')"
    ),
    "edit_environment_secret(environment_id, secret_id, secret_edit_request)": (
        "secret_edit_request = qovery.SecretEditRequest(key='OWN', value='v-edited')"
    ),
    "delete_environment_secret(environment_id, secret_id)": "",
    "create_environment_secret_alias(environment_id, secret_id, key=key)": "key = qovery.Key(key='NEW')",
    "create_environment_secret_override(environment_id, secret_id, value=value)": "value = qovery.Value(value='v-new')",
}


STATUS = {operation.name: operation.status for operation in OPERATIONS}


@pytest.mark.parametrize("scheme", ["ApiKeyAuth", "bearerAuth"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.partition("(")[0])
def test_script__of_each_operation(
    sandbox: Sandbox, call: str, scheme: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script in the style of a generated reference page succeeds, for every operation and both credentials."""
    inherited = "_alias" in call or "_override" in call
    environment_id = sandbox.environment_id
    secret = sandbox.add_secret(environment_id, "OWN", "v-old", scope="PROJECT" if inherited else "ENVIRONMENT")
    monkeypatch.setenv("HOST", sandbox.url)
    monkeypatch.setenv("API_KEY", "qov_a")
    if scheme == "bearerAuth":
        monkeypatch.setenv("BEARER_TOKEN", "a.b.c")
    monkeypatch.setenv("ENVIRONMENT_ID", environment_id)
    monkeypatch.setenv("SECRET_ID", secret.id)
    exec(SCRIPT.format(body=CALLS[call], call=call), {})
    (request,) = sandbox.requests
    assert (request.operation, request.status) == (call.partition("(")[0], STATUS[request.operation])
    printed = capsys.readouterr().out
    assert printed.startswith(f"The response of {call}:")
    assert "v-" not in printed.partition(":")[2]


def test_arguments__by_position_and_by_name(server: RecordingServer) -> None:
    """Every operation accepts its arguments in the generated order and by the generated names."""
    configuration = qovery.Configuration(host=server.url, access_token="a.b.c")
    with qovery.ApiClient(configuration) as api_client:
        api = qovery.EnvironmentSecretApi(api_client)
        alias, override = f"{SECRET_ID}/alias", f"{SECRET_ID}/override"
        assert isinstance(api.create_environment_secret(ENVIRONMENT, SecretRequest(key="A")), Secret)
        api.create_environment_secret(environment_id=ENVIRONMENT, secret_request=SecretRequest(key="A"))
        api.create_environment_secret_alias(ENVIRONMENT, SECRET_ID, Key(key="A"))
        api.create_environment_secret_alias(environment_id=ENVIRONMENT, secret_id=SECRET_ID, key=Key(key="A"))
        api.create_environment_secret_override(ENVIRONMENT, SECRET_ID, Value(value="A"))
        api.create_environment_secret_override(environment_id=ENVIRONMENT, secret_id=SECRET_ID, value=Value(value="A"))
        edit = SecretEditRequest(key="A")
        server.default = Response(200, PLAIN)
        api.edit_environment_secret(ENVIRONMENT, SECRET_ID, edit)
        api.edit_environment_secret(environment_id=ENVIRONMENT, secret_id=SECRET_ID, secret_edit_request=edit)
        server.default = Response(204)
        api.delete_environment_secret(ENVIRONMENT, SECRET_ID)
        assert api.delete_environment_secret(environment_id=ENVIRONMENT, secret_id=SECRET_ID) is None
        server.default = Response(200, {"results": [PLAIN]})
        assert isinstance(api.list_environment_secrets(environment_id=ENVIRONMENT), SecretResponseList)
    base = f"/environment/{ENVIRONMENT}/secret"
    assert [received.target.removeprefix(base) for received in server.received] == [
        "",
        "",
        *(["/" + alias] * 2),
        *(["/" + override] * 2),
        *(["/" + SECRET_ID] * 4),
        "",
    ]
    assert {received.headers["Authorization"] for received in server.received} == {"Bearer a.b.c"}


def test_responses__three_ways(server: RecordingServer) -> None:
    """The plain, HTTP info and raw methods return what they return in a generated client."""
    server.default = Response(200, {"results": [PLAIN]}, {"X-Page": "1"})
    with qovery.ApiClient(qovery.Configuration(host=server.url)) as api_client:
        api = qovery.EnvironmentSecretApi(api_client)
        (secret,) = api.list_environment_secrets(ENVIRONMENT).results
        assert secret.key == "TOKEN"
        assert secret.scope == APIVariableScopeEnum.ENVIRONMENT
        assert secret.variable_type is APIVariableTypeEnum.VALUE
        assert isinstance(secret.created_at, datetime)

        response = api.list_environment_secrets_with_http_info(
            ENVIRONMENT, _request_timeout=(3.05, 27), _headers={"X-Trace": "1"}
        )
        assert isinstance(response, qovery.ApiResponse)
        assert response.status_code == 200
        assert response.headers["X-Page"] == "1"
        assert str(response.data.results[0].id) == SECRET_ID
        assert b"TOKEN" in response.raw_data
        assert server.last.headers["X-Trace"] == "1"

        raw = api.list_environment_secrets_without_preload_content(ENVIRONMENT, _request_timeout=30)
        assert raw.status == 200
        assert b"TOKEN" in raw.read()
        raw.release_conn()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestException),
        (401, UnauthorizedException),
        (403, ForbiddenException),
        (404, NotFoundException),
        (409, ConflictException),
        (418, ApiException),
        (422, UnprocessableEntityException),
        (500, ServiceException),
        (599, ServiceException),
    ],
)
def test_errors__as_they_are_caught(server: RecordingServer, status: int, error: type[ApiException]) -> None:
    """An error status raises the generated class, with the generated attributes."""
    server.default = Response(status, {"status": status, "detail": "no"}, {"X-Why": "because"}, reason="Because")
    with qovery.ApiClient(qovery.Configuration(host=server.url)) as api_client:
        api = qovery.EnvironmentSecretApi(api_client)
        with pytest.raises(ApiException) as caught:
            api.create_environment_secret(ENVIRONMENT, SecretRequest(key="A"))
    e = caught.value
    assert type(e) is error
    assert isinstance(e, qovery.exceptions.OpenApiException)
    assert e.status == status
    assert e.reason.startswith("Because")
    assert e.body == f'{{"status": {status}, "detail": "no"}}'
    assert e.headers["X-Why"] == "because"
    assert str(status) in str(e)


def test_errors__data_is_the_parsed_body(server: RecordingServer) -> None:
    """`data` holds the parsed JSON of the response, and is None if the body is not JSON."""
    server.responses = [Response(400, {"detail": "no", "more": [1]}), Response(400, b"<html>")]
    with qovery.ApiClient(qovery.Configuration(host=server.url)) as api_client:
        api = qovery.EnvironmentSecretApi(api_client)
        with pytest.raises(BadRequestException) as caught:
            api.list_environment_secrets(ENVIRONMENT)
        assert caught.value.data == {"detail": "no", "more": [1]}
        with pytest.raises(BadRequestException) as caught:
            api.list_environment_secrets(ENVIRONMENT)
        assert caught.value.data is None
        assert caught.value.body == "<html>"


def test_errors__tree() -> None:
    """The exception classes have the generated names and parents."""
    assert issubclass(ApiException, OpenApiException)
    assert issubclass(ApiTypeError, (OpenApiException, TypeError))
    for error, parent in (
        (ApiTypeError, TypeError),
        (ApiValueError, ValueError),
        (ApiAttributeError, AttributeError),
        (ApiKeyError, KeyError),
    ):
        assert issubclass(error, parent)
        assert issubclass(error, OpenApiException)
        caught = error("what", path_to_item=["a", 0])
        assert str(caught).strip('"') == "what at ['a'][0]"
    with pytest.raises(NotFoundException):
        raise qovery.exceptions.NotFoundException(status=404, reason="Not Found")


def test_defaults__as_they_are_set(server: RecordingServer) -> None:
    """Default configuration and client are set and used as in a generated client."""
    configuration = qovery.Configuration(
        host=server.url, api_key={"ApiKeyAuth": "k"}, api_key_prefix={"ApiKeyAuth": "P"}
    )
    server.default = EMPTY
    qovery.Configuration.set_default(configuration)
    try:
        with qovery.ApiClient() as api_client:
            api_client.set_default_header("X-A", "a")
            api_client.user_agent = "mine"
            qovery.EnvironmentSecretApi(api_client).list_environment_secrets(ENVIRONMENT)
        assert qovery.Configuration.get_default_copy().host == server.url
        with qovery.ApiClient(configuration, header_name="X-B", header_value="b", cookie="c=d") as api_client:
            qovery.ApiClient.set_default(api_client)
            qovery.EnvironmentSecretApi().list_environment_secrets(ENVIRONMENT)
    finally:
        qovery.Configuration.set_default(None)
        qovery.ApiClient.set_default(None)
    first, second = (received.headers for received in server.received)
    assert (first["X-A"], first["User-Agent"], first["Authorization"]) == ("a", "mine", "P k")
    assert (second["X-B"], second["Cookie"]) == ("b", "c=d")


def test_models__as_they_are_used() -> None:
    """The code of a generated model page runs."""
    json = '{"key": "TOKEN", "value": "v"}'
    secret_request_instance = SecretRequest.from_json(json)
    assert SecretRequest.to_json(secret_request_instance) == secret_request_instance.to_json()
    secret_request_dict = secret_request_instance.to_dict()
    secret_request_from_dict = SecretRequest.from_dict(secret_request_dict)
    assert secret_request_from_dict == secret_request_instance
    assert "TOKEN" in secret_request_instance.to_str()
    assert APIVariableScopeEnum.from_json('"PROJECT"') is APIVariableScopeEnum.PROJECT

"""Static types of the methods. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from typing_extensions import assert_type
from urllib3 import BaseHTTPResponse

from qovery import (
    ApiClient,
    ApiException,
    ApiResponse,
    Configuration,
    EnvironmentSecretApi,
    Key,
    Secret,
    SecretEditRequest,
    SecretRequest,
    SecretResponseList,
    Value,
)

E = "an environment"
S = UUID("00000000-0000-4000-8000-000000000001")


def check_create_environment_secret(api: EnvironmentSecretApi) -> None:
    assert_type(api.create_environment_secret(E, SecretRequest(key="A")), Secret)
    assert_type(api.create_environment_secret(E, {"key": "A"}), Secret)
    assert_type(api.create_environment_secret(E), Secret)
    assert_type(api.create_environment_secret_with_http_info(E, SecretRequest(key="A")), ApiResponse[Secret])
    assert_type(api.create_environment_secret_without_preload_content(E, SecretRequest(key="A")), BaseHTTPResponse)


def check_create_environment_secret_alias(api: EnvironmentSecretApi) -> None:
    assert_type(api.create_environment_secret_alias(E, S, Key(key="A")), Secret)
    assert_type(api.create_environment_secret_alias(E, S, {"key": "A"}), Secret)
    assert_type(api.create_environment_secret_alias(E, S), Secret)
    assert_type(api.create_environment_secret_alias_with_http_info(E, S, Key(key="A")), ApiResponse[Secret])
    assert_type(api.create_environment_secret_alias_without_preload_content(E, S, Key(key="A")), BaseHTTPResponse)


def check_create_environment_secret_override(api: EnvironmentSecretApi) -> None:
    assert_type(api.create_environment_secret_override(E, S, Value(value="v")), Secret)
    assert_type(api.create_environment_secret_override(E, S, {"value": "v"}), Secret)
    assert_type(api.create_environment_secret_override(E, S), Secret)
    assert_type(api.create_environment_secret_override_with_http_info(E, S, Value(value="v")), ApiResponse[Secret])
    assert_type(
        api.create_environment_secret_override_without_preload_content(E, S, Value(value="v")), BaseHTTPResponse
    )


def check_delete_environment_secret(api: EnvironmentSecretApi) -> None:
    assert_type(api.delete_environment_secret(E, S), None)
    assert_type(api.delete_environment_secret_with_http_info(E, S), ApiResponse[None])
    assert_type(api.delete_environment_secret_without_preload_content(E, S), BaseHTTPResponse)


def check_edit_environment_secret(api: EnvironmentSecretApi) -> None:
    assert_type(api.edit_environment_secret(E, S, SecretEditRequest(key="A")), Secret)
    assert_type(api.edit_environment_secret(E, S, {"key": "A"}), Secret)
    assert_type(api.edit_environment_secret_with_http_info(E, S, SecretEditRequest(key="A")), ApiResponse[Secret])
    assert_type(api.edit_environment_secret_without_preload_content(E, S, SecretEditRequest(key="A")), BaseHTTPResponse)


def check_list_environment_secrets(api: EnvironmentSecretApi) -> None:
    assert_type(api.list_environment_secrets(E), SecretResponseList)
    assert_type(api.list_environment_secrets_with_http_info(E), ApiResponse[SecretResponseList])
    assert_type(api.list_environment_secrets_without_preload_content(E), BaseHTTPResponse)


def check_options(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets(S, _request_timeout=2.5)
    api.list_environment_secrets(S, _request_timeout=(1, None))
    api.list_environment_secrets(S, _request_timeout=None, _request_auth=None, _headers=None, _content_type=None)
    api.list_environment_secrets(S, _request_auth={"in": "header", "key": "Authorization", "value": "Token x"})
    api.list_environment_secrets(S, _headers={"X-Trace": "1"}, _content_type="application/json", _host_index=0)
    api.list_environment_secrets(S, _bogus=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - unknown option
    api.list_environment_secrets(5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - not an id


def check_data(api: EnvironmentSecretApi, error: ApiException, body: Mapping[str, Any]) -> None:
    assert_type(api.list_environment_secrets_with_http_info(E).data.results, list[Secret] | None)
    assert_type(api.create_environment_secret_with_http_info(E, body).data.key, str)
    assert_type(error.status, int | None)
    assert_type(error.outcome_unknown, bool)


def check_client() -> None:
    configuration = Configuration(access_token=lambda: "a token", api_key={"ApiKeyAuth": "a token"})
    with ApiClient(configuration) as client:
        assert_type(client, ApiClient)
        assert_type(EnvironmentSecretApi(client).api_client, ApiClient)
    assert_type(Configuration.from_env(), Configuration)
    assert_type(SecretRequest.from_dict({"key": "A"}).to_dict(), dict[str, Any])
    assert_type(SecretRequest.from_json("{}").to_json(), str)
    assert_type(SecretRequest(key="A").value, str | None)

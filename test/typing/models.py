"""What type checkers make of the models, the settings and the modules. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pydantic import SecretStr
from typing_extensions import Unpack, assert_type

from qovery import (
    ApiClient,
    APIVariableScopeEnum,
    Configuration,
    EnvironmentSecretApi,
    RequestOptions,
    Secret,
    SecretEditRequest,
    SecretRequest,
    SecretResponseList,
    Value,
)


def check_values(request: SecretRequest) -> None:
    SecretRequest(key="A", value="v")
    SecretRequest(key="A", value=SecretStr("v"), mount_path=None, description="d", enable_interpolation_in_file=True)
    SecretEditRequest(key="A", value=SecretStr("v"))
    Value(value=SecretStr("v"))
    Value(value=None)
    Value()
    assert_type(request.value, str | None)
    request.value = SecretStr("v")
    request.value = "v"
    request.value = None

    SecretRequest(value="v")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - no key
    SecretRequest("A")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - not by position
    SecretRequest(key="A", valeu="v")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - misspelt
    SecretRequest(key="A", value=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - no text
    SecretRequest(key=SecretStr("A"))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - a key is a text
    request.value = 5  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue] - no text
    request.valeu = "v"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] - misspelt


class Noted(SecretRequest):
    note: str = ""


def check_subclass() -> None:
    assert_type(Noted(key="A", value=SecretStr("v"), note="n").note, str)
    Noted(key="A", value=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - no text


def check_list(listed: SecretResponseList) -> None:
    assert_type([secret for secret in listed], list[Secret])  # noqa: C416 - its type is what is checked
    assert_type(listed[0], Secret)
    assert_type(listed[:2], list[Secret])
    assert_type(len(listed), int)
    assert_type(listed[0].scope, APIVariableScopeEnum)
    assert_type(f"{listed[0].scope}", str)
    listed["A"]  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue] - no position


def check_tokens() -> None:
    Configuration(access_token=SecretStr("a"), api_key={"ApiKeyAuth": SecretStr("a")})
    Configuration(access_token=lambda: SecretStr("a"), api_key={"ApiKeyAuth": lambda: SecretStr("a")})
    Configuration(access_token=lambda: "a")
    Configuration().access_token = lambda: SecretStr("a")
    Configuration(hots="a")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - misspelt
    Configuration(access_token=lambda: 5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - no text
    Configuration().acces_token = "a"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] - misspelt


def check_options(api: EnvironmentSecretApi, **options: Unpack[RequestOptions]) -> None:
    api.list_environment_secrets("e", **options)
    shared: RequestOptions = {"_retries": 0, "_request_timeout": (1, None)}
    api.list_environment_secrets("e", **shared)
    wrong: RequestOptions = {"_retires": 0}  # type: ignore[typeddict-unknown-key] # pyright: ignore[reportAssignmentType] - misspelt
    assert_type(wrong, RequestOptions)
    assert_type(api.api_client, ApiClient)

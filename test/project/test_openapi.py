"""The models, the table of operations and the sandbox against `docs/openapi.yaml`."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate
from pydantic import BaseModel

import qovery.models
from qovery import ApiValidationError, Configuration
from qovery.api.environment_secret_api import OPERATIONS
from qovery.models.open_enum import OpenEnum
from qovery.models.request_model import RequestModel
from qovery.models.response_model import ResponseModel
from qovery.operation import Operation
from qovery.sandbox import Sandbox
from test.support import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
MODELS: dict[str, type[BaseModel] | type[Enum]] = {name: getattr(qovery.models, name) for name in qovery.models.__all__}
SAMPLES: dict[str, Any] = {"string": "text", "boolean": True, "array": []}


def merged(name: str) -> dict[str, Any]:
    """A schema with the parts of its `allOf` laid over one another."""
    schema = SCHEMAS[name]
    whole: dict[str, Any] = {"properties": {}, "required": [], **schema}
    for part in schema.get("allOf", []):
        inner = merged(part["$ref"].rpartition("/")[2]) if "$ref" in part else part
        whole["properties"] |= inner["properties"]
        whole["required"] = whole["required"] + inner.get("required", [])
    return whole


def sample(schema: dict[str, Any]) -> Any:
    """A value that a schema allows."""
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", [])), None)
    if reference:
        name = reference.rpartition("/")[2]
        inner = merged(name)
        return (
            inner["enum"][0] if "enum" in inner else {key: sample(field) for key, field in inner["properties"].items()}
        )
    return "2023-12-12T13:23:02Z" if schema.get("format") == "date-time" else SAMPLES[schema["type"]]


def test_document__is_valid() -> None:
    """The document is valid OpenAPI, with the host and the two credentials that a configuration has."""
    validate(DOCUMENT)
    configuration = Configuration(access_token="a.b.c", api_key={"ApiKeyAuth": "k"})
    assert [server["url"] for server in DOCUMENT["servers"]] == [configuration.host]
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert schemes.keys() == configuration.auth_settings().keys()
    assert {name for one in DOCUMENT["security"] for name in one} == schemes.keys()


def test_schemas__names() -> None:
    """Every schema has a model, and every model a schema; the body of an error has none."""
    assert set(MODELS) == set(SCHEMAS) - {"Problem"}


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if issubclass(model, Enum)])
def test_enum__members(name: str) -> None:
    """An enum has the documented values, each under its own name."""
    enum = MODELS[name]
    assert issubclass(enum, OpenEnum)
    assert [(member.name, member.value) for member in enum] == [(value, value) for value in SCHEMAS[name]["enum"]]


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if issubclass(model, BaseModel)])
def test_model__fields(name: str) -> None:
    """A model has the documented fields, in their order, and requires what is required."""
    model, schema = MODELS[name], merged(name)
    assert issubclass(model, BaseModel)
    required = {field for field, info in model.model_fields.items() if info.is_required()}
    assert (list(model.model_fields), required) == (list(schema["properties"]), set(schema["required"]))
    assert (schema.get("additionalProperties") is False) == issubclass(model, RequestModel)


REQUEST_FIELDS = [
    (name, field)
    for name, model in MODELS.items()
    if issubclass(model, RequestModel)
    for field in merged(name)["properties"]
]


@pytest.mark.parametrize(("name", "field"), REQUEST_FIELDS)
def test_request__nullable_and_limits(name: str, field: str) -> None:
    """Null is sent for what is nullable and never for anything else; limits are those of the document."""
    model, schema = MODELS[name], merged(name)
    assert issubclass(model, RequestModel)
    whole = {key: sample(inner) for key, inner in schema["properties"].items()}
    assert model.from_dict(whole).to_dict() == whole
    nulled = {**whole, field: None}
    if schema["properties"][field].get("nullable"):
        assert model.from_dict(nulled).to_dict() == nulled
    elif field in schema["required"]:
        with pytest.raises(ApiValidationError, match=field):
            model.from_dict(nulled)
    else:
        assert field not in model.from_dict(nulled).to_dict()
    longest = schema["properties"][field].get("maxLength")
    if longest:
        model.from_dict({**whole, field: "é" * longest})
        with pytest.raises(ApiValidationError, match=field):
            model.from_dict({**whole, field: "é" * (longest + 1)})


RESPONSE_FIELDS = [
    (name, field)
    for name, model in MODELS.items()
    if issubclass(model, ResponseModel)
    for field in merged(name)["properties"]
]


@pytest.mark.parametrize(("name", "field"), RESPONSE_FIELDS)
def test_response__null_and_absent(name: str, field: str) -> None:
    """A response may have null where the document says so, and lack what it does not require."""
    model, schema = MODELS[name], merged(name)
    assert issubclass(model, ResponseModel)
    whole = {key: sample(inner) for key, inner in schema["properties"].items()}
    assert model.from_dict(whole).to_dict().keys() == whole.keys()
    if schema["properties"][field].get("nullable"):
        assert model.from_dict({**whole, field: None}).to_dict()[field] is None
    without = {key: value for key, value in whole.items() if key != field}
    if field in schema["required"]:
        with pytest.raises(ApiValidationError, match=field):
            model.from_dict(without)
    else:
        assert getattr(model.from_dict(without), field) is None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation__row(operation: Operation[Any]) -> None:
    """A row of the table has the documented method, path, id, request model, response model and status."""
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", described["operationId"]) == operation.name
    body = described.get("requestBody")
    assert operation.request_required == bool(body and body.get("required"))
    named = body and body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert named == (operation.request_model.__name__ if operation.request_model else None)
    (status,) = [int(code) for code in described["responses"] if code.startswith("2")]
    content = described["responses"][str(status)].get("content")
    answer = content and content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert (status, answer) == (
        operation.status,
        operation.response_model.__name__ if operation.response_model else None,
    )


def test_operations__all() -> None:
    """The table has every documented operation."""
    documented = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert documented == {(operation.method, operation.path) for operation in OPERATIONS}


def test_sandbox__fields(sandbox: Sandbox, env: str) -> None:
    """The sandbox sends every documented field of a secret, and of a nested one."""
    secret = sandbox.add_secret(env, "A").to_dict()
    assert set(merged("Secret")["properties"]) <= set(secret)

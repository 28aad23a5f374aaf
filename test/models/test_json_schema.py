"""The JSON schemas of the models: they describe every field, and what the models dump is valid."""

from __future__ import annotations

import json
from typing import Any, Literal

import jsonschema
import pydantic
import pytest

from qovery import Secret, SecretRequest
from test.support.examples import EXAMPLES, NESTED, REQUESTS
from test.support.recording import SECRET

Mode = Literal["validation", "serialization"]

each_mode = pytest.mark.parametrize("mode", ["validation", "serialization"])
each_model = pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of a schema, formats included."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@each_mode
@each_model
def test_schema__describes_every_field(model: type[Any], mode: Mode) -> None:
    """Every field has a description, in the models that it refers to as well."""
    schema = model.model_json_schema(mode=mode)
    models = [schema, *(one for one in schema.get("$defs", {}).values() if one.get("type") == "object")]
    for one in models:
        assert one["description"]
        assert one["properties"]
        assert [name for name, field in one["properties"].items() if not field.get("description")] == []
    own = schema["properties"].keys()
    assert own == model.model_fields.keys()


@each_mode
@each_model
def test_schema__accepts_what_is_dumped(model: type[Any], mode: Mode) -> None:
    """What a model dumps is valid, with all fields and with those that were set."""
    check = validator(model.model_json_schema(mode=mode))
    built = model.from_dict(EXAMPLES[model])
    for dumped in (built.model_dump(mode="json"), json.loads(built.model_dump_json()), json.loads(built.to_json())):
        check.validate(dumped)


@each_mode
def test_schema__enums_are_open(mode: Mode) -> None:
    """A value that an enum does not list is valid, and one that is no text is not; the schema names the members."""
    schema = Secret.model_json_schema(mode=mode)
    check = validator(schema)
    nested = {**NESTED, "scope": "GALAXY", "variable_type": "WORMHOLE"}
    secret = Secret.from_dict(
        {**SECRET, "scope": "GALAXY", "variable_type": "", "service_type": "X", "aliased_secret": nested}
    )
    check.validate(secret.model_dump(mode="json"))
    assert not check.is_valid({**SECRET, "scope": 5})
    assert "ENVIRONMENT" in json.dumps(schema["$defs"]["APIVariableScopeEnum"])


@each_mode
@pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
def test_schema__value_is_a_password(model: type[Any], mode: Mode) -> None:
    """A value is written and never read, and is entered like a password; the other fields are plain."""
    for name, field in model.model_json_schema(mode=mode)["properties"].items():
        secret = name == "value"
        assert (field.get("writeOnly"), field.get("format")) == ((True, "password") if secret else (None, None))


def test_schema__of_a_subclass() -> None:
    """A subclass adds its own descriptions, and what it says of a field wins."""

    class Noted(SecretRequest):
        owner: str = ""
        """Who
        asked for it."""
        key: str = pydantic.Field(description="Another key.")
        """Not shown."""
        plain: int = 0

    fields = Noted.model_json_schema()["properties"]
    assert fields["owner"]["description"] == "Who\nasked for it."
    assert fields["key"]["description"] == "Another key."
    assert "description" not in fields["plain"]
    assert fields["value"]["description"] == SecretRequest.model_json_schema()["properties"]["value"]["description"]


def test_schema__without_source() -> None:
    """Where a class has no source, its schema has no descriptions."""
    namespace: dict[str, Any] = {"SecretRequest": SecretRequest}
    exec("class Made(SecretRequest):\n    more: int = 0\n    'A number.'", namespace)
    fields = namespace["Made"].model_json_schema()["properties"]
    assert "description" not in fields["more"]
    assert fields["key"]["description"]

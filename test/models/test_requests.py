"""Request models are strict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from qovery import (
    ApiAttributeError,
    ApiValidationError,
    ApiValueError,
    Key,
    SecretEditRequest,
    SecretRequest,
    Value,
)
from test.support.examples import EXAMPLES, REQUESTS

each_request = pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
texts = st.text(st.characters(exclude_categories=["Cs"]))
shared: dict[str, st.SearchStrategy[Any]] = {
    "description": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=255),
    "enable_interpolation_in_file": st.none() | st.booleans(),
}
schemas = {
    Key: st.fixed_dictionaries({"key": texts}, optional=shared),
    Value: st.fixed_dictionaries({}, optional={"value": texts, **shared}),
    SecretEditRequest: st.fixed_dictionaries({"key": texts}, optional={"value": texts, **shared}),
    SecretRequest: st.fixed_dictionaries(
        {"key": texts}, optional={"value": texts, "mount_path": st.none() | texts, **shared}
    ),
}
requests = st.sampled_from(REQUESTS).flatmap(lambda model: st.tuples(st.just(model), schemas[model]))


@given(requests)
def test_request__round_trip(case: tuple[type[Any], dict[str, Any]]) -> None:
    """`from_dict(x).to_dict() == x` for every valid request, and through JSON too."""
    model, fields = case
    built = model.from_dict(fields)
    assert built.to_dict() == fields
    assert json.loads(built.to_json()) == fields
    assert model(**fields) == built


def test_request__distinguishes_unset_from_none() -> None:
    """Only a field that was set to None is sent as null."""
    assert SecretRequest(key="a").to_dict() == {"key": "a"}
    assert SecretRequest(key="a", mount_path=None, description=None).to_dict() == {
        "key": "a",
        "mount_path": None,
        "description": None,
    }
    request = SecretRequest(key="a")
    request.enable_interpolation_in_file = None
    assert request.to_json() == '{"key":"a","enable_interpolation_in_file":null}'


@pytest.mark.parametrize("model", [SecretEditRequest, SecretRequest, Value], ids=lambda model: model.__name__)
def test_request__value_none_is_left_out(model: type[Any]) -> None:
    """A value is not nullable, so None is not sent; an empty string is."""
    assert (
        "value" not in model.from_dict({"key": "a", "value": None} if model is not Value else {"value": None}).to_dict()
    )
    built = model.from_dict({"key": "a", "value": ""} if model is not Value else {"value": ""})
    assert built.to_dict()["value"] == ""
    built.value = None
    assert "value" not in json.loads(built.to_json())


@each_request
def test_request__unknown_field(model: type[Any]) -> None:
    """A field that the schema does not have is an error, in the constructor and on assignment."""
    with pytest.raises(ApiValidationError, match="valeu"):
        model.from_dict({**EXAMPLES[model], "valeu": "x"})
    with pytest.raises(ApiValidationError, match="valeu"):
        model.from_json(json.dumps({**EXAMPLES[model], "valeu": "x"}))
    with pytest.raises(ApiValidationError, match="valeu"):
        model(**EXAMPLES[model], valeu="x")
    built = model.from_dict(EXAMPLES[model])
    with pytest.raises(ApiAttributeError, match=f"{model.__name__} has no field 'valeu'"):
        built.valeu = "x"


@each_request
def test_request__missing_key(model: type[Any]) -> None:
    """A key is required in every request except an override."""
    if model is Value:
        assert model().to_dict() == {}
    else:
        with pytest.raises(ApiValidationError, match="key: Field required"):
            model()
        with pytest.raises(ApiValidationError, match="key"):
            model(key=None)


@each_request
def test_request__description_limit(model: type[Any]) -> None:
    """A description has at most 255 characters, of any width."""
    fields = EXAMPLES[model]
    assert model.from_dict({**fields, "description": "é" * 255}).description == "é" * 255
    with pytest.raises(ApiValidationError, match="description: String should have at most 255 characters"):
        model.from_dict({**fields, "description": "é" * 256})
    built = model.from_dict(fields)
    with pytest.raises(ApiValidationError, match="description"):
        built.description = "é" * 256


@pytest.mark.parametrize(
    "value",
    ["", " ", "\0", "\x7f", "é", "e\u0301", "🔑", "\u202e", "\ufeff", "line\r\nline", '"\\/', "{{OTHER}}", "m" * 2**20],
    ids=lambda value: ascii(value[:12]),
)
def test_request__value_is_any_text(value: str) -> None:
    """A value is kept exactly: empty, any Unicode, a megabyte."""
    request = SecretRequest(key="a", value=value)
    assert request.value == request.to_dict()["value"] == json.loads(request.to_json())["value"] == value
    assert SecretRequest.from_json(request.to_json()) == request


def test_request__that_json_cannot_hold() -> None:
    """A lone surrogate is an `ApiValueError` from `to_json`, which does not show it."""
    with pytest.raises(ApiValueError, match="SecretRequest has a value that is not JSON serializable") as caught:
        SecretRequest(key="a", value="hush\ud800").to_json()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("key", 5),
        ("key", b"a"),
        ("value", 5),
        ("value", b"a"),
        ("value", True),
        ("value", ["a"]),
        ("mount_path", Path("/etc/a")),
        ("description", 5),
        ("enable_interpolation_in_file", 1),
        ("enable_interpolation_in_file", "true"),
    ],
)
def test_request__types_are_strict(field: str, wrong: Any) -> None:
    """Values are never converted, also on assignment: a number is not text, and 1 is not True."""
    with pytest.raises(ApiValidationError, match=field):
        SecretRequest.from_dict({"key": "a", field: wrong})
    request = SecretRequest(key="a")
    with pytest.raises(ApiValidationError, match=field):
        setattr(request, field, wrong)
    assert request.to_dict() == {"key": "a"}


@pytest.mark.parametrize("model", [SecretEditRequest, SecretRequest, Value], ids=lambda model: model.__name__)
def test_request__value_from_secret_str(model: type[Any]) -> None:
    """A `SecretStr` is stored as its text, from the constructor and on assignment."""
    built = model.from_dict({**EXAMPLES[model], "value": SecretStr("hush")})
    assert built.value == "hush"
    built.value = SecretStr("hush hush")
    assert json.loads(built.to_json())["value"] == "hush hush"

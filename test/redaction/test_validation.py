"""The error for fields that do not fit: pydantic's and ours at once, and never the input."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import fastapi
import pydantic
import pytest

import qovery
from qovery import ApiValidationError, SecretEditRequest, SecretRequest, Value
from test.support.asgi import request
from test.support.canaries import CANARY

BAD: dict[str, Any] = {"key": "A", "value": [CANARY], "no_such_field": CANARY}


class Outer(pydantic.BaseModel):
    secret: SecretRequest


@pydantic.validate_call
def take(secret: SecretRequest) -> SecretRequest:
    return secret


def deprecated(name: str) -> Callable[[Any], Any]:
    def build(data: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return getattr(SecretRequest, name)(json.dumps(data) if name == "parse_raw" else data)

    return build


def assign(data: Any) -> Any:
    secret = SecretRequest(key="A")
    secret.value = data["value"]
    return secret


OURS: dict[str, Callable[[Any], Any]] = {
    "constructor": lambda data: SecretRequest(**data),
    "from_dict": SecretRequest.from_dict,
    "from_json": lambda data: SecretRequest.from_json(json.dumps(data)),
    "model_validate": SecretRequest.model_validate,
    "model_validate_json": lambda data: SecretRequest.model_validate_json(json.dumps(data)),
    "model_validate_strings": SecretRequest.model_validate_strings,
    "assignment": assign,
    **{name: deprecated(name) for name in ("parse_obj", "parse_raw", "validate")},
}

PYDANTIC: dict[str, Callable[[Any], Any]] = {
    "TypeAdapter": lambda data: pydantic.TypeAdapter(SecretRequest).validate_python(data),
    "TypeAdapter of a list": lambda data: pydantic.TypeAdapter(list[SecretRequest]).validate_json(json.dumps([data])),
    "outer model": lambda data: Outer(secret=data),
    "validate_call": take,
}


def caught(build: Callable[[Any], Any], data: Mapping[str, Any] = BAD) -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as raised:
        build(dict(data))
    return raised.value


@pytest.mark.parametrize("name", OURS)
def test_error__is_ours_and_pydantics(name: str) -> None:
    """Whichever way of the model is used, the error is of both trees and neither text nor frames have the input."""
    error = caught(OURS[name])
    assert isinstance(error, ApiValidationError)
    assert isinstance(error, qovery.ApiValueError)
    shown = [str(error), repr(error), str(error.errors()), error.json(), "".join(traceback.format_exception(error))]
    assert not [text for text in shown if CANARY in text]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename != __file__]
    assert not [frame for frame in frames if CANARY in repr(frame.f_locals)]


@pytest.mark.parametrize("name", PYDANTIC)
def test_error__of_pydantic_has_no_input(name: str) -> None:
    """Where pydantic builds the model by itself, the error is its own, and its text and inputs are masked."""
    error = caught(PYDANTIC[name])
    assert CANARY not in f"{error} {error!r} {error.errors(include_url=False)} {error.json()}"
    assert {problem["input"] for problem in error.errors()} == {"**********"}


def test_error__in_fastapi() -> None:
    """A request body that does not fit is answered without it."""
    app = fastapi.FastAPI()

    @app.post("/")
    def create(secret: SecretRequest) -> str:
        return secret.key

    status, problem = request(app, "POST", "/", BAD)
    assert (status, CANARY in str(problem)) == (422, False)
    assert request(app, "POST", "/", {"key": "A", "value": CANARY}) == (200, "A")


def test_error__keeps_its_problems() -> None:
    """Type, place and text of each problem are pydantic's, in a copy too."""
    error = caught(SecretRequest.from_dict)
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (one.title, one.error_count()) == ("SecretRequest", 2)
        assert [(problem["type"], problem["loc"]) for problem in one.errors()] == [
            ("string_type", ("value",)),
            ("extra_forbidden", ("no_such_field",)),
        ]
        assert str(one) == (
            "SecretRequest is not valid: value: Input should be a valid string;"
            " no_such_field: Extra inputs are not permitted"
        )
        assert [problem.keys() for problem in one.errors()] == [{"type", "loc", "msg", "input"}] * 2
        assert one.path_to_item is None
        assert repr(one) == f"ApiValidationError({str(one)!r})"
        assert "input_value" not in pydantic.ValidationError.__str__(one)
    assert json.loads(error.json())[0]["msg"] == "Input should be a valid string"
    assert error.json(indent=1) == json.dumps(error.errors(), indent=1)
    nested = ApiValidationError.without_input(caught(lambda data: Outer(secret=data)))
    assert str(nested).startswith("Outer is not valid: secret.value: Input should be a valid string; secret.no_such")


@pytest.mark.parametrize("model", [SecretRequest, SecretEditRequest, Value])
def test_subclass__stays_masked(model: type[SecretRequest]) -> None:
    """A subclass that declares the value again keeps it masked and readable by name."""

    class Declared(model):  # type: ignore[misc,valid-type]
        value: str = CANARY

    class Built(model):  # type: ignore[misc,valid-type]
        model_config = pydantic.ConfigDict(defer_build=False)
        value: str | None

    for kind in (Declared, Built):
        made = kind(**{"value": CANARY, **({} if model is Value else {"key": "A"})})
        assert made.value == CANARY
        assert made.to_dict()["value"] == CANARY
        assert CANARY not in f"{made!r} {vars(made)} {made.to_str()}"

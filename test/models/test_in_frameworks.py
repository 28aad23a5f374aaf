"""What libraries make of the models that build objects from signatures, and parameters from models."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qovery import (
    APIVariableScopeEnum,
    Secret,
    SecretRequest,
    SecretResponseList,
)
from test.support.asgi import request
from test.support.examples import EXAMPLES
from test.support.recording import SECRET


def application() -> fastapi.FastAPI:
    """An application with the models in every place that FastAPI has for one."""
    app = fastapi.FastAPI()

    @app.get("/depends")
    def depends(request: Annotated[SecretRequest, fastapi.Depends()]) -> Any:
        return request.to_dict()

    @app.get("/query")
    def query(request: Annotated[SecretRequest, fastapi.Query()]) -> Any:
        return request.to_dict()

    @app.get("/scope/{scope}")
    def scope(scope: APIVariableScopeEnum) -> APIVariableScopeEnum:
        return scope

    @app.post("/body")
    def body(request: SecretRequest) -> Secret:
        return Secret.from_dict({**SECRET, "key": request.key, "scope": "GALAXY"})

    @app.get("/list", response_model=SecretResponseList)
    def listed() -> Any:
        return SecretResponseList.from_dict({"results": [SECRET]})

    @app.get("/secrets", response_model=list[Secret])
    def secrets() -> Any:
        return SecretResponseList.from_dict({"results": [SECRET]})

    return app


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
@pytest.mark.parametrize("make", [st.builds, st.from_type])
def test_hypothesis__makes_models(model: type[Any], make: Any) -> None:
    """Hypothesis makes any model from its constructor, and what it makes comes through JSON."""

    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(make(model))
    def check(made: Any) -> None:
        assert isinstance(made, model)
        assert model.from_json(made.to_json()) == made

    check()


def test_fastapi__depends_on_a_model() -> None:
    """The fields of a model become parameters of the query, of their own types."""
    app = application()
    url = "/depends?key=A&value=v&description=&enable_interpolation_in_file=true"
    fields = {"key": "A", "value": "v", "description": "", "enable_interpolation_in_file": True, "mount_path": None}
    assert request(app, "GET", url) == (200, fields)
    assert request(app, "GET", "/depends?value=v")[0] == 422
    assert request(app, "GET", "/query?key=A&value=v") == (200, {"key": "A", "value": "v"})
    assert request(app, "GET", "/scope/GALAXY") == (200, "GALAXY")


def test_fastapi__body_and_response() -> None:
    """A model is read from a body and written as a response, with an enum member that nobody knows yet."""
    app = application()
    status, secret = request(app, "POST", "/body", {"key": "A", "value": "v"})
    assert (status, secret["key"], secret["scope"]) == (200, "A", "GALAXY")
    assert request(app, "POST", "/body", {"key": "A", "valeu": "v"})[0] == 422
    status, listed = request(app, "GET", "/list")
    assert (status, [one["key"] for one in listed["results"]]) == (200, [SECRET["key"]])
    assert request(app, "GET", "/secrets") == (200, listed["results"])


def test_fastapi__openapi() -> None:
    """The description of the application has that of the fields."""
    status, described = request(application(), "GET", "/openapi.json")
    schemas = described["components"]["schemas"]
    assert status == 200
    assert schemas["SecretRequest"]["properties"]["value"]["writeOnly"] is True
    assert schemas["Secret"]["properties"]["key"]["description"]
    assert {"APIVariableScopeEnum", "SecretResponseList"} <= schemas.keys()

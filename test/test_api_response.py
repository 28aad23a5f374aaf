"""`ApiResponse`: what a `_with_http_info` method returns."""

from __future__ import annotations

import json

from test.support.clients import Connect
from test.support.recording import SECRET, RecordingServer, Response


def test_attributes__of_a_list(server: RecordingServer, connect: Connect) -> None:
    """A response has the status, case-insensitive headers, the model and the raw body."""
    server.default = Response(200, {"results": [SECRET]}, {"X-Request-Id": "r-1"})
    response = connect(server).list_environment_secrets_with_http_info("e")
    assert (response.status_code, response.headers["x-request-id"]) == (200, "r-1")
    assert [secret.key for secret in response.data.results or []] == [SECRET["key"]]
    assert type(response.data).from_json(response.raw_data) == response.data


def test_repr__has_status_and_model(server: RecordingServer, connect: Connect) -> None:
    """The representation shows the status and the model, and there is no `__dict__` to dump."""
    response = connect(server).list_environment_secrets_with_http_info("e")
    assert repr(response) == f"<ApiResponse 200: {response.data!r}>"
    assert not hasattr(response, "__dict__")


def test_model_dump__as_of_a_model(server: RecordingServer, connect: Connect) -> None:
    """`model_dump` returns the attributes, with the model as a dictionary, and accepts pydantic's options."""
    server.default = Response(200, {"results": [SECRET]}, {"X-Request-Id": "r-1"})
    response = connect(server).list_environment_secrets_with_http_info("e")
    dumped = response.model_dump()
    assert list(dumped) == ["status_code", "headers", "data", "raw_data"]
    assert (dumped["data"], dumped["headers"]["X-Request-Id"]) == (response.data.model_dump(), "r-1")
    assert (type(dumped["headers"]), dumped["raw_data"]) == (dict, response.raw_data)
    assert response.model_dump(include={"status_code"}) == {"status_code": 200}
    whole = response.model_dump(mode="json", exclude={"raw_data": True, "headers": True}, exclude_unset=True)
    assert json.loads(json.dumps(whole)) == whole
    assert whole["data"]["results"][0]["scope"] == "ENVIRONMENT"


def test_model_dump__without_a_body(server: RecordingServer, connect: Connect) -> None:
    """`model_dump` also works for an operation without a response body."""
    server.default = Response(204)
    dumped = connect(server).delete_environment_secret_with_http_info("e", "s").model_dump()
    assert (dumped["status_code"], dumped["data"], dumped["raw_data"]) == (204, None, b"")

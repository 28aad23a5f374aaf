"""`ApiResponse`: what a `_with_http_info` method returns."""

from __future__ import annotations

from test.support.clients import Connect
from test.support.recording import SECRET, RecordingServer, Response


def test_attributes__of_a_list(server: RecordingServer, connect: Connect) -> None:
    """A response has the status, the headers in any case, the model and the bytes of the body."""
    server.default = Response(200, {"results": [SECRET]}, {"X-Request-Id": "r-1"})
    response = connect(server).list_environment_secrets_with_http_info("e")
    assert (response.status_code, response.headers["x-request-id"]) == (200, "r-1")
    assert [secret.key for secret in response.data.results or []] == [SECRET["key"]]
    assert type(response.data).from_json(response.raw_data) == response.data


def test_repr__has_status_and_model(server: RecordingServer, connect: Connect) -> None:
    """The representation shows the status and the model, and attributes cannot be dumped."""
    response = connect(server).list_environment_secrets_with_http_info("e")
    assert repr(response) == f"<ApiResponse 200: {response.data!r}>"
    assert not hasattr(response, "__dict__")

"""`RESTClientObject.request`: requests outside the operations, with the interface of a generated client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qovery import ApiException, ApiTimeoutError, ApiTypeError, ApiValueError, Configuration
from qovery.rest import RESTClientObject, RESTResponse
from test.support.clients import Connect
from test.support.hostile import HostileServer, read, read_byte
from test.support.recording import RecordingServer, Response


@pytest.fixture
def rest(server: RecordingServer, connect: Connect) -> RESTClientObject:
    """The transport of a client with a token."""
    return connect(server).api_client.rest_client


def test_response__as_generated(server: RecordingServer, rest: RESTClientObject) -> None:
    """The response has status, reason and case-insensitive headers, and its body can be read repeatedly."""
    server.default = Response(200, {"a": 1}, {"X-One": "1"}, reason="Fine")
    response = rest.request("get", f"{server.url}/a?b=c%20d", headers={"Accept": "text/plain"})
    assert isinstance(response, RESTResponse)
    assert (response.status, response.reason) == (200, "Fine")
    assert (response.headers["x-one"], response.getheader("X-One"), response.getheaders()["X-one"]) == ("1", "1", "1")
    assert (response.getheader("X-Two"), response.getheader("X-Two", "none")) == (None, "none")
    assert response.read() == response.read() == response.data == b'{"a": 1}'
    assert (server.last.method, server.last.target) == ("GET", "/a?b=c%20d")
    assert server.last.headers["Accept"] == "text/plain"


def test_request__has_the_given_headers_alone(server: RecordingServer, rest: RESTClientObject) -> None:
    """No credentials are added."""
    rest.request("GET", server.url)
    assert "Authorization" not in server.last.headers
    rest.request("GET", server.url, headers={"Authorization": "Token mine"})
    assert server.last.headers["Authorization"] == "Token mine"


@pytest.mark.parametrize(
    ("headers", "body", "sent"),
    [
        (None, {"a": "é"}, b'{"a": "\\u00e9"}'),
        ({"Content-Type": "application/merge-patch+json; charset=utf-8"}, [1], b"[1]"),
        ({"content-type": "application/json"}, "text", b'"text"'),
        ({"Content-Type": "text/plain"}, "é", "é".encode()),
        ({"Content-Type": "application/octet-stream"}, b"\0", b"\0"),
        (None, None, b""),
        (None, {}, b"{}"),
    ],
)
def test_body__by_its_type(
    server: RecordingServer, rest: RESTClientObject, headers: dict[str, str] | None, body: Any, sent: bytes
) -> None:
    """A body is sent as JSON unless its content type is a different one."""
    rest.request("POST", server.url + "/a", headers=headers, body=body)
    assert server.last.body == sent


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_status__is_no_error(server: RecordingServer, rest: RESTClientObject, status: int) -> None:
    """An error status is returned, not raised."""
    server.default = Response(status, {"detail": "no"})
    response = rest.request("POST", server.url)
    assert (response.status, json.loads(response.read())) == (status, {"detail": "no"})


def test_request__is_retried(server: RecordingServer, rest: RESTClientObject) -> None:
    """The retry policy of the operations applies: a GET is retried, a POST that may have run is not."""
    server.responses = [Response(500), Response(200), Response(500)]
    assert rest.request("GET", server.url).status == 200
    assert rest.request("POST", server.url).status == 500
    assert [received.method for received in server.received] == ["GET", "GET", "POST"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("FETCH", "/"), ApiValueError, "method must be one of DELETE, GET"),
        ((None, "/"), ApiValueError, "method must be one of"),
        (("GET", "/canary#a"), ApiValueError, "url must be Configuration.host"),
        (("GET", "/canary b"), ApiValueError, "url must be Configuration.host"),
        (("GET", "/canary\r\nA: b"), ApiValueError, "url must be Configuration.host"),
        (("GET", "canary"), ApiValueError, "url must be Configuration.host"),
        (("GET", ".canary.example/"), ApiValueError, "url must be Configuration.host"),
        (("GET", "@canary.example/"), ApiValueError, "url must be Configuration.host"),
        (("POST", "/", None, {"a": {"canary"}}), ApiTypeError, "body is not JSON serializable"),
        (("POST", "/", {"Content-Type": "text/plain"}, {"canary": 1}), ApiTypeError, "body must be a str or bytes"),
        (("POST", "/", None, None, {"a": "canary"}), ApiValueError, "post_params must be empty"),
        (("POST", "/", {"A": "canary\nB"}), ApiValueError, "A has a line break"),
        (("POST", "/", "canary"), ApiTypeError, "headers must be a mapping"),
        (("GET", "/", None, None, None, "canary"), ApiTypeError, "_request_timeout must be a number"),
    ],
)
def test_arguments__are_checked(
    server: RecordingServer, rest: RESTClientObject, arguments: Any, error: type[Exception], text: str
) -> None:
    """An invalid request is an error that shows no value, before anything is sent."""
    method, path, *more = arguments
    with pytest.raises(error, match=text) as caught:
        rest.request(method, server.url + path, *more)
    assert "canary" not in str(caught.value)
    assert not server.received


@pytest.mark.parametrize("url", [None, b"http://localhost", "https://elsewhere.example/", "/a", ""])
def test_url__of_another_host(rest: RESTClientObject, url: Any) -> None:
    """A request is sent only to the configured host."""
    with pytest.raises(ApiValueError, match=r"url must be Configuration\.host and an encoded path"):
        rest.request("GET", url)


def test_secrets__are_masked(server: RecordingServer, connect: Connect) -> None:
    """An error shows neither headers nor text of the body."""
    rest = connect(server, max_response_size=1).api_client.rest_client
    server.default = Response(200, {"a": "canary-1"}, {"X-A": "canary-1 canary-2 canary-3"})
    with pytest.raises(ApiException) as caught:
        rest.request("POST", server.url, headers={"X-Key": "canary-1"}, body={"a": ["canary-2", {"b": "canary-3"}]})
    assert caught.value.headers is not None
    assert "X-A" in caught.value.headers
    assert "canary" not in f"{caught.value!r} {dict(caught.value.headers)}"


def test_base_path__is_kept(server: RecordingServer) -> None:
    """The path of the host is sent once."""
    rest = RESTClientObject(Configuration(host=f"{server.url}/base/"))
    try:
        rest.request("GET", f"{server.url}/base/a")
        assert server.last.target == "/base/a"
        with pytest.raises(ApiValueError, match="url must be"):
            rest.request("GET", f"{server.url}/a")
    finally:
        rest.close()


@pytest.mark.parametrize("timeout", [0.1, (1, 0.1)])
def test_timeout__of_a_silent_server(connect: Connect, timeout: Any) -> None:
    """`_request_timeout` works as in an operation: a server that does not respond is an `ApiTimeoutError`."""
    with HostileServer([read, read_byte]) as server:
        rest = connect(server).api_client.rest_client
        with pytest.raises(ApiTimeoutError):
            rest.request("POST", server.url, _request_timeout=timeout)

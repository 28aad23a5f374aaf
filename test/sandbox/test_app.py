"""HTTP: authorization, invalid requests, unknown routes, and the log."""

from __future__ import annotations

import json

import pytest
import urllib3

from qovery import (
    EnvironmentSecretApi,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.support import NIGHTLY
from test.support.sandboxes import AUTHORIZED


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


@pytest.mark.parametrize("authorization", [None, "", "Token", "Token ", "Basic abc", "a-token"])
def test_authorization__missing_or_malformed(
    http: urllib3.PoolManager, sandbox: Sandbox, env: str, authorization: str | None
) -> None:
    """A missing or malformed authorization returns a 401."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = http.request("GET", f"{sandbox.url}/environment/{env}/secret", headers=headers)
    assert (response.status, response.json()["status"]) == (401, 401)


@pytest.mark.parametrize(
    ("body", "headers", "status", "named"),
    [
        (b"{", {}, 400, "JSON"),
        (b"", {}, 400, "key"),
        (b"\xff", {}, 400, "JSON"),
        (b"[]", {}, 400, "body"),
        (b'{"value": "canary"}', {}, 400, "key"),
        (b'{"key": "A", "value": 5}', {}, 400, "value"),
        (b'{"key": "A", "vlaue": "canary"}', {}, 400, "vlaue"),
        (json.dumps({"key": "A", "description": "x" * 256}).encode(), {}, 400, "description"),
        (b'{"key": "A"}', {"Content-Type": "text/plain"}, 415, "content type"),
        (json.dumps({"key": "A", "value": "x" * 1024 * 1024}).encode(), {}, 413, "larger"),
        (b"[" * 100_000, {}, 400, "JSON"),
    ],
)
def test_body__invalid(
    http: urllib3.PoolManager,
    sandbox: Sandbox,
    env: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    named: str,
) -> None:
    """An invalid body returns a 4xx that names the field and contains no value."""
    url = f"{sandbox.url}/environment/{env}/secret"
    response = http.request("POST", url, body=body, headers={**AUTHORIZED, **headers})
    assert response.status == status
    assert named in response.json()["detail"]
    assert "canary" not in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PATCH", "/environment/e/secret", 405)]
)
def test_route__unknown(http: urllib3.PoolManager, sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """An unknown path or method returns a JSON error."""
    response = http.request(method, sandbox.url + path, headers=AUTHORIZED)
    assert (response.status, response.json()["status"]) == (status, status)


def test_route__lists_allowed_methods(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """A 405 lists the methods that the path supports; HEAD is supported where GET is."""
    url = f"{sandbox.url}/environment/{env}/secret"
    allowed = http.request("OPTIONS", url, headers=AUTHORIZED).headers["Allow"]
    assert sorted(allowed.split(", ")) == ["GET", "HEAD", "POST"]
    response = http.request("HEAD", url, headers=AUTHORIZED)
    assert (response.status, response.data) == (200, b"")


def test_list__of_very_many(sandbox: Sandbox, http: urllib3.PoolManager) -> None:
    """An environment with tens of thousands of secrets can be listed and extended."""
    number = 100_000 if NIGHTLY else 20_000
    secrets = [{"key": f"K{n}", "value": "v"} for n in range(number)]
    (env,) = sandbox.load({"environments": [{"secrets": secrets}]})
    url = f"{sandbox.url}/environment/{env}/secret"
    assert http.request("POST", url, json={"key": "K5", "value": "K7"}, headers=AUTHORIZED).status == 201
    listed = http.request("GET", url, headers=AUTHORIZED).json()["results"]
    assert len(listed) == number
    assert sandbox.value(env, "K5") == "v"


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(1)
    return caplog


def test_log__shows_no_secret(
    everything_logged: pytest.LogCaptureFixture, api: EnvironmentSecretApi, sandbox: Sandbox, env: str
) -> None:
    """At the lowest level the log contains paths and statuses, but neither values nor tokens."""
    caplog = everything_logged
    api.create_environment_secret(env, {"key": "A", "value": "canary-value"})
    assert f"POST /environment/{env}/secret 201" in caplog.text
    for secret in ("canary-value", "a-token"):
        assert secret not in caplog.text
        assert secret not in repr(sandbox)
        assert secret not in repr(sandbox.requests)

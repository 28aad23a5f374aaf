"""HTTP: authorization, wrong requests, unknown routes, and the log."""

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
    """Without a scheme and a token there is a 401."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = http.request("GET", f"{sandbox.url}/environment/{env}/secret", headers=headers)
    assert (answer.status, answer.json()["status"]) == (401, 401)


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
def test_body__wrong(
    http: urllib3.PoolManager,
    sandbox: Sandbox,
    env: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    named: str,
) -> None:
    """A body that is wrong is a 4xx that names the field and repeats no value."""
    url = f"{sandbox.url}/environment/{env}/secret"
    answer = http.request("POST", url, body=body, headers={**AUTHORIZED, **headers})
    assert answer.status == status
    assert named in answer.json()["detail"]
    assert "canary" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PATCH", "/environment/e/secret", 405)]
)
def test_route__unknown(http: urllib3.PoolManager, sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """An unknown path or method is answered in JSON too."""
    answer = http.request(method, sandbox.url + path, headers=AUTHORIZED)
    assert (answer.status, answer.json()["status"]) == (status, status)


def test_route__says_what_is_allowed(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """A method that a path does not have is answered with all that it has; HEAD comes with GET."""
    url = f"{sandbox.url}/environment/{env}/secret"
    allowed = http.request("OPTIONS", url, headers=AUTHORIZED).headers["Allow"]
    assert sorted(allowed.split(", ")) == ["GET", "HEAD", "POST"]
    answer = http.request("HEAD", url, headers=AUTHORIZED)
    assert (answer.status, answer.data) == (200, b"")


def test_list__of_very_many(sandbox: Sandbox, http: urllib3.PoolManager) -> None:
    """Tens of thousands of secrets in one environment are listed, and one more is added."""
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
    """At the lowest level the log has paths and statuses, and neither values nor tokens."""
    caplog = everything_logged
    api.create_environment_secret(env, {"key": "A", "value": "canary-value"})
    assert f"POST /environment/{env}/secret 201" in caplog.text
    for secret in ("canary-value", "a-token"):
        assert secret not in caplog.text
        assert secret not in repr(sandbox)
        assert secret not in repr(sandbox.requests)

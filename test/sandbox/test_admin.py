"""The admin API, with which tests in other languages control a sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from qovery import EnvironmentSecretApi, UnauthorizedException
from qovery.sandbox import Sandbox
from qovery.sandbox.__main__ import ADMIN_TOKEN_VARIABLE
from test.support import PATIENCE
from test.support.sandboxes import Start

Tell = Callable[..., tuple[int, Any]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeded=False, admin=True) as sandbox:
        sandbox.reset()
        yield sandbox


@pytest.fixture
def tell(http: urllib3.PoolManager, sandbox: Sandbox) -> Tell:
    """Call a command, and return the status and the response."""

    def tell(name: str, **arguments: object) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {sandbox.admin_token}"}
        response = http.request("POST", f"{sandbox.url}/_sandbox/{name}", json=arguments, headers=headers)
        return response.status, response.json() if response.data else None

    return tell


def test_admin__sets_up_and_reads(tell: Tell, sandbox: Sandbox, api: EnvironmentSecretApi) -> None:
    """Environments and secrets are added, and values are read, as in Python."""
    status, env = tell("add_environment", project_id="p")
    assert status == 200
    status, secret = tell("add_secret", environment_id=env, key="A", value="{{B}}!", scope="PROJECT")
    assert (status, secret["scope"], secret["key"]) == (200, "PROJECT", "A")
    assert "value" not in secret
    (other,) = tell("load", seed={"environments": [{"secrets": [{"key": "C"}]}]})[1]
    assert tell("environments")[1] == sandbox.environments()
    assert env in sandbox.environments()
    assert other in sandbox.environments()
    api.create_environment_secret(env, {"key": "B", "value": "b"})
    assert tell("value", environment_id=env, key="A") == (200, "b!")
    assert [secret["key"] for secret in tell("secrets", environment_id=env)[1]] == ["A", "B"]
    (request,) = tell("requests")[1]
    assert (request["method"], request["operation"], request["status"]) == ("POST", "create_environment_secret", 201)
    assert request["client"].startswith("qovery-python/")
    assert tell("reset") == (204, None)
    assert tell("requests") == (200, [])


@pytest.mark.parametrize(
    ("name", "arguments", "statuses"),
    [
        ("fail", {"operation": "list_environment_secrets", "status": 418, "times": 2}, [418, 418, 200]),
        ("rate_limit", {"requests": 1, "per": 3600}, [200, 429, 429]),
        ("revoke", {"token": "t"}, [401, 401, 401]),
        ("read_only", {"token": "t"}, [200, 200, 200]),
        ("delay", {"seconds": 0.01}, [200, 200, 200]),
        ("behaviour", {"behaviour": "observed"}, [200, 200, 200]),
    ],
)
def test_admin__injects_faults(
    tell: Tell,
    http: urllib3.PoolManager,
    sandbox: Sandbox,
    env: str,
    name: str,
    arguments: dict[str, object],
    statuses: list[int],
) -> None:
    """A fault or setting applies to the requests that follow."""
    assert tell(name, **arguments) == (204, None)
    url, headers = f"{sandbox.url}/environment/{env}/secret", {"Authorization": "Token t"}
    assert [http.request("GET", url, headers=headers).status for _ in range(3)] == statuses
    if name == "behaviour":
        assert sandbox.behaviour == "observed"


@pytest.mark.parametrize("name", ["drop_reply", "reset_connection"])
def test_admin__breaks_connections(
    tell: Tell, http: urllib3.PoolManager, sandbox: Sandbox, env: str, name: str
) -> None:
    """A response is dropped, or a connection is reset, once."""
    assert tell(name) == (204, None)
    url, headers = f"{sandbox.url}/environment/{env}/secret", {"Authorization": "Token t"}
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", url, headers=headers)
    assert http.request("GET", url, headers=headers).status == 200


@pytest.mark.parametrize(
    ("name", "arguments", "status", "said"),
    [
        ("add_secret", {"key": "A", "value": "canary"}, 400, "environment_id"),
        ("add_secret", {"environment_id": "e", "key": "A", "vlaue": "canary"}, 400, "vlaue"),
        ("add_secret", {"environment_id": "e", "key": "A", "value": ["canary"]}, 400, "value"),
        ("add_secret", {"environment_id": "missing", "key": "A", "value": "canary"}, 400, "does not exist"),
        ("load", {"seed": {"environments": [{"secrets": [{"value": "canary"}]}]}}, 400, "key"),
        ("load", {"seed": "/etc/passwd"}, 400, "seed"),
        ("fail", {"operation": "list"}, 400, "list_environment_secrets"),
        ("behaviour", {"behaviour": "strict"}, 400, "documented"),
        ("value", {"environment_id": "ENV", "key": "A"}, 404, "'A'"),
        ("stop", {}, 404, "add_secret"),
        ("__init__", {}, 404, "add_secret"),
    ],
)
def test_admin__rejects(tell: Tell, env: str, name: str, arguments: dict[str, object], status: int, said: str) -> None:
    """An invalid command returns a 4xx that names the problem and contains no value."""
    if arguments.get("environment_id") == "ENV":
        arguments = {**arguments, "environment_id": env}
    returned, problem = tell(name, **arguments)
    assert (returned, problem["status"]) == (status, status)
    assert said in problem["detail"]
    assert "canary" not in problem["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 400), (b"{}", "text/plain", 415), (b"", "", 204)],
)
def test_admin__body(http: urllib3.PoolManager, sandbox: Sandbox, body: bytes, kind: str, status: int) -> None:
    """A body must be JSON and declare it, which a web form cannot do; without arguments it may be empty."""
    headers = {"Content-Type": kind, "Authorization": f"Bearer {sandbox.admin_token}"}
    response = http.request("POST", f"{sandbox.url}/_sandbox/reset", body=body, headers=headers)
    assert response.status == status


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer bad", "Bearer good", "Basic admin", "admin", "Bearer é"]
)
def test_admin__token(http: urllib3.PoolManager, authorization: str | None) -> None:
    """Every command requires the admin token, which differs from the tokens of the operations."""
    with Sandbox(admin=True, admin_token="admin", tokens=frozenset({"good"})) as sandbox:
        headers = {} if authorization is None else {"Authorization": authorization}
        response = http.request("POST", f"{sandbox.url}/_sandbox/environments", headers=headers)
        assert (response.status, response.json()["status"]) == (401, 401)
        for scheme in ("Bearer", "Token"):
            headers = {"Authorization": f"{scheme} admin"}
            assert http.request("POST", f"{sandbox.url}/_sandbox/environments", headers=headers).status == 200
        assert http.request("GET", f"{sandbox.url}/environment/e/secret", headers=headers).status == 401


def test_admin_token__is_generated() -> None:
    """By default each sandbox generates its own long admin token."""
    sandboxes = [Sandbox(seeded=False) for _ in range(3)]
    made = {sandbox.admin_token for sandbox in sandboxes}
    for sandbox in sandboxes:
        sandbox.stop()
    assert len(made) == 3
    assert min(map(len, made)) >= 32


def test_admin__is_off_unless_asked_for(http: urllib3.PoolManager, start: Start) -> None:
    """The admin API is served only with `--admin`, which prints the token."""
    with Sandbox() as sandbox:
        assert http.request("POST", f"{sandbox.url}/_sandbox/environments").status == 404
    process, url = start("--admin")
    assert process.stdout is not None
    name, _, token = process.stdout.readline().strip().partition(": ")
    assert name == "Admin token"
    headers = {"Authorization": f"Bearer {token}"}
    assert json.loads(http.request("POST", f"{url}/_sandbox/environments", headers=headers).data)


@pytest.mark.parametrize("how", ["option", "variable"])
def test_admin_token__is_given(
    http: urllib3.PoolManager, start: Start, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """An admin token from `--admin-token` or the environment is used and not printed."""
    monkeypatch.setenv(ADMIN_TOKEN_VARIABLE, "of the variable" if how == "variable" else "unused")
    process, url = start("--admin", *(["--admin-token", "of the option"] if how == "option" else []))
    headers = {"Authorization": f"Bearer of the {how}"}
    assert http.request("POST", f"{url}/_sandbox/environments", headers=headers).status == 200
    process.terminate()
    assert process.communicate(timeout=PATIENCE) == ("", "")


def test_revoke__reaches_the_client(tell: Tell, api: EnvironmentSecretApi, env: str) -> None:
    """A token that was revoked through the admin API is rejected."""
    tell("revoke", token="a-token")
    with pytest.raises(UnauthorizedException):
        api.list_environment_secrets(env)

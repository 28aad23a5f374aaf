"""`Sandbox`: lifecycle and behaviour."""

from __future__ import annotations

import io
import logging
import os

import pytest

from qovery import ApiClient, ApiKeyError, ApiValueError, Configuration, EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_behaviour__is_set_and_reset(sandbox: Sandbox) -> None:
    """The behaviour can be changed until the next reset, and an unknown one raises an error."""
    sandbox.behaviour = "observed"
    assert sandbox.behaviour == "observed"
    sandbox.reset()
    assert sandbox.behaviour == "documented"
    with pytest.raises(ApiValueError, match="documented or observed"):
        sandbox.behaviour = "strict"  # type: ignore[assignment]  # under test
    with pytest.raises(ApiValueError, match="documented or observed"):
        Sandbox(behaviour="strict")  # type: ignore[arg-type]  # under test


def test_url__of_a_stopped_sandbox() -> None:
    """A stopped sandbox says so in its repr, and accessing its URL raises an error."""
    stopped = Sandbox()
    with pytest.raises(ApiValueError, match="start"):
        _ = stopped.url
    assert repr(stopped) == "<Sandbox stopped>"
    stopped.stop()
    with pytest.raises(ApiValueError, match="was stopped"):
        stopped.start()


def test_environment_id__without_an_environment() -> None:
    """Without an environment `environment_id` raises an error that says how to add one."""
    with Sandbox(seeded=False) as empty, pytest.raises(ApiKeyError, match="add_environment"):
        _ = empty.environment_id


def test_start__twice(sandbox: Sandbox) -> None:
    """Starting a running sandbox, or one on a port in use, raises an error."""
    with pytest.raises(ApiValueError, match="is running"):
        sandbox.start()
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).start()


def test_environ__configures_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client configured from the variables in `environ` uses the sandbox."""
    with Sandbox(tokens=frozenset({"b", "a"})) as sandbox:
        for name, value in sandbox.environ.items():
            monkeypatch.setenv(name, value)
        with ApiClient(Configuration.from_env()) as client:
            listed = EnvironmentSecretApi(client).list_environment_secrets(os.environ["QOVERY_ENVIRONMENT_ID"])
        assert len(listed.results or []) == len(sandbox.secrets(sandbox.environment_id))
        assert sandbox.environ["QOVERY_API_TOKEN"] == "a"


def test_environ__without_an_environment() -> None:
    """`environ` of a sandbox without environments has no environment id."""
    with Sandbox(seeded=False) as sandbox:
        assert sandbox.environ == {"QOVERY_API_URL": sandbox.url, "QOVERY_API_TOKEN": "sandbox"}


def test_log__is_apart_from_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers of the client's logger get no records of the sandbox, which lack the client's fields."""
    client_log, seen = logging.getLogger("qovery"), io.StringIO()
    handler = logging.StreamHandler(seen)
    handler.setFormatter(logging.Formatter("%(name)s %(qovery_method)s %(qovery_status)s"))
    monkeypatch.setattr(client_log, "handlers", [handler])
    before = client_log.level
    client_log.setLevel(logging.DEBUG)
    try:
        with Sandbox() as sandbox, ApiClient(Configuration(host=sandbox.url, access_token="t")) as client:
            EnvironmentSecretApi(client).list_environment_secrets(sandbox.environment_id)
    finally:
        client_log.setLevel(before)
    assert seen.getvalue() == "qovery GET 200\n"

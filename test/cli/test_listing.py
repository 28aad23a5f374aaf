"""`list`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi, SecretResponseList
from qovery.sandbox import Sandbox
from qovery.sandbox.store import database
from test.support.commands import CANARY, Run


@pytest.fixture
def secrets(set_up: Sandbox, env: str) -> Sandbox:
    """One secret of each scope, and an alias."""
    set_up.add_secret(env, "OWN", CANARY, description="for the mail server")
    set_up.add_secret(env, "SHARED", CANARY, scope="PROJECT", owned_by="DOPPLER")
    set_up.add_secret(env, "BUILT_IN", CANARY, scope="BUILT_IN")
    with ApiClient(Configuration.from_env()) as client:
        shared = next(secret for secret in set_up.secrets(env) if secret.key == "SHARED")
        EnvironmentSecretApi(client).create_environment_secret_alias(env, shared.id, {"key": "ANOTHER_NAME"})
    return set_up


def test_list__table(secrets: Sandbox, env: str, run: Run) -> None:
    """The table of the environment is printed."""
    done = run("list")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{SecretResponseList(results=secrets.secrets(env))}\n"  # type: ignore[call-arg]
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["ANOTHER_NAME", "BUILT_IN", "OWN", "SHARED"]


def test_list__json(secrets: Sandbox, env: str, run: Run) -> None:
    """JSON has the declared fields of each secret, sorted by key."""
    done = run("list", "--json")
    assert (done.status, done.err) == (0, "")
    listed = json.loads(done.out)
    assert (listed["version"], listed["environment_id"]) == (1, env)
    another, _, own, shared = listed["secrets"]
    own_id = next(secret.id for secret in secrets.secrets(env) if secret.key == "OWN")
    assert (own["id"], own["scope"], own["kind"], own["target"]) == (own_id, "ENVIRONMENT", "VALUE", None)
    assert (own["description"], shared["owned_by"], another["target"]) == ("for the mail server", "DOPPLER", "SHARED")
    assert datetime.fromisoformat(own["created_at"]) <= datetime.fromisoformat(own["updated_at"])


def test_list__without_secrets(set_up: Sandbox, run: Run) -> None:
    """An empty environment is not an error."""
    assert run("list") == (0, "0 secrets\n", "")
    assert run("list", "--older-than", "1h") == (0, "0 secrets\n", "")


def test_list__older_than(secrets: Sandbox, env: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only secrets last written before that are listed, without BUILT_IN secrets and aliases; the status is 2."""
    assert run("list", "--older-than", "1h").status == 0
    assert run("list", "--older-than", "0h").out.startswith("2 secrets\n")
    before = datetime.now(timezone.utc) - timedelta(days=90, minutes=1)
    monkeypatch.setattr(database, "_now", lambda: database.timestamp(before))
    secrets.add_secret(env, "OLD", CANARY)
    secrets.add_secret(env, "OLD_BUILT_IN", CANARY, scope="BUILT_IN")
    done = run("list", "--older-than", "90d")
    assert (done.status, done.err, done.out.startswith("1 secret\n")) == (2, "", True)
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["OLD"]
    done = run("list", "--older-than", "90d", "--json")
    assert (done.status, [secret["key"] for secret in json.loads(done.out)["secrets"]]) == (2, ["OLD"])
    assert run("list", "--older-than", "13w").status == 0

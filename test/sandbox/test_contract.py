"""The sandbox against `docs/openapi.yaml`: tried by schemathesis, and used by a client that others generate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from qovery.api.environment_secret_api import OPERATIONS
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.pytest_run import ROOT

DOCUMENT = ROOT / "docs/openapi.yaml"

#: A request that fits the schemas may break a rule, of scopes say: so says the document of each 400.
CONFIG = """
[parameters]
"path.environmentId" = {environment}

[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409]
"""


def run(*command: object, folder: Path) -> str:
    """What a program that came with this Python prints."""
    program, *arguments = map(str, command)
    done = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_schemathesis__finds_nothing(behaviour: Behaviour, tmp_path: Path) -> None:
    """All checks and phases of schemathesis, links included, pass, and no answer is a 500."""
    with Sandbox(behaviour=behaviour, tokens=frozenset({"good"})) as sandbox:
        (tmp_path / "schemathesis.toml").write_text(CONFIG.format(environment=json.dumps(sandbox.environment_id)))
        options = ["--url", sandbox.url, "--header", "Authorization: Token good", "--no-color", "--seed", "1"]
        what = ["--checks", "all", "--mode", "all", "--max-examples", "25"]
        run("schemathesis", "run", DOCUMENT, *options, *what, folder=tmp_path)
        statuses = {request.status for request in sandbox.requests}
    assert statuses >= {200, 201, 204, 400, 401, 403, 404}
    assert all(status is not None and status < 500 for status in statuses)


STORY = """
import sys
from uuid import UUID
from generated import AuthenticatedClient
from generated.api.environment_secret import (
    create_environment_secret, create_environment_secret_alias, create_environment_secret_override,
    delete_environment_secret, edit_environment_secret, list_environment_secrets,
)
from generated.models import Key, Problem, Secret, SecretEditRequest, SecretRequest, Value

url, environment = sys.argv[1], UUID(sys.argv[2])

def keys(client):
    return {secret.key: secret for secret in list_environment_secrets.sync(environment, client=client).results}

with AuthenticatedClient(base_url=url, token="a-token") as client:
    before = keys(client)
    created = create_environment_secret.sync(environment, client=client, body=SecretRequest(key="NEW", value="v"))
    assert isinstance(created, Secret) and created.aliased_secret is None, created
    alias = create_environment_secret_alias.sync(
        environment, before["STRIPE_API_KEY"].id, client=client, body=Key(key="PAYMENT_KEY")
    )
    assert alias.aliased_secret.key == "STRIPE_API_KEY" and alias.aliased_secret.mount_path is None
    override = create_environment_secret_override.sync(
        environment, before["SENTRY_DSN"].id, client=client, body=Value(value="only here", description=None)
    )
    assert override.overridden_secret.scope == "PROJECT"
    edited = edit_environment_secret.sync(
        environment, created.id, client=client, body=SecretEditRequest(key="RENAMED", value="w", description="d")
    )
    assert (edited.id, edited.key, edited.description) == (created.id, "RENAMED", "d")
    assert edited.updated_at > edited.created_at
    assert set(keys(client)) == {*before, "RENAMED", "PAYMENT_KEY"}
    for secret in (created, alias, override):
        gone = delete_environment_secret.sync_detailed(environment, secret.id, client=client)
        assert gone.status_code == 204, gone
    problem = delete_environment_secret.sync(environment, created.id, client=client)
    assert isinstance(problem, Problem) and problem.status == 404, problem
    assert set(keys(client)) == set(before)
print("done")
"""


def test_openapi_python_client__tells_the_story(tmp_path: Path) -> None:
    """A client that another generator makes from the document uses all six operations, unchanged."""
    target = tmp_path / "generated"
    run(
        "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none", "--output-path", target,
        folder=tmp_path,
    )  # fmt: skip
    (tmp_path / "story.py").write_text(STORY)
    with Sandbox() as sandbox:
        said = run("python", "story.py", sandbox.url, sandbox.environment_id, folder=tmp_path)
        operations = {request.operation for request in sandbox.requests}
    assert said == "done\n"
    assert operations == {operation.name for operation in OPERATIONS}

"""The sandbox against `docs/openapi.yaml`: tested with schemathesis, and used by clients of other generators."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qovery.api.environment_secret_api import OPERATIONS
from qovery.sandbox import Sandbox
from test.support import NIGHTLY, PATIENCE, ROOT, openapi_generator

NAMES = {operation.name for operation in OPERATIONS}
DOCUMENT = ROOT / "docs/openapi.yaml"

# The service's rules also return 400 (no alias of an alias), which a schema cannot express.
SETTINGS = """
[parameters]
environmentId = "{environment_id}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "409"]
"""


def run(*arguments: object, folder: Path) -> str:
    """Run a Python process, and return its output."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not importlib.util.find_spec("schemathesis"), reason="schemathesis needs Python 3.11")
@pytest.mark.parametrize(
    ("behaviour", "left_out"),
    [
        # A create replaces a secret of the same key, so the old one is gone; schemathesis cannot know that.
        pytest.param("documented", ["--exclude-checks", "ensure_resource_availability"], id="documented"),
        pytest.param("observed", [], id="observed"),
    ],
)
def test_contract__holds(behaviour: str, left_out: list[str], tmp_path: Path) -> None:
    """Every response conforms to the OpenAPI description, whatever is sent, and none is a 5xx."""
    with Sandbox(behaviour=behaviour, tokens=frozenset({"a-token"})) as sandbox:
        (tmp_path / "schemathesis.toml").write_text(SETTINGS.format(environment_id=sandbox.environment_id))
        program = ["-c", "from schemathesis.cli import schemathesis; schemathesis()"]
        options = ["--url", sandbox.url, "--header", "Authorization: Token a-token", "--mode", "all"]
        steady = ["--max-examples", "100" if NIGHTLY else "3", "--generation-deterministic", "--no-color"]
        run(*program, "run", DOCUMENT, *options, *steady, *left_out, folder=tmp_path)
        seen = {(request.operation, request.status) for request in sandbox.requests}
    assert {operation for operation, status in seen if status not in {401, 404, 415}} == NAMES
    assert all(status is not None and status < 500 for _, status in seen)


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


def test_openapi_python_client__uses_all_operations(tmp_path: Path) -> None:
    """An unmodified client from openapi-python-client can use all six operations."""
    target = tmp_path / "generated"
    config = tmp_path / "config.json"
    config.write_text('{"post_hooks": []}')  # otherwise the ruff on the path reformats it
    generate = ["generate", "--path", DOCUMENT, "--meta", "none", "--output-path", target, "--config", config]
    run("-m", "openapi_python_client", *generate, folder=tmp_path)
    (tmp_path / "story.py").write_text(STORY)
    with Sandbox() as sandbox:
        said = run("story.py", sandbox.url, sandbox.environment_id, folder=tmp_path)
        operations = {request.operation for request in sandbox.requests}
    assert said == "done\n"
    assert operations == {operation.name for operation in OPERATIONS}


STRICT_STORY = """
import sys
from openapi_client import ApiClient, ApiException, Configuration, EnvironmentSecretApi
from openapi_client.models import Key, SecretEditRequest, SecretRequest, Value

url, environment = sys.argv[1], sys.argv[2]

with ApiClient(Configuration(host=url, access_token="a-token")) as client:
    api = EnvironmentSecretApi(client)

    def keys():
        return {secret.key: secret for secret in api.list_environment_secrets(environment).results}

    before = keys()
    created = api.create_environment_secret(environment, SecretRequest(key="NEW", value="v"))
    assert created.aliased_secret is None, created
    alias = api.create_environment_secret_alias(environment, before["STRIPE_API_KEY"].id, Key(key="PAYMENT_KEY"))
    assert (alias.aliased_secret.key, alias.aliased_secret.mount_path) == ("STRIPE_API_KEY", ""), alias
    override = api.create_environment_secret_override(environment, before["SENTRY_DSN"].id, Value(value="only here"))
    assert override.overridden_secret.scope == "PROJECT", override
    edited = api.edit_environment_secret(environment, created.id, SecretEditRequest(key="RENAMED", value="w"))
    assert (edited.id, edited.key) == (created.id, "RENAMED"), edited
    assert keys().keys() == {*before, "RENAMED", "PAYMENT_KEY"}
    for secret in (created, alias, override):
        assert api.delete_environment_secret(environment, secret.id) is None
    try:
        api.delete_environment_secret(environment, created.id)
    except ApiException as error:
        assert error.status == 404, error
    assert keys().keys() == before.keys()
print("done")
"""


@pytest.mark.skipif(not openapi_generator.available(), reason="needs Java and openapi-generator-cli")
def test_openapi_generator__uses_all_operations_in_strict_mode(tmp_path: Path) -> None:
    """A strict OpenAPI Generator client can use all six operations with `strict`, and cannot without it."""
    openapi_generator.generate(tmp_path)
    (tmp_path / "story.py").write_text(STRICT_STORY)
    with Sandbox(strict=True) as sandbox:
        said = run("story.py", sandbox.url, sandbox.environment_id, folder=tmp_path)
        operations = {request.operation for request in sandbox.requests}
    assert said == "done\n"
    assert operations == {operation.name for operation in OPERATIONS}
    with Sandbox() as sandbox, pytest.raises(AssertionError, match="mount_path"):
        run("story.py", sandbox.url, sandbox.environment_id, folder=tmp_path)

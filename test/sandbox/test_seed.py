"""Seeds: the built-in one, files, and single secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qovery import (
    ApiValueError,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import BUILT_IN, ENVIRONMENT_ID
from qovery.sandbox.seed_model import Seed
from qovery.sandbox.store import Behaviour


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_load__seed_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """A seed file adds environments; errors in one are reported without its values."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"id": "e1", "secrets": [{"key": "A", "value": "canary"}]}]}))
    assert sandbox.load(file) == ["e1"]
    assert sandbox.value("e1", "A") == "canary"
    file.write_text(json.dumps({"environments": [{"secrets": [{"value": "canary"}]}]}))
    with pytest.raises(ApiValueError, match="key") as caught:
        sandbox.load(file)
    assert "canary" not in str(caught.value)
    with pytest.raises(ApiValueError, match="cannot be read"):
        sandbox.load(tmp_path / "missing.json")


def test_load__all_or_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """A seed file whose last secret cannot be added adds nothing."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"secrets": [{"key": "A"}, {"key": "B"}, {"key": "A"}]}]}))
    before = sandbox.environments()
    with pytest.raises(ApiValueError, match="already exists: A"):
        sandbox.load(file)
    assert sandbox.environments() == before


def test_add_secret__invalid(sandbox: Sandbox, env: str) -> None:
    """An unknown environment or scope, and an existing key or environment, raise an error."""
    with pytest.raises(ApiValueError, match="does not exist"):
        sandbox.add_secret("missing", "A")
    with pytest.raises(ApiValueError, match="scope"):
        sandbox.add_secret(env, "A", scope="GALAXY")  # type: ignore[arg-type]  # under test
    sandbox.add_secret(env, "A", owned_by="DOPPLER", enable_interpolation_in_file=True)
    with pytest.raises(ApiValueError, match="already exists: A"):
        sandbox.add_secret(env, "A")
    with pytest.raises(ApiValueError, match="already exists"):
        sandbox.add_environment(env)
    assert [(secret.key, secret.owned_by) for secret in sandbox.secrets(env)] == [("A", "DOPPLER")]


def test_seed__built_in_is_valid() -> None:
    """The built-in seed is a valid seed file."""
    assert Seed.model_validate(BUILT_IN).environments[0].id == ENVIRONMENT_ID


def test_seed__built_in() -> None:
    """The built-in seed has one environment with a fixed id and secrets of each scope."""
    with Sandbox() as sandbox:
        assert sandbox.environment_id == ENVIRONMENT_ID
        scopes = {secret.scope.value for secret in sandbox.secrets(ENVIRONMENT_ID)}
    assert scopes == {"BUILT_IN", "PROJECT", "ENVIRONMENT"}

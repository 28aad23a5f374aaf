"""The tests of the service. Run `pytest`; they need the extra `sandbox` and no other set-up."""

import pytest
from preview_environments import NotReadyError, prepare

from qovery import ApiConnectionError, EnvironmentSecretApi, ForbiddenException
from qovery.sandbox import Sandbox

DATABASE_URL = "postgresql://shop@postgres.internal/shop"


@pytest.fixture(params=["documented", "observed"])
def environment_id(request: pytest.FixtureRequest, qovery_sandbox: Sandbox) -> str:
    """An environment with a database, in a project with a payment key, under both behaviours of the service."""
    qovery_sandbox.behaviour = request.param
    environment_id = qovery_sandbox.environment_id
    qovery_sandbox.add_secret(environment_id, "QOVERY_POSTGRESQL_Z1_DATABASE_URL", DATABASE_URL, scope="BUILT_IN")
    qovery_sandbox.add_secret(environment_id, "PAYMENT_KEY", "the real one", scope="PROJECT")
    return environment_id


def test_prepare(qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi, environment_id: str) -> None:
    """The application can read all its keys, and the payment key is the one for tests."""
    assert prepare(qovery_api, environment_id, "for tests") == ["DATABASE_URL", "SESSION_SECRET", "PAYMENT_KEY"]
    assert qovery_sandbox.value(environment_id, "DATABASE_URL") == DATABASE_URL
    assert qovery_sandbox.value(environment_id, "PAYMENT_KEY") == "for tests"
    assert len(qovery_sandbox.value(environment_id, "SESSION_SECRET")) >= 32


def test_prepare__again(qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi, environment_id: str) -> None:
    """A second run keeps the session secret and writes a new payment key."""
    prepare(qovery_api, environment_id, "for tests")
    session = qovery_sandbox.value(environment_id, "SESSION_SECRET")
    assert prepare(qovery_api, environment_id, "a new one") == ["PAYMENT_KEY"]
    assert qovery_sandbox.value(environment_id, "SESSION_SECRET") == session
    assert qovery_sandbox.value(environment_id, "PAYMENT_KEY") == "a new one"


def test_prepare__before_the_database(qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi) -> None:
    """Without a database nothing is written."""
    with pytest.raises(NotReadyError, match="database"):
        prepare(qovery_api, qovery_sandbox.environment_id, "for tests")
    assert [request.method for request in qovery_sandbox.requests] == ["GET"]


@pytest.mark.parametrize(
    "operation",
    ["create_environment_secret", "create_environment_secret_alias", "create_environment_secret_override"],
)
def test_prepare__lost_reply(
    qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi, environment_id: str, operation: str
) -> None:
    """A write that was applied but whose response was lost is detected, and not sent twice."""
    qovery_sandbox.drop_reply(operation)
    prepare(qovery_api, environment_id, "for tests")
    assert [request.operation for request in qovery_sandbox.requests].count(operation) == 1
    assert {secret.key for secret in qovery_sandbox.secrets(environment_id)} > {"DATABASE_URL", "SESSION_SECRET"}


def test_prepare__lost_request(qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi, environment_id: str) -> None:
    """A write that was not applied is an error."""
    qovery_sandbox.reset_connection("create_environment_secret")
    with pytest.raises(ApiConnectionError):
        prepare(qovery_api, environment_id, "for tests")


def test_prepare__may_only_read(qovery_sandbox: Sandbox, qovery_api: EnvironmentSecretApi, environment_id: str) -> None:
    """A read-only token raises an error that says so."""
    qovery_sandbox.read_only("sandbox")
    with pytest.raises(ForbiddenException, match="read-only"):
        prepare(qovery_api, environment_id, "for tests")

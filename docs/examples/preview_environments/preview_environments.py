"""A small service that prepares preview environments for an application.

    PAYMENT_KEY=… python preview_environments.py ENVIRONMENT_ID …

Each environment gets `DATABASE_URL` as an alias of the long key of its database, a test payment key that overrides the
project's real one, and a session secret of its own. The service is idempotent: a second run keeps existing secrets and
updates only the payment key. The token is read from QOVERY_API_TOKEN.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable

from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi, Secret, SecretRequest, Value


class NotReadyError(Exception):
    """The environment has no database yet, or its project has no payment key."""


def prepare(api: EnvironmentSecretApi, environment_id: str, payment_key: str) -> list[str]:
    """Prepare an environment and return the keys that were written.

    Raises:
        NotReadyError: There is no database, or no `PAYMENT_KEY` in the project.
        ApiException: The service could not be reached, or rejected a request.
    """
    seen = api.list_environment_secrets(environment_id).results or []
    database = next((s for s in seen if s.scope == "BUILT_IN" and s.key.endswith("_DATABASE_URL")), None)
    shared = next((s for s in seen if s.scope == "PROJECT" and s.key == "PAYMENT_KEY"), None)
    if database is None or shared is None:
        raise NotReadyError("no database yet" if database is None else "the project has no PAYMENT_KEY")
    own = {secret.key: secret for secret in seen if secret.scope == "ENVIRONMENT"}

    written = []
    if "DATABASE_URL" not in own:
        key = {"key": "DATABASE_URL"}
        _once(
            api,
            environment_id,
            "DATABASE_URL",
            lambda: api.create_environment_secret_alias(environment_id, database.id, key),
        )
        written.append("DATABASE_URL")
    if "SESSION_SECRET" not in own:
        request = SecretRequest(key="SESSION_SECRET", value=secrets.token_urlsafe(32))
        _once(api, environment_id, "SESSION_SECRET", lambda: api.create_environment_secret(environment_id, request))
        written.append("SESSION_SECRET")
    if "PAYMENT_KEY" in own:
        api.edit_environment_secret(environment_id, own["PAYMENT_KEY"].id, {"key": "PAYMENT_KEY", "value": payment_key})
    else:
        value = Value(value=payment_key)
        _once(
            api,
            environment_id,
            "PAYMENT_KEY",
            lambda: api.create_environment_secret_override(environment_id, shared.id, value),
        )
    return [*written, "PAYMENT_KEY"]


def _once(api: EnvironmentSecretApi, environment_id: str, key: str, create: Callable[[], Secret]) -> None:
    """Create a secret. If the response is lost, list the secrets to see whether it was created."""
    try:
        create()
    except ApiException as error:
        if not error.outcome_unknown:
            raise
        seen = api.list_environment_secrets(environment_id).results or []
        if not any(secret.key == key and secret.scope == "ENVIRONMENT" for secret in seen):
            raise


if __name__ == "__main__":
    with ApiClient(Configuration.from_env()) as client:
        for environment_id in sys.argv[1:]:
            print(environment_id, *prepare(EnvironmentSecretApi(client), environment_id, os.environ["PAYMENT_KEY"]))

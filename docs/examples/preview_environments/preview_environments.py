"""A small service that makes preview environments ready for an application.

Each environment gets `DATABASE_URL` for the long name of its database, a payment key for tests instead of
the project's real one, and a session secret of its own. It may run again at any time: what is there stays, and
a payment key that changed is written anew.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable

from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi, Secret, SecretRequest, Value


class NotReadyError(Exception):
    """The environment lacks something that the platform or the project must bring first."""


def prepare(api: EnvironmentSecretApi, environment_id: str, payment_key: str) -> list[str]:
    """Make an environment ready and return the keys that were written.

    Raises:
        NotReadyError: There is no database, or no `PAYMENT_KEY` in the project.
        ApiException: The service could not be reached, or refused.
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
    """Create a secret; if the answer was lost, look whether it is there before giving up."""
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
        for environment_id in sys.argv[2:]:
            print(environment_id, *prepare(EnvironmentSecretApi(client), environment_id, payment_key=sys.argv[1]))

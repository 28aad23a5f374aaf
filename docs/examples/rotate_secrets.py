"""Give secrets of an environment new random values, in place, so that their aliases and ids stay.

    python rotate_secrets.py SESSION_SECRET WEBHOOK_KEY

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. What uses a secret gets its new value at the next deployment.
Nothing is written unless all keys can be rotated. The exit status is 1 if a key was not.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence

from qovery import (
    ApiClient,
    ApiException,
    APIVariableScopeEnum,
    APIVariableTypeEnum,
    Configuration,
    EnvironmentSecretApi,
    OpenApiException,
    Secret,
    SecretEditRequest,
)


def main(keys: Sequence[str]) -> int:
    environment_id = os.environ["QOVERY_ENVIRONMENT_ID"]
    try:
        with ApiClient(Configuration.from_env()) as client:
            return rotate(EnvironmentSecretApi(client), environment_id, keys)
    except OpenApiException as error:
        print(f"nothing was rotated: {error}", file=sys.stderr)
        return 1


def rotate(api: EnvironmentSecretApi, environment_id: str, keys: Sequence[str]) -> int:
    own = {
        secret.key: secret for secret in api.list_environment_secrets(environment_id).results or [] if is_own(secret)
    }
    strange = [key for key in keys if key not in own]
    if strange:
        print(f"nothing was rotated: no value of this environment: {', '.join(strange)}", file=sys.stderr)
        return 1
    failures = 0
    for key in keys:
        request = SecretEditRequest(key=key, value=secrets.token_urlsafe(32), description=own[key].description)
        try:
            changed = api.edit_environment_secret(environment_id, own[key].id, request)
        except ApiException as error:
            # An edit is repeated by the client where its outcome is unknown; what comes here is the last word.
            failures += 1
            state = "may have been rotated" if error.outcome_unknown else "was not rotated"
            print(f"{key} {state}: {error}", file=sys.stderr)
        else:
            print(f"{key} rotated at {changed.updated_at or changed.created_at:%Y-%m-%d %H:%M:%S} UTC")
    return min(failures, 1)


def is_own(secret: Secret) -> bool:
    """Whether an edit changes this secret's value here, and only here."""
    return secret.scope == APIVariableScopeEnum.ENVIRONMENT and secret.variable_type == APIVariableTypeEnum.VALUE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

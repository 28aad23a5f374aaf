"""Give secrets of an environment new random values, in place, so that their aliases and ids stay.

    python rotate_secrets.py SESSION_SECRET WEBHOOK_KEY

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. What uses a secret gets its new value at the next deployment.
Nothing is written unless all keys can be rotated. The exit status is 0 if all were, 1 if one was not or may not have
been, 2 if the command line or the environment variables are wrong.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence

from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi, OpenApiException, Secret

ENVIRONMENT_ID = "QOVERY_ENVIRONMENT_ID"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="give secrets of an environment new random values")
    parser.add_argument("keys", nargs="+", metavar="KEY")
    keys = list(dict.fromkeys(parser.parse_args(arguments).keys))
    if not os.environ.get(ENVIRONMENT_ID):
        parser.error(f"{ENVIRONMENT_ID} is not set")
    try:
        with ApiClient(Configuration.from_env()) as client:
            return rotate(EnvironmentSecretApi(client), os.environ[ENVIRONMENT_ID], keys)
    except OpenApiException as error:
        print(f"nothing was rotated: {error}", file=sys.stderr)
        return 1


def rotate(api: EnvironmentSecretApi, environment_id: str, keys: Sequence[str]) -> int:
    seen = {secret.key: secret for secret in api.list_environment_secrets(environment_id).results or []}
    problems = [f"{key} {problem}" for key in keys if (problem := why_not(seen.get(key)))]
    if problems:
        print(f"nothing was rotated: {', '.join(problems)}", file=sys.stderr)
        return 1
    failures = 0
    for key in keys:
        # The description goes along: what an edit without one does to it is not documented.
        request = {"key": key, "value": secrets.token_urlsafe(32), "description": seen[key].description}
        try:
            api.edit_environment_secret(environment_id, seen[key].id, request)
        except ApiException as error:
            # An edit is repeated by the client where its outcome is unknown; what comes here is the last word.
            failures += 1
            state = "may have been rotated" if error.outcome_unknown else "was not rotated"
            print(f"{key} {state}: {error}", file=sys.stderr)
        else:
            print(f"{key} was rotated")
    return 1 if failures else 0


def why_not(secret: Secret | None) -> str | None:
    """Why an edit would not give this secret a value of its own, here and only here."""
    if secret is None:
        return "does not exist"
    if secret.scope != "ENVIRONMENT":
        return f"is inherited from {secret.scope.value}"
    if secret.variable_type == "ALIAS" or secret.aliased_secret is not None:
        return "is an alias"
    if secret.variable_type == "FILE":
        return "is a file"
    if secret.owned_by not in (None, "QOVERY"):
        return f"is managed by {secret.owned_by}"
    return None


if __name__ == "__main__":
    sys.exit(main())

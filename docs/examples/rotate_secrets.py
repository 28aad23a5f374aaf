"""Rotate secrets: give each one a new random value in place, so that its id and aliases stay.

    python rotate_secrets.py --environment ID SESSION_SECRET WEBHOOK_KEY

The token is read from QOVERY_API_TOKEN. Applications get the new values at their next deployment. Nothing is written
unless all keys can be rotated. The exit status is 0 if all keys were rotated, 1 if at least one was not or may not have
been, and 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence

from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi, OpenApiException, Secret


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="give secrets of an environment new random values")
    parser.add_argument("--environment", required=True, metavar="ID", help="the environment to write to")
    parser.add_argument("keys", nargs="+", metavar="KEY")
    options = parser.parse_args(arguments)
    try:
        with ApiClient(Configuration.from_env()) as client:
            return rotate(EnvironmentSecretApi(client), options.environment, list(dict.fromkeys(options.keys)))
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
        # The description is sent too: it is not documented whether an edit without one keeps it.
        request = {"key": key, "value": secrets.token_urlsafe(32), "description": seen[key].description}
        try:
            api.edit_environment_secret(environment_id, seen[key].id, request)
        except ApiException as error:
            # The client has already retried: an edit is idempotent.
            failures += 1
            state = "may have been rotated" if error.outcome_unknown else "was not rotated"
            print(f"{key} {state}: {error}", file=sys.stderr)
        else:
            print(f"{key} was rotated")
    return 1 if failures else 0


def why_not(secret: Secret | None) -> str | None:
    """The reason why a secret cannot be rotated here, or None."""
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

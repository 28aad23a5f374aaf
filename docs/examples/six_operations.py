"""The six operations, one after the other, told as a story.

Without anything set it starts the sandbox by itself. With QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID it talks
to the real service (or to QOVERY_API_URL), touches only keys that it makes itself, and deletes them again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from uuid import uuid4

from qovery import (
    ApiClient,
    ApiException,
    Configuration,
    EnvironmentSecretApi,
    Key,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)


def main() -> None:
    with contextlib.ExitStack() as stack:
        if os.environ.get("QOVERY_API_TOKEN") and os.environ.get("QOVERY_ENVIRONMENT_ID"):
            configuration, environment_id = Configuration.from_env(), os.environ["QOVERY_ENVIRONMENT_ID"]
            print(f"Talking to {configuration.host}, environment {environment_id}.")
            may_override = False
        else:
            from qovery.sandbox import Sandbox

            sandbox = stack.enter_context(Sandbox())
            configuration = Configuration(host=sandbox.url, access_token="any token will do")
            environment_id = sandbox.environment_id
            print(f"A sandbox listens on {sandbox.url}: a real HTTP server with made-up secrets.")
            may_override = True
        api = EnvironmentSecretApi(stack.enter_context(ApiClient(configuration)))
        tell(api, environment_id, may_override)


def tell(api: EnvironmentSecretApi, environment_id: str, may_override: bool) -> None:
    prefix = f"DEMO_{uuid4().hex[:6].upper()}_"
    with deleted_at_the_end(api, environment_id, prefix) as made:
        step(1, "list", "What does the environment see? Keys, scopes and kinds; a value never comes back.")
        secrets = api.list_environment_secrets(environment_id).results or []
        show(secrets)

        step(2, "create", "A new secret. It hides its value even when it is printed:")
        request = SecretRequest(
            key=f"{prefix}API_KEY", value="correct horse battery staple", description="for the demo"
        )
        print(f"    {request}")
        created = api.create_environment_secret(environment_id, secret_request=request)
        made.append(created.id)
        print(f"    created {created.key} at {created.created_at:%Y-%m-%d %H:%M:%S} UTC")

        inherited = [secret for secret in secrets if secret.scope == "PROJECT" and secret.aliased_secret is None]
        if inherited:
            step(3, "alias", f"{inherited[0].key} belongs to the project. Here it gets a second key.")
            key = Key(key=f"{prefix}PAYMENT_KEY")
            alias = api.create_environment_secret_alias(environment_id, inherited[0].id, key=key)
            made.append(alias.id)
            print(f"    {alias.key} -> {inherited[0].key}")
        else:
            step(3, "alias", "Left out: the project has no secret to give another key.")

        if inherited and may_override:
            step(4, "override", f"{inherited[-1].key} gets another value, in this environment only.")
            value = Value(value="only here")
            override = api.create_environment_secret_override(environment_id, inherited[-1].id, value=value)
            made.append(override.id)
            print(f"    created an override of {override.key}")
        else:
            step(4, "override", "Left out: it would change, for a moment, a key that this story did not make.")

        step(5, "edit", "The secret gets a new value and a new description; its id and its aliases stay.")
        edit = SecretEditRequest(key=created.key, value="tr0ub4dor & 3", description="rotated")
        edited = api.edit_environment_secret(environment_id, created.id, edit)
        print(f"    {edited.key}: {edited.description}")

        print("\n    And what the environment sees now:")
        show(api.list_environment_secrets(environment_id).results or [], made)

        step(6, "delete", "The secret goes, and everything else that this story made.")
    left = api.list_environment_secrets(environment_id).results or []
    print(f"    {len(left)} secrets are left, as many as at the start: {len(left) == len(secrets)}")
    print("\nThat was all there is. Your own first script is in the README.")


@contextlib.contextmanager
def deleted_at_the_end(api: EnvironmentSecretApi, environment_id: str, prefix: str) -> Iterator[list[str]]:
    """A list of ids; whatever happened, these are deleted at the end, and what else has a key with the prefix."""
    made: list[str] = []
    try:
        yield made
    finally:
        with contextlib.ExitStack() as stack:  # one that cannot be deleted does not keep the others
            for secret in api.list_environment_secrets(environment_id).results or []:
                # A create whose answer was lost is known by its key only.
                if secret.id in made or secret.key.startswith(prefix):
                    stack.callback(delete, api, environment_id, secret)


def delete(api: EnvironmentSecretApi, environment_id: str, secret: Secret) -> None:
    api.delete_environment_secret(environment_id, secret.id)
    print(f"    deleted {secret.key}")


def step(number: int, operation: str, text: str) -> None:
    print(f"\n{number}. {operation}\n    {text}")


def show(secrets: list[Secret], made: list[str] | None = None) -> None:
    """A table without values; what `made` names is marked."""
    rows = [("", "KEY", "SCOPE", "KIND", "POINTS TO")]
    for secret in sorted(secrets, key=lambda secret: (secret.scope, secret.key)):
        target = secret.aliased_secret or secret.overridden_secret
        kind = secret.variable_type.value if secret.variable_type else ""
        rows.append(
            (
                "*" if secret.id in (made or []) else "",
                secret.key,
                secret.scope.value,
                kind,
                target.key if target else "",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    try:
        main()
    except ApiException as error:
        sys.exit(f"It did not work out: {error}")

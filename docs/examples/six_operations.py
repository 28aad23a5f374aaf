"""Run the six operations, one after the other.

    python six_operations.py          against a mock server that the script starts
    python six_operations.py --live   against the service, with QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID

With --live the script changes only keys that it creates itself, and deletes them at the end.
"""

from __future__ import annotations

import argparse
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
    OpenApiException,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)


def main() -> None:
    parser = argparse.ArgumentParser(description="run the six operations against a mock server")
    parser.add_argument("--live", action="store_true", help="call the service, in QOVERY_ENVIRONMENT_ID")
    live = parser.parse_args().live
    with contextlib.ExitStack() as stack:
        if live:
            configuration, environment_id = live_settings(parser)
            print(f"Calling {configuration.host}, environment {environment_id}.")
        else:
            from qovery.sandbox import Sandbox

            sandbox = stack.enter_context(Sandbox())
            configuration = Configuration(host=sandbox.url, access_token="any token works here")
            environment_id = sandbox.environment_id
            print(f"The mock server listens on {sandbox.url}. Its secrets are made up.")
        api = EnvironmentSecretApi(stack.enter_context(ApiClient(configuration)))
        run(api, environment_id, may_override=not live)
    print("\nNext: your first script, see docs/guides/quickstart.md.")


def live_settings(parser: argparse.ArgumentParser) -> tuple[Configuration, str]:
    for variable in ("QOVERY_API_TOKEN", "QOVERY_ENVIRONMENT_ID"):
        if not os.environ.get(variable):
            parser.error(f"--live needs the environment variable {variable}")
    return Configuration.from_env(), os.environ["QOVERY_ENVIRONMENT_ID"]


def run(api: EnvironmentSecretApi, environment_id: str, *, may_override: bool) -> None:
    prefix = f"DEMO_{uuid4().hex[:6].upper()}_"
    with deleted_at_the_end(api, environment_id, prefix) as created_ids:
        step(1, "list", "The secrets that the environment sees: keys, scopes and kinds, never a value.")
        secrets = api.list_environment_secrets(environment_id).results or []
        show(secrets)

        step(2, "create", "A new secret. Its value is masked wherever the request is shown:")
        request = SecretRequest(
            key=f"{prefix}API_KEY", value="correct horse battery staple", description="for the demo"
        )
        print(f"    {request}")
        created = api.create_environment_secret(environment_id, secret_request=request)
        created_ids.append(created.id)
        print(f"    created {created.key} at {created.created_at:%Y-%m-%d %H:%M:%S} UTC")

        inherited = [secret for secret in secrets if secret.scope == "PROJECT" and secret.aliased_secret is None]
        if inherited:
            step(3, "alias", f"{inherited[0].key} belongs to the project. In this environment it gets a second key.")
            key = Key(key=f"{prefix}PAYMENT_KEY")
            alias = api.create_environment_secret_alias(environment_id, inherited[0].id, key=key)
            created_ids.append(alias.id)
            print(f"    {alias.key} -> {inherited[0].key}")
        else:
            step(3, "alias", "Skipped: the project has no secret that could get a second key.")

        if inherited and may_override:
            step(4, "override", f"{inherited[-1].key} gets another value, in this environment only.")
            value = Value(value="only here")
            override = api.create_environment_secret_override(environment_id, inherited[-1].id, value=value)
            created_ids.append(override.id)
            print(f"    created an override of {override.key}")
        else:
            step(4, "override", "Skipped: it would change a key that this script did not create.")

        step(5, "edit", "The secret gets a new value and a new description. Its id and its aliases stay the same.")
        edit = SecretEditRequest(key=created.key, value="tr0ub4dor & 3", description="rotated")
        edited = api.edit_environment_secret(environment_id, created.id, edit)
        print(f"    {edited.key}: {edited.description}")

        print("\n    The list after these changes (* marks what the script created):")
        show(api.list_environment_secrets(environment_id).results or [], created_ids)

        step(6, "delete", "The script deletes everything that it created.")
    left = api.list_environment_secrets(environment_id).results or []
    print(f"    {len(left)} secrets are left, the same number as at the start: {len(left) == len(secrets)}")


@contextlib.contextmanager
def deleted_at_the_end(api: EnvironmentSecretApi, environment_id: str, prefix: str) -> Iterator[list[str]]:
    """A list of ids to delete at the end, whatever happens, together with every other key that has the prefix."""
    created_ids: list[str] = []
    try:
        yield created_ids
    finally:
        with contextlib.ExitStack() as stack:  # a failed delete does not prevent the others
            for secret in api.list_environment_secrets(environment_id).results or []:
                # If the response to a create was lost, only the key is known.
                if secret.id in created_ids or secret.key.startswith(prefix):
                    stack.callback(delete, api, environment_id, secret)


def delete(api: EnvironmentSecretApi, environment_id: str, secret: Secret) -> None:
    api.delete_environment_secret(environment_id, secret.id)
    print(f"    deleted {secret.key}")


def step(number: int, operation: str, text: str) -> None:
    print(f"\n{number}. {operation}\n    {text}")


def show(secrets: list[Secret], created_ids: list[str] | None = None) -> None:
    """Print a table without values. A `*` marks the secrets that this script created."""
    rows = [("", "KEY", "SCOPE", "KIND", "TARGET")]
    for secret in sorted(secrets, key=lambda secret: (secret.scope, secret.key)):
        target = secret.aliased_secret or secret.overridden_secret
        kind = secret.variable_type.value if secret.variable_type else ""
        mark = "*" if secret.id in (created_ids or []) else ""
        rows.append((mark, secret.key, secret.scope.value, kind, target.key if target else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    try:
        main()
    except ApiException as error:
        unknown = " The write may have been applied." if error.outcome_unknown else ""
        sys.exit(f"six_operations.py failed: {error}{unknown}")
    except OpenApiException as error:
        sys.exit(f"six_operations.py failed: {error}")

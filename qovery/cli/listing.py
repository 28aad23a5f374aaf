"""`list`: the secrets that an environment sees."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from qovery.cli.arguments import add_environment, duration, new_command
from qovery.cli.client import connected, environment_id
from qovery.cli.output import show

if TYPE_CHECKING:
    from qovery import Secret
    from qovery.cli.arguments import Commands

OLD = 2


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        run,
        "list",
        "List the secrets of an environment. The service never returns values.",
        ["{} list", "{} list --json | jq -r '.secrets[].key'", "{} list --older-than 90d"],
        {0: "success", OLD: "with --older-than, there is such a secret"},
    )
    add_environment(parser)
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=duration,
        help="only secrets whose last write was longer ago, such as 90d (units: h, d, w); without BUILT_IN secrets, "
        "which the service writes, and aliases, which have no value of their own",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: Namespace) -> int:
    """List the secrets."""
    where = environment_id(options)
    with connected() as api:
        listed = api.list_environment_secrets(where)
    secrets = sorted(listed.results or [], key=lambda secret: secret.key)
    if options.older_than is not None:
        before = datetime.now(timezone.utc) - options.older_than
        secrets = [secret for secret in secrets if _has_own_value(secret) and _written_at(secret) < before]
    if options.json:
        content = {"version": 1, "environment_id": where, "secrets": [_fields(secret) for secret in secrets]}
        show(json.dumps(content), sys.stdout)
    else:
        listed.results = secrets
        show(str(listed), sys.stdout)
    return OLD if options.older_than is not None and secrets else 0


def _has_own_value(secret: Secret) -> bool:
    return secret.scope.value != "BUILT_IN" and secret.aliased_secret is None


def _written_at(secret: Secret) -> datetime:
    return secret.updated_at or secret.created_at


def _fields(secret: Secret) -> dict[str, Any]:
    from qovery.sync.export import secret_fields

    return {
        **(secret_fields(secret) or {}),
        "created_at": secret.created_at.isoformat(),
        "owned_by": secret.owned_by,
        "description": secret.description,
    }

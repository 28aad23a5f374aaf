"""The initial content of a mock server: the built-in seed, and seed files.

A seed file is JSON:

    {"environments": [{"id": "…", "project_id": "…", "secrets": [
        {"key": "API_KEY", "value": "…", "scope": "PROJECT", "mount_path": null, "description": "…"}
    ]}]}

Only `key` is required; the default scope is ENVIRONMENT. The other fields are those of `Sandbox.add_secret`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from qovery.exceptions import ApiValueError
from qovery.sandbox.store import Store

#: The environment of the built-in seed.
ENVIRONMENT_ID: Final = "5a9d0bfa-0000-4000-8000-000000000001"


_DATABASE: dict[str, Any] = {
    "scope": "BUILT_IN",
    "service_id": "90eabf2d-0000-4000-8000-000000000002",
    "service_name": "postgres",
    "service_type": "DATABASE",
}

BUILT_IN: Mapping[str, Any] = {
    "environments": [
        {
            "id": ENVIRONMENT_ID,
            "secrets": [
                {
                    **_DATABASE,
                    "key": "QOVERY_POSTGRESQL_Z90EABF2D_DATABASE_URL",
                    "value": "postgresql://shop:made-up@postgres.internal:5432/shop",
                },
                {**_DATABASE, "key": "QOVERY_POSTGRESQL_Z90EABF2D_PASSWORD", "value": "made-up"},
                {
                    "scope": "PROJECT",
                    "key": "STRIPE_API_KEY",
                    "value": "sk_live_made_up",
                    "description": "payments, for all environments",
                },
                {"scope": "PROJECT", "key": "SENTRY_DSN", "value": "https://made-up@sentry.example/1"},
                {"key": "SESSION_SECRET", "value": "made-up-too"},
                {
                    "key": "SERVICE_ACCOUNT",
                    "value": '{"client": "made-up"}',
                    "mount_path": "/run/secrets/service-account.json",
                },
            ],
        }
    ]
}


def add_built_in(store: Store) -> None:
    """Add the built-in seed to an empty store."""
    with store.transaction():  # another process may do the same with the same file
        if not store.environments():
            _add(store, BUILT_IN)


def read(path: str | os.PathLike[str]) -> Any:
    """Return the content of a seed file.

    Raises:
        ApiValueError: The file cannot be read.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        problem = f"the seed file {path} cannot be read: {type(error).__name__}"
    raise ApiValueError(problem)


def add(store: Store, content: Any) -> list[str]:
    """Add the content of a seed in one transaction, and return the ids of its environments.

    Raises:
        ValidationError: The content is not a seed.
        RejectedError: An environment or a key already exists.
    """
    from qovery.sandbox.seed_model import Seed

    return _add(store, Seed.model_validate(content).model_dump())


def _add(store: Store, content: Mapping[str, Any]) -> list[str]:
    ids = []
    with store.transaction():
        for environment in content["environments"]:
            ids.append(store.add_environment(environment.get("id"), environment.get("project_id")))
            for secret in environment["secrets"]:
                store.add_secret(ids[-1], **{"value": "", "scope": "ENVIRONMENT", **secret})
    return ids

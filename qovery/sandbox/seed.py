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
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from qovery.exceptions import ApiValueError
from qovery.sandbox.store import Scope, Store

#: The environment of the built-in seed.
ENVIRONMENT_ID: Final = "5a9d0bfa-0000-4000-8000-000000000001"


class SeedSecret(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: str
    value: str = ""
    scope: Scope = "ENVIRONMENT"
    mount_path: str | None = None
    description: str | None = None
    owned_by: str = "QOVERY"
    enable_interpolation_in_file: bool | None = None
    service_id: str | None = None
    service_name: str | None = None
    service_type: str | None = None


class SeedEnvironment(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: str | None = None
    project_id: str | None = None
    secrets: list[SeedSecret] = []


class Seed(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    environments: list[SeedEnvironment]


_DATABASE: dict[str, Any] = {
    "scope": "BUILT_IN",
    "service_id": "90eabf2d-0000-4000-8000-000000000002",
    "service_name": "postgres",
    "service_type": "DATABASE",
}

_BUILT_IN = Seed.model_validate(
    {
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
)


def add_built_in(store: Store) -> None:
    """Add the built-in seed to an empty store."""
    with store.transaction():  # another process may do the same with the same file
        if not store.environments():
            _add(store, _BUILT_IN)


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
    """Add the content of a seed, all of it or nothing, and return the ids of its environments.

    Raises:
        ValidationError: The content is not a seed.
        RejectedError: An environment or a key exists already.
    """
    return _add(store, Seed.model_validate(content))


def _add(store: Store, seed: Seed) -> list[str]:
    ids = []
    with store.transaction():
        for environment in seed.environments:
            ids.append(store.add_environment(environment.id, environment.project_id))
            for secret in environment.secrets:
                store.add_secret(ids[-1], **secret.model_dump())
    return ids

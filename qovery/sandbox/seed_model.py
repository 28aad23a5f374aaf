"""`Seed`: the content of a seed file. Imported at the first one, since pydantic is slow to import."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from qovery.sandbox.store import Scope


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

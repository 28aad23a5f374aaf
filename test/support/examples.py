"""A plain example of each model, as JSON."""

from __future__ import annotations

from typing import Any

from qovery import (
    APIVariableScopeEnum,
    APIVariableTypeEnum,
    Base,
    Key,
    LinkedServiceTypeEnum,
    Secret,
    SecretAlias,
    SecretEditRequest,
    SecretOverride,
    SecretRequest,
    SecretResponseList,
    Value,
)
from test.support.recording import SECRET

ENUMS = [APIVariableScopeEnum, APIVariableTypeEnum, LinkedServiceTypeEnum]
REQUESTS = [Key, SecretEditRequest, SecretRequest, Value]
RESPONSES = [Base, Secret, SecretAlias, SecretOverride, SecretResponseList]
NESTED = {
    "id": "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f02",
    "key": "URL",
    "mount_path": None,
    "scope": "PROJECT",
    "variable_type": "VALUE",
}
#: A plain example of each model, as JSON.
EXAMPLES: dict[type[Any], dict[str, Any]] = {
    Base: {"id": SECRET["id"], "created_at": SECRET["created_at"]},
    Key: {"key": "SHORT", "description": None},
    Secret: {**SECRET, "aliased_secret": NESTED},
    SecretAlias: NESTED,
    SecretEditRequest: {"key": "TOKEN", "value": "v"},
    SecretOverride: NESTED,
    SecretRequest: {"key": "TOKEN", "value": "v", "mount_path": "/etc/token", "enable_interpolation_in_file": False},
    SecretResponseList: {"results": [SECRET, {**SECRET, "overridden_secret": NESTED}]},
    Value: {"value": "v"},
}

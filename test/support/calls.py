"""The six operations as calls, and a successful response to each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qovery import (
    EnvironmentSecretApi,
)
from test.support.hostile import (
    http_response,
)

SECRET = '{"id": "i", "created_at": "2023-12-12T13:23:02.57335Z", "key": "A", "scope": "PROJECT"}'
EMPTY_LIST = http_response(200, '{"results": []}')
Call = Callable[[EnvironmentSecretApi], Any]
CALLS: dict[str, Call] = {
    "list": lambda api: api.list_environment_secrets("e"),
    "create": lambda api: api.create_environment_secret("e", {"key": "A", "value": "canary"}),
    "edit": lambda api: api.edit_environment_secret("e", "s", {"key": "A", "value": "canary"}),
    "delete": lambda api: api.delete_environment_secret("e", "s"),
    "alias": lambda api: api.create_environment_secret_alias("e", "s", {"key": "A"}),
    "override": lambda api: api.create_environment_secret_override("e", "s", {"value": "canary"}),
}
GOOD = {
    "list": EMPTY_LIST,
    "create": http_response(201, SECRET),
    "edit": http_response(200, SECRET),
    "delete": http_response(204),
    "alias": http_response(201, SECRET),
    "override": http_response(201, SECRET),
}
IDEMPOTENT = ("list", "edit", "delete")

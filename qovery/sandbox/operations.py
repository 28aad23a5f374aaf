"""The six operations of the mock server.

They duplicate those of `qovery.api`, which is not imported: it loads the whole client. A test compares the two.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SECRETS = "/environment/{environmentId}/secret"
_SECRET = f"{_SECRETS}/{{secretId}}"


class Operation(NamedTuple):
    """An operation of the service."""

    name: str
    method: str
    path: str
    status: int
    """The status of a successful response."""
    request_model: str | None = None
    """The name of the model of the body, or None if there is no body."""
    request_required: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


OPERATIONS = (
    Operation("list_environment_secrets", "GET", _SECRETS, 200),
    Operation("create_environment_secret", "POST", _SECRETS, 201, "SecretRequest"),
    Operation("edit_environment_secret", "PUT", _SECRET, 200, "SecretEditRequest", request_required=True),
    Operation("delete_environment_secret", "DELETE", _SECRET, 204),
    Operation("create_environment_secret_alias", "POST", f"{_SECRET}/alias", 201, "Key"),
    Operation("create_environment_secret_override", "POST", f"{_SECRET}/override", 201, "Value"),
)

NAMES = frozenset(operation.name for operation in OPERATIONS)

#: The operations of each path by method, and a pattern whose groups are the ids in the path.
PATHS: dict[re.Pattern[str], dict[str, Operation]] = {
    re.compile(re.sub(r"{\w+}", "([^/]+)", path)): {
        operation.method: operation for operation in OPERATIONS if operation.path == path
    }
    for path in dict.fromkeys(operation.path for operation in OPERATIONS)
}

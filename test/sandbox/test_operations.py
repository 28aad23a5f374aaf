"""The operations that the mock server knows."""

from __future__ import annotations

import qovery
from qovery.api.environment_secret_api import OPERATIONS
from qovery.operation import Operation
from qovery.sandbox import operations


def test_operations__are_those_of_the_client() -> None:
    """Both sides agree on names, methods, paths, statuses and bodies."""
    served = {
        Operation(
            each.name,
            each.method,
            each.path,
            each.status,
            next(operation.response_model for operation in OPERATIONS if operation.name == each.name),
            getattr(qovery, each.request_model) if each.request_model else None,
            request_required=each.request_required,
            idempotent=next(operation.idempotent for operation in OPERATIONS if operation.name == each.name),
        )
        for each in operations.OPERATIONS
    }
    assert served == set(OPERATIONS)
    assert {operation.name: operation.writes for operation in OPERATIONS} == {
        operation.name: operation.writes for operation in operations.OPERATIONS
    }
    assert {operation.name for operation in OPERATIONS} == operations.NAMES


def test_paths__find_an_operation_and_its_ids() -> None:
    """Each operation is found by its method and path, with the ids in the path."""
    for operation in operations.OPERATIONS:
        path = operation.path.replace("{environmentId}", "an-environment").replace("{secretId}", "a-secret")
        found = [
            (methods[operation.method], match.groups())
            for pattern, methods in operations.PATHS.items()
            if (match := pattern.fullmatch(path))
        ]
        ids = ("an-environment", "a-secret")[: operation.path.count("{")]
        assert found == [(operation, ids)]

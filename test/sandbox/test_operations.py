"""The mock server's table of operations."""

from __future__ import annotations

from qovery.api.environment_secret_api import OPERATIONS
from qovery.sandbox import operations


def test_operations__are_those_of_the_client() -> None:
    """The mock server and the client agree on names, methods, paths, statuses and bodies."""
    sent = {
        (
            each.name,
            each.method,
            each.path,
            each.status,
            each.request_model and each.request_model.__name__,
            each.request_required,
            each.writes,
        )
        for each in OPERATIONS
    }
    assert {(*each, each.writes) for each in operations.OPERATIONS} == sent
    assert {each.name for each in OPERATIONS} == operations.NAMES


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

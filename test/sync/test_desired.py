"""What can be desired."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import ApiTypeError, ApiValueError, SecretRequest
from qovery.sync.desired import Desired


@pytest.mark.parametrize(
    ("values", "aliases", "error"),
    [
        ([("A", "v")], {}, ApiTypeError),
        ({1: "v"}, {}, ApiTypeError),
        ({"A": 1}, {}, ApiTypeError),
        ({"A": SecretRequest(key="B")}, {}, ApiValueError),
        ({"A": "v"}, {"A": "B"}, ApiValueError),
        ({}, {"A": 1}, ApiTypeError),
        ({}, [("A", "B")], ApiTypeError),
    ],
)
def test_desired__refused(values: Any, aliases: Any, error: type[Exception]) -> None:
    """A desired state that cannot be used is an error before anything is sent."""
    with pytest.raises(error):
        Desired.read(values, aliases)

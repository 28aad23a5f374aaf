"""Helper methods of generated clients: serialization and header selection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from qovery import ApiTypeError, APIVariableScopeEnum, Key, SecretRequest
from qovery.generated_values import plain, preferred
from qovery.redaction.marks import MaskedDict

ID = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (b"a", b"a"),
        (SecretStr("a"), "a"),
        (APIVariableScopeEnum.PROJECT, "PROJECT"),
        (UUID(ID), ID),
        (Decimal("1.50"), "1.50"),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, tzinfo=timezone.utc), "2024-01-02T00:00:00+00:00"),
        ([SecretStr("a"), (UUID(ID),)], ["a", (ID,)]),
        ({"a": {"b": Decimal(1)}}, {"a": {"b": "1"}}),
        (SecretRequest(key="A", value="b"), {"key": "A", "value": "b"}),
        ([Key(key="A")], [{"key": "A"}]),
        (SimpleNamespace(a=SecretStr("b")), {"a": "b"}),
        (MaskedDict({"a": "b"}), {"a": "b"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain__of_each_type(value: Any, expected: Any) -> None:
    """Values are converted to JSON types at any depth; strings and numbers are unchanged."""
    result = plain(value)
    assert (result, type(result)) == (expected, type(expected))


def test_plain__of_an_object() -> None:
    """An object without attributes is an error that does not show it."""
    with pytest.raises(ApiTypeError, match=r"^object is not JSON serializable$"):
        plain([object()])


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([], None),
        (None, None),
        (["text/plain"], "text/plain"),
        (["text/plain", "Application/JSON"], "Application/JSON"),
        (["application/problem+json", "application/json"], "application/problem+json"),
    ],
)
def test_preferred__json_first(types: Sequence[str] | None, expected: str | None) -> None:
    """A JSON type is preferred; otherwise the first type is used."""
    assert preferred(types) == expected

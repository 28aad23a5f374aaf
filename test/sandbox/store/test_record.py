"""`Record` and its JSON."""

from __future__ import annotations

from typing import Any

from qovery.sandbox.store.record import Record, describe

RECORD = Record(
    "1", "e", "PROJECT", "VALUE", "A", "canary", *[None] * 8, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
)
ALIAS = RECORD._replace(id="2", kind="ALIAS", key="B", target="1")


def nulls(secret: dict[str, Any]) -> set[str]:
    return {name for name, value in secret.items() if value is None}


def test_describe__nulls() -> None:
    """As the service does, it has null where the OpenAPI description calls a field not nullable."""
    assert describe(ALIAS, RECORD)["aliased_secret"]["mount_path"] is None
    assert nulls(describe(RECORD, None)) == {
        "overridden_secret",
        "aliased_secret",
        "service_id",
        "service_name",
        "service_type",
        "owned_by",
        "description",
        "enable_interpolation_in_file",
    }


def test_describe__strict() -> None:
    """Strict, it has null only where the OpenAPI description allows that, and all fields that it requires."""
    for secret in (describe(RECORD, None, strict=True), describe(ALIAS, RECORD, strict=True)["aliased_secret"]):
        assert nulls(secret) == {"description", "enable_interpolation_in_file"}
        assert {"id", "key", "scope", "variable_type"} <= secret.keys()
    assert "aliased_secret" not in describe(RECORD, None, strict=True)
    assert describe(ALIAS, RECORD, strict=True)["aliased_secret"]["mount_path"] == ""


def test_record__shows_no_value() -> None:
    """Neither the representation of a record nor its JSON has the value."""
    record = Record(*map(str, range(len(Record._fields))))._replace(key="A", value="canary")
    assert repr(record) == "<Record A>"
    assert "canary" not in str(describe(record, record))

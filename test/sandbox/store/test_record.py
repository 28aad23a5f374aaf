"""`Record` and its JSON."""

from __future__ import annotations

from typing import Any

import pytest

from qovery.sandbox.store.record import Record, describe, normal_id

RECORD = Record(
    id="an-id", owner="an-environment", scope="ENVIRONMENT", kind="VALUE", key="A", value="canary", mount_path=None,
    description="what for", interpolated=1, target=None, service_id="i", service_name="n", service_type="t",
    owned_by="QOVERY", created_at="then", updated_at="now",
)  # fmt: skip
TARGET = RECORD._replace(
    id="a-target", scope="PROJECT", kind="FILE", key="T", mount_path="/t", description=None, interpolated=0
)

JSON = {
    "id": "an-id", "created_at": "then", "updated_at": "now", "key": "A", "overridden_secret": None,
    "aliased_secret": None, "scope": "ENVIRONMENT", "variable_type": "VALUE", "service_id": "i", "service_name": "n",
    "service_type": "t", "owned_by": "QOVERY", "description": "what for",
    "enable_interpolation_in_file": True,
}  # fmt: skip
TARGET_JSON = {
    "id": "a-target", "key": "T", "mount_path": "/t", "scope": "PROJECT", "variable_type": "FILE", "description": None,
    "enable_interpolation_in_file": False,
}  # fmt: skip


def test_record__shows_no_value() -> None:
    """Neither the repr of a record nor its JSON contains the value."""
    assert repr(RECORD) == "<Record A>"
    assert "canary" not in str(describe(RECORD, TARGET))


@pytest.mark.parametrize(
    ("fields", "target", "changes"),
    [
        ({}, None, {}),
        ({"interpolated": None}, None, {"enable_interpolation_in_file": None}),
        ({"interpolated": 0}, None, {"enable_interpolation_in_file": False}),
        ({"kind": "FILE", "mount_path": "/a"}, None, {"variable_type": "FILE"}),
        ({"kind": "ALIAS", "mount_path": "/t"}, TARGET, {"variable_type": "ALIAS", "aliased_secret": TARGET_JSON}),
        ({"kind": "OVERRIDE"}, TARGET, {"variable_type": "OVERRIDE", "overridden_secret": TARGET_JSON}),
    ],
    ids=["value", "no flag", "flag off", "file", "alias", "override"],
)
def test_describe__json(fields: dict[str, Any], target: Record | None, changes: dict[str, Any]) -> None:
    """The JSON has every field of the OpenAPI description, with explicit nulls."""
    assert describe(RECORD._replace(**fields), target) == JSON | changes


@pytest.mark.parametrize("kind", ["ALIAS", "OVERRIDE"])
def test_describe__strict(kind: str) -> None:
    """With `strict` the JSON has all required fields, and null only where the OpenAPI description allows it."""
    bare = RECORD._replace(description=None, interpolated=None, service_id=None, service_name=None, service_type=None)
    target = TARGET._replace(mount_path=None)
    related = {"ALIAS": "aliased_secret", "OVERRIDE": "overridden_secret"}[kind]
    secret = describe(bare._replace(kind=kind, owned_by=None), target, strict=True)
    assert secret == {
        "id": "an-id", "created_at": "then", "updated_at": "now", "key": "A", "scope": "ENVIRONMENT",
        "variable_type": kind, "description": None, "enable_interpolation_in_file": None,
        related: TARGET_JSON | {"mount_path": ""},
    }  # fmt: skip
    assert describe(RECORD, None, strict=True).keys() == JSON.keys() - {"aliased_secret", "overridden_secret"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AAAAAAAA-0000-4000-8000-00000000000F", "aaaaaaaa-0000-4000-8000-00000000000f"),
        ("AAAAAAAA-0000-4000-8000-00000000000", "AAAAAAAA-0000-4000-8000-00000000000"),
        ("Shop", "Shop"),
    ],
)
def test_normal_id(text: str, expected: str) -> None:
    """Only UUIDs are normalised to lower case."""
    assert normal_id(text) == expected

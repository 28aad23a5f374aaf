"""Tables of secrets."""

from __future__ import annotations

from IPython.lib.pretty import pretty

from qovery import Secret, SecretResponseList
from qovery.models.secret_table import COLUMNS
from test.support.tables import TableReader


def secret(key: str) -> dict[str, object]:
    other = {"id": "x", "key": "TARGET", "mount_path": "/canary", "scope": "PROJECT", "variable_type": "VALUE"}
    return {
        "id": "i", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2999-01-01T00:00:00Z",
        "key": key, "scope": "ENVIRONMENT", "variable_type": "ALIAS", "aliased_secret": other, "value": "canary",
        "description": "canary",
    }  # fmt: skip


def test_secrets__tables() -> None:
    """A list and a single secret show the same columns, sorted by key, and never a value."""
    for shown, keys in (
        (SecretResponseList.from_dict({"results": [secret("B"), secret("A")]}), ["A", "B"]),
        (Secret.from_dict(secret("A")), ["A"]),
    ):
        read = TableReader(shown._repr_html_())
        assert tuple(read.rows[0]) == COLUMNS
        assert [row[:4] for row in read.rows[1:]] == [[key, "ENVIRONMENT", "ALIAS", "TARGET (PROJECT)"] for key in keys]
        assert [row[4] for row in read.rows[1:]] == ["0 s"] * len(keys)
        assert read.caption == str(shown).splitlines()[0] == ("2 secrets" if len(keys) == 2 else "1 secret")
        assert pretty(shown) == str(shown)
        assert "canary" not in f"{shown} {shown._repr_html_()}"

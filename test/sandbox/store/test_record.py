"""`Record` and its JSON."""

from __future__ import annotations

from qovery.sandbox.store.record import Record, describe


def test_record__shows_no_value() -> None:
    """Neither the representation of a record nor its JSON has the value."""
    record = Record(*map(str, range(len(Record._fields))))._replace(key="A", value="canary")
    assert repr(record) == "<Record A>"
    assert "canary" not in str(describe(record, record))

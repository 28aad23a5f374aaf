"""`resolve` with secrets in a mapping."""

from __future__ import annotations

import pytest

from qovery.sandbox.store.interpolation import resolve
from qovery.sandbox.store.record import Record

_BLANK = Record(*[""] * len(Record._fields))._replace(mount_path=None, interpolated=None)


def resolved(key: str, /, **values: str) -> str:
    """Resolve the value of a key among secrets with these values."""
    return resolve(key, {name: _BLANK._replace(key=name, value=value) for name, value in values.items()}.get)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{B}}", "b"),
        ("{{ B }}-{{B}}", "b-b"),
        ("{{MISSING}}", "{{MISSING}}"),
        ("{{A}}", "{{A}}"),
        ("{{C}}", "to {{A}}"),
        ("{{}} {{-}} {B}", "{{}} {{-}} {B}"),
    ],
)
def test_resolve__references(value: str, expected: str) -> None:
    """References are replaced at every depth; unknown and circular ones are kept."""
    assert resolved("A", A=value, B="b", C="to {{A}}") == expected


def test_resolve__missing_key() -> None:
    """A missing key raises `KeyError`."""
    with pytest.raises(KeyError, match="MISSING"):
        resolved("MISSING", A="a")


@pytest.mark.parametrize(("interpolated", "expected"), [(None, "{{A}}"), (0, "{{A}}"), (1, "a")])
def test_resolve__file(interpolated: int | None, expected: str) -> None:
    """References in a file are replaced only if its flag is set."""
    file = _BLANK._replace(key="FILE", value="{{A}}", mount_path="/etc/file", interpolated=interpolated)
    secrets = {"FILE": file, "A": _BLANK._replace(key="A", value="a")}
    assert resolve("FILE", secrets.get) == expected


def test_resolve__file_without_a_value() -> None:
    """A file without a value is empty."""
    assert resolve("FILE", {"FILE": _BLANK._replace(key="FILE", value=None, mount_path="/etc/file")}.get) == ""

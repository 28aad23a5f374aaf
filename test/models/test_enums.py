"""Enums accept unknown values."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from typing import Any

import pytest

from qovery import (
    ApiValueError,
    APIVariableScopeEnum,
    APIVariableTypeEnum,
    LinkedServiceTypeEnum,
    Secret,
)
from test.support.examples import ENUMS, NESTED
from test.support.recording import SECRET

each_enum = pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)


def test_enum__members_are_the_documented_ones() -> None:
    """Each documented member is named like its value."""
    assert [member.value for member in LinkedServiceTypeEnum] == [
        "APPLICATION",
        "CONTAINER",
        "DATABASE",
        "JOB",
        "HELM",
        "TERRAFORM",
    ]
    assert all(member.name == member.value for enum in ENUMS for member in enum)
    assert (len(APIVariableScopeEnum), len(APIVariableTypeEnum)) == (9, 7)


@each_enum
def test_enum__known_value(enum: type[Any]) -> None:
    """A known value always returns the same member, also through JSON."""
    member = next(iter(enum))
    assert enum(member.value) is member is enum[member.name]
    assert enum.from_json(json.dumps(member.value)) is member
    assert pickle.loads(pickle.dumps(member)) is member


@each_enum
@pytest.mark.parametrize("value", ["JOB", "BUILT_IN", "GALAXY"])
def test_enum__text_is_the_value(enum: type[Any], value: str) -> None:
    """`str`, `format` and f-strings show the value on every Python, also for unknown members."""
    member = enum(value)
    assert str(member) == f"{member}" == f"{member:s}" == "%s" % member == "{}".format(member) == value  # noqa: UP031, UP032
    assert f"{member:>10}|{member:.2}" == f"{value:>10}|{value:.2}"
    assert type(str(member)) is str
    assert ",".join([member]) == value
    assert repr(member) == f"<{enum.__name__}.{value}: '{value}'>"


@each_enum
def test_enum__unknown_value(enum: type[Any]) -> None:
    """An unknown value becomes a member that carries it and behaves like the text."""
    member = enum("GALAXY")
    assert isinstance(member, enum)
    assert member.value == member.name == member == "GALAXY"
    assert member == enum.from_json('"GALAXY"')
    assert hash(member) == hash("GALAXY")
    assert member != next(iter(enum))
    assert member in {"GALAXY"}
    assert {member: 1}["GALAXY"] == 1
    assert json.dumps(member) == '"GALAXY"'
    assert repr(member) == f"<{enum.__name__}.GALAXY: 'GALAXY'>"
    for twin in (
        *(pickle.loads(pickle.dumps(member, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(member),
        copy.deepcopy(member),
    ):
        assert type(twin) is enum
        assert twin == member
        assert twin.value == "GALAXY"


@each_enum
def test_enum__unknown_value_is_not_kept(enum: type[Any]) -> None:
    """An unknown value is released with its member."""
    size = len(enum)
    member = enum("GALAXY-1")
    watch = weakref.ref(member)
    del member
    gc.collect()
    assert watch() is None
    assert len(enum) == size
    assert "GALAXY-1" not in enum.__members__


@each_enum
@pytest.mark.parametrize("text", ["5", "null", "[]", "GALAXY", "", "{}"])
def test_enum__from_json_of_another_type(enum: type[Any], text: str) -> None:
    """JSON that is not a string is an `ApiValueError`."""
    with pytest.raises(ApiValueError, match=enum.__name__):
        enum.from_json(text)
    with pytest.raises(ValueError, match="is not a valid"):
        enum(5)


def test_enum__unknown_value_in_a_model() -> None:
    """Unknown members survive parsing and dumping, nested and in JSON, without a warning."""
    fields = {
        **SECRET,
        "scope": "GALAXY",
        "variable_type": "WORMHOLE",
        "service_type": "",
        "aliased_secret": {**NESTED, "scope": "GALAXY", "variable_type": "VALUE "},
    }
    secret = Secret.from_json(json.dumps(fields))
    assert secret.scope == "GALAXY"
    assert isinstance(secret.scope, APIVariableScopeEnum)
    assert secret.aliased_secret is not None
    assert secret.aliased_secret.variable_type.value == "VALUE "
    assert {name: json.loads(secret.to_json())[name] for name in fields if "_at" not in name} == {
        name: value for name, value in fields.items() if "_at" not in name
    }
    assert pickle.loads(pickle.dumps(secret)) == copy.deepcopy(secret) == secret
    secret.scope = "NEBULA"  # type: ignore[assignment] # checked and converted on assignment
    assert isinstance(secret.scope, APIVariableScopeEnum)

"""Response models are lossless and forward-compatible."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from qovery import (
    ApiTypeError,
    ApiValidationError,
    Base,
    Secret,
    SecretAlias,
    SecretResponseList,
)
from test.support.examples import EXAMPLES, NESTED, RESPONSES
from test.support.recording import SECRET


def test_response__is_lossless() -> None:
    """`to_dict` of a response keeps every received field, including read-only fields and nulls."""
    secret = Secret.from_dict(SECRET)
    assert secret.to_dict() == {**SECRET, "created_at": secret.created_at, "updated_at": secret.updated_at}
    assert Secret.from_dict(EXAMPLES[Base] | {"key": "a", "scope": "JOB"}).to_dict().keys() == {
        "id",
        "created_at",
        "key",
        "scope",
    }


@pytest.mark.parametrize("model", RESPONSES, ids=lambda model: model.__name__)
def test_response__keeps_unknown_fields(model: type[Any]) -> None:
    """An unknown field is kept unchanged at any depth, and is an attribute."""
    news = {"news": {"a": [1, 2.5, None, {"b": "ü"}]}, "model_version": 3, "from": "x"}
    built = model.from_json(json.dumps(EXAMPLES[model] | news))
    assert built.to_dict().items() >= news.items()
    assert json.loads(built.to_json()).items() >= news.items()
    assert built.news == news["news"]
    assert pickle.loads(pickle.dumps(built)).to_dict() == built.to_dict()


@pytest.mark.parametrize(
    "name", ["to_dict", "model_dump", "model_extra", "__class__", "__dict__", "self", "_x", "", "é"]
)
def test_response__unknown_field_of_any_name(name: str) -> None:
    """An unknown field can have any name."""
    for secret in (Secret.from_dict(SECRET | {name: 5}), Secret.from_json(json.dumps(SECRET | {name: 5}))):
        assert isinstance(secret, Secret)
        assert secret.to_dict()[name] == json.loads(secret.to_json())[name] == 5
        assert pickle.loads(pickle.dumps(secret)).to_dict() == copy.deepcopy(secret).to_dict() == secret.to_dict()


@pytest.mark.parametrize("number", [2**70, -(2**70), 1e300, 0.1, 1e999, float("nan")])
def test_response__unknown_numbers(number: float) -> None:
    """Numbers are kept unchanged; a number that JSON does not have is an error."""
    text = json.dumps(SECRET | {"news": {"deep": [number]}})
    if number * 0 == 0:
        assert json.loads(Secret.from_json(text).to_json())["news"]["deep"] == [number]
    else:
        with pytest.raises(ApiValidationError, match="news"):
            Secret.from_json(text)


def test_response__explicit_nulls() -> None:
    """Null is accepted wherever the service has been observed to send it."""
    nullable = [name for name in SECRET if name not in {"id", "created_at", "key", "scope"}]
    secret = Secret.from_dict({**SECRET, **dict.fromkeys(nullable)})
    assert all(getattr(secret, name) is None for name in nullable)
    assert SecretResponseList.from_dict({"results": None}).results is None
    assert SecretAlias.from_dict({**NESTED, "mount_path": None}).mount_path is None


@pytest.mark.parametrize("name", ["id", "created_at", "key", "scope"])
def test_response__required_fields(name: str) -> None:
    """A secret without a required field is an error."""
    for fields in ({**SECRET, name: None}, {key: value for key, value in SECRET.items() if key != name}):
        with pytest.raises(ApiValidationError, match=name):
            Secret.from_dict(fields)


def test_response__limits_are_not_enforced() -> None:
    """A description beyond the documented length is accepted, nested too."""
    long = "d" * 5000
    secret = Secret.from_dict({**SECRET, "description": long, "overridden_secret": {**NESTED, "description": long}})
    assert secret.overridden_secret is not None
    assert secret.description == secret.overridden_secret.description == long


def test_list__is_a_sequence_of_its_secrets() -> None:
    """A list has its secrets in the received order, a length, an index and slices."""
    listed = SecretResponseList.from_dict({"results": [{**SECRET, "key": key} for key in "BCA"]})
    results = listed.results or []
    assert [secret.key for secret in listed] == ["B", "C", "A"]
    assert (len(listed), listed[0].key, listed[-1].key) == (3, "B", "A")
    assert listed[1:] == results[1:]
    assert list(reversed(listed)) == results[::-1]
    assert results[0] in listed
    assert {secret.key: secret for secret in listed}["C"] is listed[1]
    with pytest.raises(IndexError):
        listed[3]
    with pytest.raises(ApiTypeError, match="takes a position or a slice, not float"):
        listed[0.0]  # type: ignore[call-overload] # the case under test


@pytest.mark.parametrize("fields", [{}, {"results": None}, {"results": []}], ids=repr)
def test_list__without_secrets(fields: dict[str, Any]) -> None:
    """A list without secrets is empty and false, whatever the service sent for it."""
    listed = SecretResponseList.from_dict(fields)
    assert (list(listed), len(listed), bool(listed), listed[:1]) == ([], 0, False, [])
    with pytest.raises(IndexError):
        listed[0]


def test_list__stays_a_model() -> None:
    """Dumps, copies, comparison and unknown fields are those of a model."""
    listed = SecretResponseList.from_dict({"results": [SECRET], "page": 1})
    assert listed.to_dict().keys() == listed.model_dump().keys() == {"results", "page"}
    for twin in (copy.copy(listed), copy.deepcopy(listed), listed.model_copy(), pickle.loads(pickle.dumps(listed))):
        assert twin == listed
        assert list(twin) == list(listed)
    assert listed != listed.results
    assert next(name for name, _ in Secret.from_dict(SECRET)) == "id"  # other models yield their fields


@pytest.mark.parametrize("digits", range(10))
def test_time__fractional_digits(digits: int) -> None:
    """Any number of fractional digits is accepted; digits beyond microseconds are truncated."""
    fraction = "." + "573351234"[:digits] if digits else ""
    created = Base.from_dict({"id": "a", "created_at": f"2023-12-12T13:23:02{fraction}Z"}).created_at
    micros = int("573351234"[:digits][:6].ljust(6, "0"))
    assert created == datetime(2023, 12, 12, 13, 23, 2, micros, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-12-12T13:23:02", datetime(2023, 12, 12, 13, 23, 2)),
        ("2023-12-12 13:23:02", datetime(2023, 12, 12, 13, 23, 2)),
        ("20231212T132302Z", datetime(2023, 12, 12, 13, 23, 2)),
        ("20231212T132302.5", datetime(2023, 12, 12, 13, 23, 2, 500000)),
        ("2023-12-12T13:23:02,5Z", datetime(2023, 12, 12, 13, 23, 2, 500000)),
        ("2023-12-12T13:23Z", datetime(2023, 12, 12, 13, 23)),
        ("2023-12-12T15:23:02+02:00", datetime(2023, 12, 12, 13, 23, 2)),
        ("2023-12-12T15:23:02+0200", datetime(2023, 12, 12, 13, 23, 2)),
        ("2023-12-12T11:23:02-02", datetime(2023, 12, 12, 13, 23, 2)),
        ("2023-12-12T24:00:00Z", datetime(2023, 12, 13)),
        ("2023-12-12", datetime(2023, 12, 12)),
        ("2023-W50-2T13:23:02", datetime(2023, 12, 12, 13, 23, 2)),
        ("2023-346", datetime(2023, 12, 12)),
    ],
)
def test_time__other_forms(text: str, expected: datetime) -> None:
    """Every ISO 8601 format is accepted, and a time without a zone is read as UTC."""
    for created in (
        Base.from_dict({"id": "a", "created_at": text}).created_at,
        Base.from_json(json.dumps({"id": "a", "created_at": text})).created_at,
    ):
        assert created.utcoffset() is not None
        assert created == expected.replace(tzinfo=timezone.utc)


def test_time__assigned() -> None:
    """A `datetime` can be passed and assigned; without a zone it becomes UTC."""
    base = Base(id="a", created_at=datetime(2023, 12, 12))
    assert base.created_at == datetime(2023, 12, 12, tzinfo=timezone.utc)
    base.updated_at = datetime(2023, 12, 13, tzinfo=timezone(timedelta(hours=1)))
    assert json.loads(base.to_json())["updated_at"] == "2023-12-13T00:00:00+01:00"


@pytest.mark.parametrize(
    "text", ["", "soon", "2023-13-01T00:00:00Z", "9999-12-31T24:00:00", "2023-12-12T13:23:02+25:00"]
)
def test_time__invalid(text: str) -> None:
    """An invalid time is an `ApiValidationError`."""
    with pytest.raises(ApiValidationError, match="created_at"):
        Base.from_dict({"id": "a", "created_at": text})

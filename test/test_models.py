"""The models: strict in what they send, tolerant in what they receive."""

from __future__ import annotations

import copy
import gc
import importlib
import json
import pickle
import re
import subprocess
import sys
import weakref
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

import qovery
import qovery.models
from qovery import (
    ApiAttributeError,
    ApiValidationError,
    ApiValueError,
    APIVariableScopeEnum,
    APIVariableTypeEnum,
    Base,
    Key,
    LinkedServiceTypeEnum,
    Secret,
    SecretAlias,
    SecretEditRequest,
    SecretOverride,
    SecretRequest,
    SecretResponseList,
    Value,
)
from test.recording import SECRET

ENUMS = [APIVariableScopeEnum, APIVariableTypeEnum, LinkedServiceTypeEnum]
REQUESTS = [Key, SecretEditRequest, SecretRequest, Value]
RESPONSES = [Base, Secret, SecretAlias, SecretOverride, SecretResponseList]

NESTED = {
    "id": "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f02",
    "key": "URL",
    "mount_path": None,
    "scope": "PROJECT",
    "variable_type": "VALUE",
}

#: A plain example of each model, as JSON.
EXAMPLES: dict[type[Any], dict[str, Any]] = {
    Base: {"id": SECRET["id"], "created_at": SECRET["created_at"]},
    Key: {"key": "SHORT", "description": None},
    Secret: {**SECRET, "aliased_secret": NESTED},
    SecretAlias: NESTED,
    SecretEditRequest: {"key": "TOKEN", "value": "v"},
    SecretOverride: NESTED,
    SecretRequest: {"key": "TOKEN", "value": "v", "mount_path": "/etc/token", "enable_interpolation_in_file": False},
    SecretResponseList: {"results": [SECRET, {**SECRET, "overridden_secret": NESTED}]},
    Value: {"value": "v"},
}

each_model = pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
each_request = pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
each_enum = pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)

texts = st.text(st.characters(exclude_categories=["Cs"]))
shared: dict[str, st.SearchStrategy[Any]] = {
    "description": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=255),
    "enable_interpolation_in_file": st.none() | st.booleans(),
}
schemas = {
    Key: st.fixed_dictionaries({"key": texts}, optional=shared),
    Value: st.fixed_dictionaries({}, optional={"value": texts, **shared}),
    SecretEditRequest: st.fixed_dictionaries({"key": texts}, optional={"value": texts, **shared}),
    SecretRequest: st.fixed_dictionaries(
        {"key": texts}, optional={"value": texts, "mount_path": st.none() | texts, **shared}
    ),
}
requests = st.sampled_from(REQUESTS).flatmap(lambda model: st.tuples(st.just(model), schemas[model]))


# --- All models -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [*EXAMPLES, *ENUMS], ids=lambda model: model.__name__)
def test_import__from_three_places(model: type[Any]) -> None:
    """Each model is the same class in `qovery`, `qovery.models` and its own module."""
    name = model.__name__
    file = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=API)(?=V)", "_", name).lower()
    assert model.__module__ == f"qovery.models.{file}"
    places = [qovery, qovery.models, importlib.import_module(f"qovery.models.{file}")]
    assert all(getattr(place, name) is model for place in places)


@each_model
def test_json__round_trip(model: type[Any]) -> None:
    """`from_json`, `to_json`, `from_dict` and `to_dict` agree with one another, and nothing is lost."""
    example = EXAMPLES[model]
    built = model.from_dict(example)
    assert model.from_json(json.dumps(example)) == model.from_json(json.dumps(example).encode()) == built
    assert type(built.to_json()) is str
    assert model.from_json(built.to_json()) == built
    assert model.from_dict(built.to_dict()) == built
    assert json.loads(built.to_json()).keys() == built.to_dict().keys() == example.keys()


@each_model
def test_to_str__is_readable(model: type[Any]) -> None:
    """`to_str` names every field that was set, the nested ones too, and no secret value."""
    built = model.from_dict(EXAMPLES[model])
    text = built.to_str()
    assert all(f"'{name}'" in text for name in built.to_dict())
    assert "aliased_secret" not in EXAMPLES[model] or "'mount_path'" in text
    assert "'v'" not in text


@each_model
def test_copies__are_equal(model: type[Any]) -> None:
    """A model survives pickling and copying, with the knowledge of what was set."""
    built = model.from_dict(EXAMPLES[model])
    for twin in (
        *(pickle.loads(pickle.dumps(built, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(built),
        copy.deepcopy(built),
        built.model_copy(deep=True),
    ):
        assert type(twin) is model
        assert twin == built
        assert twin.to_json() == built.to_json()


@each_model
@pytest.mark.parametrize("junk", [None, 5, "text", [], [("key", "a")]], ids=repr)
def test_from_dict__of_something_else(model: type[Any], junk: Any) -> None:
    """What is no mapping is an `ApiValidationError`, for `from_json` too."""
    with pytest.raises(ApiValidationError):
        model.from_dict(junk)
    with pytest.raises(ApiValidationError):
        model.from_json(json.dumps(junk))


@each_model
@pytest.mark.parametrize("text", ["", "{", "nothing", b"\xff"], ids=repr)
def test_from_json__of_no_json(model: type[Any], text: Any) -> None:
    """What is not JSON is an `ApiValidationError`."""
    with pytest.raises(ApiValidationError, match=f"{model.__name__} is not valid"):
        model.from_json(text)


def test_validation_error__says_which_field() -> None:
    """The error counts the problems and names the fields, and is a `ValueError`."""
    with pytest.raises(ApiValidationError) as caught:
        SecretRequest.from_dict({"value": 5, "more": 1})
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.error_count() == 3
    assert [problem["loc"] for problem in error.errors()] == [("key",), ("value",), ("more",)]
    assert json.loads(error.json())[0]["type"] == "missing"
    assert str(error).startswith("SecretRequest is not valid: key: Field required; value:")


# --- Requests -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(requests)
def test_request__gives_back_what_it_got(case: tuple[type[Any], dict[str, Any]]) -> None:
    """`from_dict(x).to_dict() == x` for everything that the schema allows; through JSON as well."""
    model, fields = case
    built = model.from_dict(fields)
    assert built.to_dict() == fields
    assert json.loads(built.to_json()) == fields
    assert model(**fields) == built


def test_request__tells_unset_from_none() -> None:
    """Only a field that was set to None is sent as null."""
    assert SecretRequest(key="a").to_dict() == {"key": "a"}
    assert SecretRequest(key="a", mount_path=None, description=None).to_dict() == {
        "key": "a",
        "mount_path": None,
        "description": None,
    }
    request = SecretRequest(key="a")
    request.enable_interpolation_in_file = None
    assert request.to_json() == '{"key":"a","enable_interpolation_in_file":null}'


@pytest.mark.parametrize("model", [SecretEditRequest, SecretRequest, Value], ids=lambda model: model.__name__)
def test_request__value_none_is_left_out(model: type[Any]) -> None:
    """A value is not nullable, so None is not sent; the empty text is."""
    assert (
        "value" not in model.from_dict({"key": "a", "value": None} if model is not Value else {"value": None}).to_dict()
    )
    built = model.from_dict({"key": "a", "value": ""} if model is not Value else {"value": ""})
    assert built.to_dict()["value"] == ""
    built.value = None
    assert "value" not in json.loads(built.to_json())


@each_request
def test_request__unknown_field(model: type[Any]) -> None:
    """A field that the schema does not know is an error, given or assigned."""
    with pytest.raises(ApiValidationError, match="valeu"):
        model.from_dict({**EXAMPLES[model], "valeu": "x"})
    with pytest.raises(ApiValidationError, match="valeu"):
        model.from_json(json.dumps({**EXAMPLES[model], "valeu": "x"}))
    with pytest.raises(ApiValidationError, match="valeu"):
        model(**EXAMPLES[model], valeu="x")
    built = model.from_dict(EXAMPLES[model])
    with pytest.raises(ApiAttributeError, match=f"{model.__name__} has no field 'valeu'"):
        built.valeu = "x"


@each_request
def test_request__missing_key(model: type[Any]) -> None:
    """A key is required by all but the override's request."""
    if model is Value:
        assert model().to_dict() == {}
    else:
        with pytest.raises(ApiValidationError, match="key: Field required"):
            model()
        with pytest.raises(ApiValidationError, match="key"):
            model(key=None)


@each_request
def test_request__description_limit(model: type[Any]) -> None:
    """A description has at most 255 characters, of whatever width."""
    fields = EXAMPLES[model]
    assert model.from_dict({**fields, "description": "é" * 255}).description == "é" * 255
    with pytest.raises(ApiValidationError, match="description: String should have at most 255 characters"):
        model.from_dict({**fields, "description": "é" * 256})
    built = model.from_dict(fields)
    with pytest.raises(ApiValidationError, match="description"):
        built.description = "é" * 256


@pytest.mark.parametrize(
    "value",
    ["", " ", "\0", "\x7f", "é", "e\u0301", "🔑", "\u202e", "\ufeff", "line\r\nline", '"\\/', "{{OTHER}}", "m" * 2**20],
    ids=lambda value: ascii(value[:12]),
)
def test_request__value_is_any_text(value: str) -> None:
    """A value is kept to the letter: empty, any Unicode, a megabyte."""
    request = SecretRequest(key="a", value=value)
    assert request.value == request.to_dict()["value"] == json.loads(request.to_json())["value"] == value
    assert SecretRequest.from_json(request.to_json()) == request


def test_request__that_json_cannot_hold() -> None:
    """A lone surrogate is an `ApiValueError` from `to_json`, which does not show it."""
    with pytest.raises(ApiValueError, match="SecretRequest holds what JSON cannot hold") as caught:
        SecretRequest(key="a", value="hush\ud800").to_json()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("key", 5),
        ("key", b"a"),
        ("value", 5),
        ("value", b"a"),
        ("value", True),
        ("value", ["a"]),
        ("mount_path", Path("/etc/a")),
        ("description", 5),
        ("enable_interpolation_in_file", 1),
        ("enable_interpolation_in_file", "true"),
    ],
)
def test_request__types_are_strict(field: str, wrong: Any) -> None:
    """Nothing is converted: a number is no text and 1 is not true. Assignments are checked alike."""
    with pytest.raises(ApiValidationError, match=field):
        SecretRequest.from_dict({"key": "a", field: wrong})
    request = SecretRequest(key="a")
    with pytest.raises(ApiValidationError, match=field):
        setattr(request, field, wrong)
    assert request.to_dict() == {"key": "a"}


@pytest.mark.parametrize("model", [SecretEditRequest, SecretRequest, Value], ids=lambda model: model.__name__)
def test_request__value_from_secret_str(model: type[Any]) -> None:
    """A `SecretStr` is taken as its text, given or assigned."""
    built = model.from_dict({**EXAMPLES[model], "value": SecretStr("hush")})
    assert built.value == "hush"
    built.value = SecretStr("hush hush")
    assert json.loads(built.to_json())["value"] == "hush hush"


# --- Responses ------------------------------------------------------------------------------------


def test_response__is_lossless() -> None:
    """`to_dict` of a response keeps everything that came, read-only fields and nulls too."""
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
    """A field that no schema knows comes out as it came in, however deep, and is an attribute."""
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
    """No name that a service may think of breaks a model."""
    for secret in (Secret.from_dict(SECRET | {name: 5}), Secret.from_json(json.dumps(SECRET | {name: 5}))):
        assert isinstance(secret, Secret)
        assert secret.to_dict()[name] == json.loads(secret.to_json())[name] == 5
        assert pickle.loads(pickle.dumps(secret)).to_dict() == copy.deepcopy(secret).to_dict() == secret.to_dict()


@pytest.mark.parametrize("number", [2**70, -(2**70), 1e300, 0.1, 1e999, float("nan")])
def test_response__unknown_numbers(number: float) -> None:
    """Numbers are kept as they came; what is no JSON is an error."""
    text = json.dumps(SECRET | {"news": {"deep": [number]}})
    if number * 0 == 0:
        assert json.loads(Secret.from_json(text).to_json())["news"]["deep"] == [number]
    else:
        with pytest.raises(ApiValidationError, match="news"):
            Secret.from_json(text)


def test_response__explicit_nulls() -> None:
    """Null is accepted wherever the service was seen to send it."""
    nullable = [name for name in SECRET if name not in {"id", "created_at", "key", "scope"}]
    secret = Secret.from_dict({**SECRET, **dict.fromkeys(nullable)})
    assert all(getattr(secret, name) is None for name in nullable)
    assert SecretResponseList.from_dict({"results": None}).results is None
    assert SecretAlias.from_dict({**NESTED, "mount_path": None}).mount_path is None


@pytest.mark.parametrize("name", ["id", "created_at", "key", "scope"])
def test_response__required_fields(name: str) -> None:
    """Without what the schema requires there is no secret."""
    for fields in ({**SECRET, name: None}, {key: value for key, value in SECRET.items() if key != name}):
        with pytest.raises(ApiValidationError, match=name):
            Secret.from_dict(fields)


def test_response__limits_are_not_enforced() -> None:
    """A description beyond the documented length is accepted, nested too."""
    long = "d" * 5000
    secret = Secret.from_dict({**SECRET, "description": long, "overridden_secret": {**NESTED, "description": long}})
    assert secret.overridden_secret is not None
    assert secret.description == secret.overridden_secret.description == long


@pytest.mark.parametrize("digits", range(10))
def test_time__fractional_digits(digits: int) -> None:
    """Any number of fractional digits is read; what is finer than a microsecond is cut off."""
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
    """Every form of ISO 8601 is read, and a time without a zone is taken for UTC."""
    for created in (
        Base.from_dict({"id": "a", "created_at": text}).created_at,
        Base.from_json(json.dumps({"id": "a", "created_at": text})).created_at,
    ):
        assert created.utcoffset() is not None
        assert created == expected.replace(tzinfo=timezone.utc)


def test_time__assigned() -> None:
    """A `datetime` may be given and assigned, and gets a zone if it has none."""
    base = Base(id="a", created_at=datetime(2023, 12, 12))
    assert base.created_at == datetime(2023, 12, 12, tzinfo=timezone.utc)
    base.updated_at = datetime(2023, 12, 13, tzinfo=timezone(timedelta(hours=1)))
    assert json.loads(base.to_json())["updated_at"] == "2023-12-13T00:00:00+01:00"


@pytest.mark.parametrize(
    "text", ["", "soon", "2023-13-01T00:00:00Z", "9999-12-31T24:00:00", "2023-12-12T13:23:02+25:00"]
)
def test_time__that_is_none(text: str) -> None:
    """What is no time is an `ApiValidationError`."""
    with pytest.raises(ApiValidationError, match="created_at"):
        Base.from_dict({"id": "a", "created_at": text})


# --- Enums ----------------------------------------------------------------------------------------


def test_enum__members_are_the_documented_ones() -> None:
    """The members have the names of their values."""
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
    """A known value is the one member, also through JSON."""
    member = next(iter(enum))
    assert enum(member.value) is member is enum[member.name]
    assert enum.from_json(json.dumps(member.value)) is member
    assert pickle.loads(pickle.dumps(member)) is member


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
    """What a server sends does not stay in memory when its member goes."""
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
def test_enum__from_json_of_no_string(enum: type[Any], text: str) -> None:
    """JSON that is no string is an `ApiValueError`."""
    with pytest.raises(ApiValueError, match=enum.__name__):
        enum.from_json(text)
    with pytest.raises(ValueError, match="is not a valid"):
        enum(5)


def test_enum__unknown_value_in_a_model() -> None:
    """Unknown members come through models, in and out, nested and in JSON, without a warning."""
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


# --- First use ------------------------------------------------------------------------------------

_FIRST_USE = """
import json, sys, threading
import qovery
import qovery.models as models

SECRET = json.loads(sys.argv[1])
USES = [
    lambda: models.SecretResponseList.from_json(json.dumps({"results": [SECRET]})).results[0].key,
    lambda: models.Secret.from_dict(SECRET).to_json(),
    lambda: models.SecretRequest(key="a", value="b").to_json(),
    lambda: models.Value.from_dict({"value": "a"}).to_dict(),
    lambda: models.Key.model_construct(key="a").to_json(),
    lambda: qovery.EnvironmentSecretApi,
    lambda: qovery.Configuration(host="http://localhost"),
]
barrier = threading.Barrier(4 * len(USES))
problems = []

def use(function):
    barrier.wait()
    try:
        function()
    except BaseException as error:
        problems.append(repr(error))

threads = [threading.Thread(target=use, args=(function,)) for function in 4 * USES]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(problems))
"""


def test_first_use__by_many_threads_at_once() -> None:
    """The schemas, which are built at their first use, may be used first by many threads at once."""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _FIRST_USE, json.dumps(SECRET)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("[]\n", "")


_BUILDS = """
import collections, json, sys
import qovery.models as models
from qovery.models.model import Model

at_import = [name for name, model in vars(models).items() if getattr(model, "__pydantic_complete__", False)]
built = collections.Counter()
Model.__pydantic_on_complete__ = classmethod(lambda cls: built.update([cls.__name__]))
secret = json.loads(sys.argv[1])
for _ in range(3):
    models.Secret.from_dict(secret).to_json()
    models.SecretResponseList.from_dict({"results": [secret]}).to_json()
    models.SecretRequest(key="a").to_json()
print(json.dumps([at_import, built]))
"""


def test_first_use__builds_each_schema_once() -> None:
    """Importing builds no schema, and using a model builds its schema once."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILDS, json.dumps(SECRET)], capture_output=True, text=True, timeout=60, check=True
    )
    at_import, built = json.loads(done.stdout)
    assert at_import == []
    assert built
    assert set(built.values()) == {1}

"""Objects never show their secrets, whatever renders them."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

import qovery.models
from qovery import (
    ApiClient,
    ApiResponse,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)
from qovery.models.request_model import RequestModel
from qovery.redaction import marks
from qovery.redaction.marks import MASK, MASKED, Masked, MaskedDict
from test.support.canaries import CANARY, CHANNELS, HTML_AND_THE_LIKE, TOKEN, shows

#: Each request model, with the canary in every secret field.
REQUESTS: dict[str, Callable[[Any], RequestModel]] = {
    "SecretRequest": lambda value: SecretRequest(key="A", value=value),
    "SecretEditRequest": lambda value: SecretEditRequest(key="A", value=value),
    "Value": lambda value: Value(value=value),
}
#: Methods by which a class may render itself, and the channel that calls each.
SHOWS = {
    "__repr__": "repr",
    "__repr_args__": "repr",
    "__repr_name__": "repr",
    "__repr_recursion__": "repr",
    "__repr_str__": "repr",
    "__str__": "str",
    "__format__": "format",
    "__rich_repr__": "__rich_repr__",
    "__pretty__": "__pretty__",
    "_repr_pretty_": "IPython",
    "to_str": "to_str",
    **dict.fromkeys(HTML_AND_THE_LIKE, "_repr_*_"),
}


def test_channels__every_way_to_show_has_a_row() -> None:
    """Every method that renders one of the classes is listed with a channel."""
    models = [model for model in vars(qovery.models).values() if isinstance(model, type)]
    shown = [*models, Configuration, ApiClient, EnvironmentSecretApi, ApiResponse, MaskedDict, Masked]
    methods = {name for one in shown for name in dir(one) if re.search("repr|pretty|display|rich|_str_|to_str", name)}
    assert methods <= SHOWS.keys()
    assert set(SHOWS.values()) <= CHANNELS.keys()


def test_requests__every_model_has_a_row() -> None:
    """Every model with a secret is listed."""
    marked = {
        name
        for name, model in vars(qovery.models).items()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and any(MASKED in field.metadata for field in model.model_fields.values())
    }
    assert marked == set(REQUESTS)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_request__is_masked(name: str, channel: str) -> None:
    """No channel shows a value; those that show fields distinguish a value from None."""
    shown = CHANNELS[channel](REQUESTS[name](CANARY))
    assert not shows(shown, CANARY)
    if channel != "_repr_*_":
        assert MASK in shown
        assert MASK not in CHANNELS[channel](REQUESTS[name](None))


@pytest.mark.parametrize("name", REQUESTS)
def test_request__returns_by_name(name: str) -> None:
    """Access by name returns the value."""
    request = REQUESTS[name](SecretStr(CANARY))
    assert not shows(request.to_str(), CANARY)
    given = [request.to_dict()["value"], json.loads(request.to_json())["value"], request.model_dump()["value"]]
    assert [*given, pickle.loads(pickle.dumps(request)).to_dict()["value"]] == [CANARY] * 4
    assert not shows(repr(pickle.loads(pickle.dumps(request))), CANARY)


@pytest.mark.parametrize("name", REQUESTS)
def test_request__serializer_warns_of_no_value(name: str) -> None:
    """An unvalidated value causes no serializer warning, which would show it; warnings are errors here."""
    unchecked = REQUESTS[name]("x").model_copy(update={"value": CANARY.encode()})
    assert unchecked.model_dump()["value"] == CANARY.encode()
    assert json.loads(unchecked.model_dump_json())["value"] == CANARY
    assert json.loads(unchecked.to_json())["value"] == CANARY
    assert unchecked._secret_texts() == []  # not a text to search for


def test_response__unknown_fields_are_masked() -> None:
    """Unknown response fields are masked, because they may echo a secret."""
    fields = {"id": "i", "created_at": "2023-12-12T13:23:02Z", "key": "A", "scope": "PROJECT", "echo": CANARY}
    secret = Secret.from_dict(fields)
    for channel in CHANNELS.values():
        assert not shows(channel(secret), CANARY)
    assert secret.to_dict()["echo"] == CANARY


@pytest.mark.parametrize("channel", CHANNELS)
def test_settings__are_masked(channel: str) -> None:
    """Objects that hold credentials do not show them, nor do their attributes."""
    configuration = Configuration(
        host="http://127.0.0.1:1",
        access_token=TOKEN,
        api_key={"ApiKeyAuth": TOKEN},
        proxy=f"http://user:{TOKEN}@127.0.0.1:1",
        proxy_headers={"X-Auth": TOKEN},
    )
    client = ApiClient(configuration, "X-Auth", TOKEN, cookie=TOKEN)
    for thing in (configuration, client, EnvironmentSecretApi(client), client.rest_client):
        assert not shows(CHANNELS[channel](thing), TOKEN)
        assert not shows(CHANNELS[channel](vars(thing)), TOKEN)
    client.default_headers = {"X-Auth": TOKEN}
    assert not shows(CHANNELS[channel](vars(client)), TOKEN)
    for copied in (configuration.api_key.copy(), copy.copy(configuration.proxy_headers)):
        assert not shows(CHANNELS[channel](copied), TOKEN)
    for twin in (copy.deepcopy(configuration), pickle.loads(pickle.dumps(configuration))):
        assert not shows(CHANNELS[channel](vars(twin)), TOKEN)
        assert twin.access_token == TOKEN
    assert not shows(CHANNELS[channel](configuration.auth_settings()), TOKEN)
    assert configuration.access_token == TOKEN


# Texts are not searched for secrets shorter than four characters: "1" or "on" is in all of them. Four characters are
# the fewest that rarely match by accident, and the length of a PIN. Our own renderings have no such limit.
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(values)
def test_request__any_secret(secret: str) -> None:
    """No rendering of a request contains its value, however short, unless every rendering does.

    A value of "value" or "*" is in the text of every request.
    """
    plain = {name: channel(SecretRequest(key="A", value="")) for name, channel in CHANNELS.items()}
    for name, channel in CHANNELS.items():
        shown = channel(SecretRequest(key="A", value=secret))
        assert secret not in shown or secret in plain[name] + MASK


def test_masked__is_opaque_and_compares_by_value() -> None:
    """`Masked` renders as the mask or None, and compares, hashes and tests like its value."""
    one, empty, none = Masked("a"), Masked(""), Masked(None)
    assert [repr(one), str(one), f"{one:>12}", f"{none}"] == [repr(MASK), MASK, f"  {MASK}", "None"]
    assert [repr(none), str(none), str(empty)] == ["None", "None", MASK]
    assert [bool(one), bool(empty), bool(none)] == [True, False, False]
    assert one == Masked("a")
    assert one == "a"
    assert one != Masked("b")
    assert one != "b"
    assert {one, Masked("a")} == {Masked("a")}
    assert hash(one) == hash("a")
    assert Masked(MASK) != one
    assert (Masked(1) == Masked(2), Masked(1) == Masked(1.0)) == (False, True)
    assert copy.copy(one) is one
    assert copy.deepcopy([one])[0] is one
    twin = pickle.loads(pickle.dumps(one))
    assert type(twin) is Masked
    assert [twin.reveal(), twin.reveal()] == ["a", "a"]


class Headers(MaskedDict[str]):
    shown = frozenset({"accept"})


def held(mapping: Any) -> dict[str, Any]:
    """The contents of a mapping as iteration sees them."""
    return dict(mapping.items())


def test_masked_dict__reveals_what_a_key_names() -> None:
    """`[]`, `get`, `pop` and `setdefault` return values; items, values and copies stay masked."""
    mapping = Headers({"X": "a", "Accept": "json", "None": None})  # type: ignore[dict-item]
    assert mapping["X"] == "a"
    assert type(mapping["X"]) is str
    assert [mapping.get("X"), mapping.get("Y"), mapping.get("Y", "b"), mapping.get("None", "b")] == [
        "a",
        None,
        "b",
        None,
    ]
    assert type(mapping.get("X")) is str
    assert [type(value) for value in held(mapping).values()] == [Masked, str, type(None)]
    assert list(mapping.__rich_repr__()) == [("X", MASK), ("Accept", "json"), ("None", "None")]
    assert repr(mapping) == repr({"X": MASK, "Accept": "json", "None": None})
    assert mapping == {"X": "a", "Accept": "json", "None": None}
    assert [mapping.setdefault("X", "b"), mapping.setdefault("Z", "c"), mapping.setdefault("N")] == ["a", "c", None]
    assert type(mapping.setdefault("Z", "d")) is str
    assert type(held(mapping)["Z"]) is Masked
    popped = mapping.pop("X")
    assert (popped, type(popped), mapping.pop("X", "d")) == ("a", str, "d")
    for wrong in (lambda: mapping["X"], lambda: mapping.pop("X")):
        with pytest.raises(KeyError, match="X"):
            wrong()


def test_masked_dict__stays_masked_when_it_is_merged() -> None:
    """Copies, updates and merges return masked mappings of the same class; the right side wins."""
    mapping = Headers([("X", "a")])
    merged = [
        mapping.copy(),
        copy.copy(mapping),
        copy.deepcopy(mapping),
        pickle.loads(pickle.dumps(mapping)),
        mapping | {"Y": "b"},
        mapping | {"X": "c"},
        {"Y": "b", "X": "c"} | mapping,
        Headers.fromkeys(["X", "Y"], "a"),
        Headers.fromkeys(["Accept"]),
    ]
    assert merged == [
        *([{"X": "a"}] * 4),
        {"X": "a", "Y": "b"},
        {"X": "c"},
        {"Y": "b", "X": "a"},
        {"X": "a", "Y": "a"},
        {"Accept": None},
    ]
    assert {type(one) for one in merged} == {Headers}
    assert {type(value) for one in merged for value in one.values()} == {Masked, type(None)}
    same = mapping
    mapping |= {"Y": "b"}
    assert same is mapping
    mapping.update([("X", "c")], Z="d")
    mapping.update()
    mapping["W"] = "e"
    assert mapping == {"X": "c", "Y": "b", "Z": "d", "W": "e"}
    assert {type(value) for value in mapping.values()} == {Masked}
    again = MaskedDict(mapping)
    assert again["X"] == "c"


def test_held__is_read_as_an_attribute() -> None:
    """A held attribute is read and set by name, while `vars` and slots do not show its value."""

    class Plain:
        secret = marks.held("_kept")

    class Slotted:
        __slots__ = ("_kept",)
        secret = marks.held("_kept")

    for holder in (Plain(), Slotted()):
        for value in (CANARY, None, [CANARY]):
            holder.secret = value
            assert [holder.secret, holder.secret] == [value, value]
            assert not shows(repr(getattr(holder, "__dict__", "")) + repr(holder._kept), CANARY)  # type: ignore[attr-defined]


def test_marked_field__holds_its_value_masked() -> None:
    """A marked field is validated as its type, held masked and serialised as its value."""

    class Request(RequestModel):
        plain: Annotated[str, Field(max_length=3), MASKED]
        optional: Annotated[str | None, MASKED] = None

    for data in ({"plain": "abc"}, {"plain": "abc", "optional": None}, {"plain": "abc", "optional": "d"}):
        request = Request(**data)
        held_values = vars(request)
        assert type(held_values["plain"]) is Masked
        assert type(held_values["optional"]) is (Masked if data.get("optional") else type(None))
        assert (request.plain, request.optional) == ("abc", data.get("optional"))
        assert request.to_dict() == data
        assert json.loads(request.model_dump_json(exclude_unset=True)) == data
    with pytest.raises(ApiValueError):
        Request(plain="abcd")
    assert Request.model_json_schema(mode="serialization")["properties"]["plain"]["type"] == "string"

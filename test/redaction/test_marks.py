"""No object shows its secrets, on any channel."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

import qovery.models
from qovery import (
    ApiClient,
    ApiResponse,
    Configuration,
    EnvironmentSecretApi,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)
from qovery.models.model import RequestModel
from qovery.redaction import masked_values
from qovery.redaction.marks import MASK, MASKED, Masked, MaskedDict
from test.support.canaries import CANARY, CHANNELS, HTML_AND_THE_LIKE, TOKEN, shows

#: Each model that is sent, holding the canary wherever it has a secret.
REQUESTS: dict[str, Callable[[Any], RequestModel]] = {
    "SecretRequest": lambda value: SecretRequest(key="A", value=value),
    "SecretEditRequest": lambda value: SecretEditRequest(key="A", value=value),
    "Value": lambda value: Value(value=value),
}
#: What a class may have to show itself, and the channel that calls it.
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
    """A class with another method that shows it, and no channel here that calls it, fails."""
    models = [model for model in vars(qovery.models).values() if isinstance(model, type)]
    shown = [*models, Configuration, ApiClient, EnvironmentSecretApi, ApiResponse, MaskedDict, Masked]
    methods = {name for one in shown for name in dir(one) if re.search("repr|pretty|display|rich|_str_|to_str", name)}
    assert methods <= SHOWS.keys()
    assert set(SHOWS.values()) <= CHANNELS.keys()


def test_requests__every_model_has_a_row() -> None:
    """A model with a secret and no row here fails."""
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
    """No channel shows a value; all that show fields say that there is one, and tell it from None."""
    shown = CHANNELS[channel](REQUESTS[name](CANARY))
    assert not shows(shown, CANARY)
    if channel != "_repr_*_":
        assert MASK in shown
        assert MASK not in CHANNELS[channel](REQUESTS[name](None))


@pytest.mark.parametrize("name", REQUESTS)
def test_request__gives_by_name(name: str) -> None:
    """What is asked for by name is given."""
    request = REQUESTS[name](SecretStr(CANARY))
    assert not shows(request.to_str(), CANARY)
    given = [request.to_dict()["value"], json.loads(request.to_json())["value"], request.model_dump()["value"]]
    assert [*given, pickle.loads(pickle.dumps(request)).to_dict()["value"]] == [CANARY] * 4
    assert not shows(repr(pickle.loads(pickle.dumps(request))), CANARY)


@pytest.mark.parametrize("name", REQUESTS)
def test_request__serializer_warns_of_no_value(name: str) -> None:
    """A value that got past the checks makes no warning, which would show it; warnings are errors here."""
    unchecked = REQUESTS[name]("x").model_copy(update={"value": CANARY.encode()})
    assert unchecked.model_dump()["value"] == CANARY.encode()
    assert json.loads(unchecked.model_dump_json())["value"] == CANARY
    assert json.loads(unchecked.to_json())["value"] == CANARY
    assert masked_values(unchecked) == []  # no text to search for


def test_response__unknown_fields_are_masked() -> None:
    """A field that no schema knows may echo a secret."""
    fields = {"id": "i", "created_at": "2023-12-12T13:23:02Z", "key": "A", "scope": "PROJECT", "echo": CANARY}
    secret = Secret.from_dict(fields)
    for channel in CHANNELS.values():
        assert not shows(channel(secret), CANARY)
    assert secret.to_dict()["echo"] == CANARY


@pytest.mark.parametrize("channel", CHANNELS)
def test_settings__are_masked(channel: str) -> None:
    """Nothing that holds a credential shows it, nor do its attributes."""
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


# A secret shorter than the bound is not searched for in texts: "1" or "on" is in all of them. Four characters are
# the fewest that such a search can tell from accident, and a PIN has as many. Renderings of our own have no bound.
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(values)
def test_request__any_secret(secret: str) -> None:
    """No rendering of a request contains its value, however short, if that is not a part of what is shown anyway:
    a value of "value" or "*" is in the text of every request."""
    plain = {name: channel(SecretRequest(key="A", value="")) for name, channel in CHANNELS.items()}
    for name, channel in CHANNELS.items():
        shown = channel(SecretRequest(key="A", value=secret))
        assert secret not in shown or secret in plain[name] + MASK

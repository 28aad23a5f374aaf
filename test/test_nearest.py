"""Errors for unknown names suggest the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import (
    ApiAttributeError,
    ApiClient,
    ApiTypeError,
    ApiValidationError,
    Configuration,
    EnvironmentSecretApi,
    SecretRequest,
)
from qovery.nearest import nearest
from test.support.recording import RecordingServer


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("acces_token", " (did you mean 'access_token'?)"),
        ("accessToken", " (did you mean 'access_token'?)"),
        ("HOST", " (did you mean 'host'?)"),
        ("request_timeout", " (did you mean '_request_timeout'?)"),
        ("zebra", ""),
        ("", ""),
        (5, ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_nearest__one_name(name: object, text: str) -> None:
    """Names may differ in letters, case and underscores; without a close name there is no suggestion."""
    assert nearest(["access_token", "host", "_request_timeout"], name) == text


def test_nearest__several_names() -> None:
    """Each suggested name appears once, in the order of the unknown names."""
    assert nearest(["host", "proxy"], "prox", "hots", "poxy", "zebra") == " (did you mean 'proxy', 'host'?)"
    assert nearest([], "host") == ""


def test_setting__suggests_a_name() -> None:
    """An unknown setting is an error that suggests one, as an argument or attribute."""
    wrong: dict[str, Any] = {"acces_token": "a"}
    text = r"Configuration has no (setting|argument) 'acces_token' \(did you mean 'access_token'\?\)"
    with pytest.raises(ApiTypeError, match=text):
        Configuration(**wrong)
    with pytest.raises(ApiAttributeError, match=text):
        Configuration().update(**wrong)
    with pytest.raises(ApiAttributeError, match=text):
        Configuration().acces_token = "a"  # type: ignore[attr-defined] # the case under test
    with pytest.raises(ApiTypeError, match=r"no argument 'zebra'$"):
        Configuration(zebra=1)  # type: ignore[arg-type] # the case under test


def test_setting__of_a_subclass() -> None:
    """A subclass may add arguments, and passes the others on."""

    class Mine(Configuration):
        def __init__(self, region: str, **settings: Any) -> None:
            super().__init__(**settings)
            self.region = region

    assert Mine("eu", host="http://localhost").region == "eu"
    with pytest.raises(ApiTypeError, match=r"'hots'.*'host'"):
        Mine("eu", hots="http://localhost")


def test_field__suggests_a_name() -> None:
    """An unknown field of a request is an error that suggests one, and never shows its value."""
    with pytest.raises(ApiValidationError, match=r"valeu: .* \(did you mean 'value'\?\)") as caught:
        SecretRequest(key="A", valeu="canary")  # type: ignore[call-arg] # the case under test
    assert "canary" not in str(caught.value)
    with pytest.raises(ApiAttributeError, match=r"SecretRequest has no field 'valeu' \(did you mean 'value'\?\)"):
        SecretRequest(key="A").valeu = "a"  # type: ignore[attr-defined] # the case under test


def test_field__suggestions_are_bounded() -> None:
    """Any number of unknown fields is reported, and the first ones have suggestions."""
    with pytest.raises(ApiValidationError) as caught:
        SecretRequest.from_dict({"key": "A", **{f"value{number}": 1 for number in range(1000)}})
    assert caught.value.error_count() == 1000
    assert str(caught.value).count("did you mean") == 20


def test_option__suggests_a_name() -> None:
    """An unknown option of a call is an error that suggests an option, or the argument for the body."""
    with RecordingServer(lambda _: pytest.fail("sent")) as server:
        api: Any = EnvironmentSecretApi(ApiClient(Configuration(host=server.url)))
        with pytest.raises(ApiTypeError, match=r"no option request_timout \(did you mean '_request_timeout'\?\)"):
            api.list_environment_secrets("e", request_timout=5)
        with pytest.raises(ApiTypeError, match="'secret_request'"):
            api.create_environment_secret("e", secret_reqest={"key": "A"})
        assert server.connections == 0

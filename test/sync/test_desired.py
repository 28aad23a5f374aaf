"""What can be desired."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from qovery import ApiTypeError, ApiValueError, SecretRequest
from qovery.sync.desired import Desired, character_problem, key_problem


@pytest.mark.parametrize(
    ("values", "aliases", "error", "message"),
    [
        ([("A", "v")], {}, ApiTypeError, "must be mappings"),
        ({}, [("A", "B")], ApiTypeError, "must be mappings"),
        ({1: "v"}, {}, ApiTypeError, "a key must be a str, not int"),
        ({"A": 1}, {}, ApiTypeError, "value of 'A' must be a str, a SecretStr or a SecretRequest, not int"),
        ({"A": SecretRequest(key="B")}, {}, ApiValueError, "under 'A' has another key, 'B'"),
        ({"A": "v", "B": "v"}, {"B": "C", "A": "C"}, ApiValueError, "A, B cannot be a secret and an alias"),
        ({}, {"A": 1}, ApiTypeError, "the alias 'A'"),
        ({}, {1: "A"}, ApiTypeError, "the alias 1"),
    ],
)
def test_read__invalid(values: Any, aliases: Any, error: type[Exception], message: str) -> None:
    """An invalid desired state is an error that names the key, before anything is sent."""
    with pytest.raises(error, match=message):
        Desired.read(values, aliases)


def test_read__values_aliases_and_rules() -> None:
    """Each way to write a value becomes a request; aliases and rules are kept."""
    a_file = SecretRequest(key="FILE", value="c", mount_path="/c")
    desired = Desired.read({"TEXT": "a", "MASKED": SecretStr("b"), "FILE": a_file}, {"ALIAS": "TEXT"}, prune=True)
    assert desired.values == {
        "TEXT": SecretRequest(key="TEXT", value="a"),
        "MASKED": SecretRequest(key="MASKED", value="b"),
        "FILE": a_file,
    }
    assert desired.aliases == {"ALIAS": "TEXT"}
    assert (desired.prune, desired.replace) == (True, False)


@pytest.mark.parametrize("key", ["A", "a1_", "QOVERY", "QOVERYX", "MY_QOVERY_KEY"])
def test_key__accepted(key: str) -> None:
    """A key of letters, digits and underscores has no problem."""
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "A-B", "A B", "É", "A\n"])
def test_key__characters(key: str) -> None:
    """A key with other characters is rejected, and is no key at all."""
    assert "letters, digits and _" in str(key_problem(key))
    assert character_problem(key) == key_problem(key)


@pytest.mark.parametrize("key", ["1A", "_A", "_JAVA_OPTIONS", "__A"])
def test_key__start(key: str) -> None:
    """A new key that does not start with a letter is rejected; a secret may have it already."""
    assert "starts with a letter" in str(key_problem(key))
    assert character_problem(key) is None


@pytest.mark.parametrize(("values", "aliases", "rules"), [
    ({"A": "v"}, {}, {"prune": True}), ({}, {"A": "B"}, {"prune": True}), ({}, {}, {}),
    ({}, {}, {"prune": True, "allow_empty": True}),
])  # fmt: skip
def test_read__empty_allowed(values: dict[str, str], aliases: dict[str, str], rules: dict[str, bool]) -> None:
    """Only an empty desired state that would delete everything needs consent."""
    assert Desired.read(values, aliases, **rules).values.keys() == values.keys()


@pytest.mark.parametrize("aliases", [{}, None])
def test_read__empty(aliases: dict[str, str] | None) -> None:
    """An empty desired state does not delete everything by mistake; the error says how to allow it."""
    with pytest.raises(ApiValueError, match=r"would delete all secrets.*: pass allow_empty=True"):
        Desired.read({}, aliases, prune=True)


@pytest.mark.parametrize("key", ["QOVERY_", "QOVERY_X", "qovery_x"])
def test_key__reserved(key: str) -> None:
    """The prefix of the service's own keys is reserved in any case."""
    assert "reserved" in str(key_problem(key))

"""The desired state: secrets, aliases, renames, policies and rules."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from qovery import ApiTypeError, ApiValueError, SecretRequest
from qovery.sync.desired import Desired, character_problem, key_problem


@pytest.mark.parametrize(
    ("values", "aliases", "error", "message"),
    [
        ([("A", "v")], {}, ApiTypeError, "secrets must be a mapping"),
        ({}, [("A", "B")], ApiTypeError, "aliases must be a mapping"),
        ({1: "v"}, {}, ApiTypeError, "a key must be a str, not int"),
        ({"A": 1}, {}, ApiTypeError, "value of 'A' must be a str, .*, KEEP or a callable, not int"),
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


@pytest.mark.parametrize(
    ("values", "rules", "error", "message"),
    [
        ({"A": "v"}, {"renames": {"A": "B"}}, ApiValueError, "A cannot be both renamed and desired"),
        ({}, {"renames": {"A": "B", "B": "C"}}, ApiValueError, "B cannot be both renamed and desired"),
        ({}, {"renames": {"A": "A"}}, ApiValueError, "A cannot be both renamed and desired"),
        ({}, {"renames": {"A": "C", "B": "C"}}, ApiValueError, "several keys are renamed to C"),
        ({}, {"renames": {"A": 1}}, ApiTypeError, "the rename 'A' must map a key to a key"),
        ({}, {"renames": [("A", "B")]}, ApiTypeError, "renames must be a mapping"),
        ({"A": "v"}, {"existing": "overwrite"}, ApiValueError, "existing must be 'update', 'keep', 'fail', not 'over"),
        ({"A": "v"}, {"existing": None}, ApiValueError, "existing must be 'update', 'keep', 'fail', not None"),
        ({"A": "v"}, {"existing": {"A": "no"}}, ApiValueError, "existing must be .*, not 'no'"),
        ({"A": "v"}, {"existing": {"a": "keep"}}, ApiValueError, "existing names keys that are not desired: a"),
        ({"A": str}, {}, ApiValueError, "'A' is a callable, .*: pass existing='keep' or existing={'A': 'keep'}"),
        ({"A": str}, {"existing": {"A": "update"}}, ApiValueError, "'A' is a callable"),
        ({}, {"prune_prefix": "X"}, ApiValueError, "needs prune=True"),
        ({"A": "v"}, {"prune_prefix": "", "prune": True}, ApiValueError, "and a prefix"),
        ({"A": "v"}, {"prune_prefix": (), "prune": True}, ApiValueError, "and a prefix"),
        ({"A": "v"}, {"prune_prefix": 1, "prune": True}, ApiTypeError, "must be a str or a tuple of them, not int"),
    ],
)
def test_read__invalid_rules(values: Any, rules: Any, error: type[Exception], message: str) -> None:
    """Rules that contradict the desired state, or each other, are errors that say what to pass."""
    with pytest.raises(error, match=message):
        Desired.read(values, **rules)


def test_read__values_aliases_and_rules() -> None:
    """Each form of a value becomes a request; aliases and rules are kept."""
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
    """A key of letters, digits and underscores is accepted."""
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "A-B", "A B", "É", "A\n"])
def test_key__characters(key: str) -> None:
    """A key with other characters is rejected, even as the key of an existing secret."""
    assert "letters, digits and _" in str(key_problem(key))
    assert character_problem(key) == key_problem(key)


@pytest.mark.parametrize("key", ["1A", "_A", "_JAVA_OPTIONS", "__A"])
def test_key__start(key: str) -> None:
    """A new key that does not start with a letter is rejected; an existing secret may have such a key."""
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
    """An empty desired state that would delete everything is an error that says how to allow it."""
    with pytest.raises(ApiValueError, match=r"would delete all secrets.*: pass allow_empty=True"):
        Desired.read({}, aliases, prune=True)


@pytest.mark.parametrize("key", ["QOVERY_", "QOVERY_X", "qovery_x"])
def test_key__reserved(key: str) -> None:
    """The prefix of the service's own keys is reserved, in upper and lower case."""
    assert "reserved" in str(key_problem(key))


@pytest.mark.parametrize(
    ("allow", "error", "message"),
    [
        ({"SMTP_PASWORD": {"empty"}}, ApiValueError, "not a desired secret; did you mean 'SMTP_PASSWORD'?"),
        ({"ALIAS": {"empty"}}, ApiValueError, "'ALIAS', which is not a desired secret$"),
        ({1: {"empty"}}, ApiValueError, "has the key 1"),
        ({"SMTP_PASSWORD": {"whitespaces"}}, ApiValueError, "did you mean 'whitespace'?"),
        ({"SMTP_PASSWORD": {"*"}}, ApiValueError, "the rules are empty, blank, whitespace, masked"),
        ({"SMTP_PASSWORD": [["empty"]]}, ApiValueError, "is not a rule"),
        ({"SMTP_PASSWORD": "empty"}, ApiTypeError, "must be a set of rules"),
        ({"SMTP_PASSWORD": None}, ApiTypeError, "must be a set of rules"),
        ({"empty"}, ApiTypeError, "must be a mapping of keys to sets of rules"),
        ([], ApiTypeError, "must be a mapping of keys to sets of rules"),
    ],
)
def test_allow__invalid(allow: Any, error: type[Exception], message: str) -> None:
    """An unknown key or rule is an error that suggests the nearest name."""
    with pytest.raises(error, match=message.replace("?", r"\?")):
        Desired.read({"SMTP_PASSWORD": ""}, {"ALIAS": "SMTP_PASSWORD"}, allow=allow)


def test_objections__per_key() -> None:
    """Only the rules that are not allowed for a key are objections; files and requests are checked too."""
    values = {
        "A": " ${A} ",
        "B": " ${B} ",
        "C": SecretStr(""),
        "FILE": SecretRequest(key="FILE", value='"content"\n', mount_path="/f"),
        "BROKEN": SecretRequest(key="BROKEN", value="${F}\n", mount_path="/f"),
        "NONE": SecretRequest(key="NONE", description="only a description"),
    }
    desired = Desired.read(values, None, allow={"A": ["whitespace", "variable"], "B": {"variable"}, "FILE": ()})
    assert {key: reason.partition(" (")[0] for key, reason in desired.objections.items()} == {
        "B": "the value starts with white space",
        "C": "the value is empty",
        "BROKEN": "the value has a variable that was not expanded",
    }
    assert 'allow={"B": {"whitespace"}}' in desired.objections["B"]


def test_made__value_of_a_callable() -> None:
    """A callable makes the request for its key; its value is checked like any other, with the rules of the key."""
    desired = Desired.read({"A": lambda: SecretStr("v"), "B": lambda: " v"}, existing="keep", allow={"A": {"quotes"}})
    assert desired.made("A") == SecretRequest(key="A", value="v")
    with pytest.raises(ApiValueError, match=r"the callable for 'B' .* white space"):
        desired.made("B")
    allowed = Desired.read({"B": lambda: " v"}, existing="keep", allow={"B": {"whitespace"}})
    assert allowed.made("B") == SecretRequest(key="B", value=" v")
    with pytest.raises(ApiTypeError, match="the callable for 'C' must return a str or a SecretStr, not int"):
        Desired.read({"C": lambda: 1}, existing={"C": "keep"}).made("C")


def test_policy__by_key() -> None:
    """A key without a policy of its own has the default one."""
    desired = Desired.read({"A": "v", "B": "v"}, existing={"A": "fail"})
    assert (desired.policy("A"), desired.policy("B")) == ("fail", "update")
    assert Desired.read({"A": "v"}, existing="keep").policy("A") == "keep"

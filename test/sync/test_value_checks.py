"""The rules for values, on realistic values and on mistakes."""

from __future__ import annotations

import sys

import pytest

from qovery import ApiValueError, EnvironmentSecretApi, PlanConflictError
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets
from qovery.sync.value_checks import BLANK, RULES, ValueRule, value_problems
from test.support.values import MISTAKEN, REALISTIC

A_MEGABYTE = 2**20


def test_realistic_values__have_no_problem() -> None:
    """None of many realistic values breaks a rule, as a value or as a file."""
    assert len(set(REALISTIC)) >= 300
    assert [(key, problems) for key, value in REALISTIC if (problems := value_problems(key, value))] == []
    assert [key for key, value in REALISTIC if value_problems(key, f"{value}\n", is_file=True)] == []


@pytest.mark.parametrize("rule", RULES)
def test_mistakes__break_one_rule(rule: ValueRule) -> None:
    """Each mistake breaks exactly one rule, and the message does not contain the value."""
    for key, value in MISTAKEN[rule]:
        problems = value_problems(key, value)
        assert list(problems) == [rule], (key, value)
        assert len(value) < 12 or value not in problems[rule]


def test_mistakes__in_files() -> None:
    """In a file, white space, quotes and the form of a URL do not matter; the other rules apply."""
    for rule, cases in MISTAKEN.items():
        expected = [] if rule in {"whitespace", "quotes", "url"} else [rule]
        assert {tuple(value_problems(key, value, is_file=True)) for key, value in cases} == {tuple(expected)}


def test_mistakes__with_white_space() -> None:
    """White space around a value does not hide another mistake."""
    for rule in ("masked", "placeholder", "quotes", "variable", "pem", "url"):
        for key, value in MISTAKEN[rule]:
            found = set(value_problems(key, f" {value}\n"))
            assert found == {"whitespace", rule} - ({"url"} if rule == "url" else set()), (key, value)


def test_blank__has_all_white_space() -> None:
    """Every character for which `str.isspace` is true is white space."""
    assert {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()} <= set(BLANK)


@pytest.mark.parametrize("length", [80, 2000, A_MEGABYTE], ids=["placeholder", "whole value", "megabyte"])
@pytest.mark.parametrize(
    "piece",
    ["\\", '"', "'", " ", "\n", "*", "x", "$", "{{", "${", "://", "a://:", "-----BEGIN A-----\n", "-----BEGIN ", "_",
     "your_", "add_", "change_me", "<", "[", "-----END A-----", "=", "\u200b", "\ud800", "\0", "🔑"],
)  # fmt: skip
def test_hostile_values__take_linear_time(piece: str, length: int) -> None:
    """The check of a value takes linear time: a pattern that backtracks would not end."""
    for value in (piece * (length // len(piece)), f'"{piece * ((length - 2) // len(piece))}"'):
        for key in ("API_URL", "A_" * 1000):
            value_problems(key, value)


def test_plan__value_that_breaks_a_rule(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A value that breaks a rule is not written unless the rule is allowed; then it is written unchanged."""
    sandbox.add_secret(env, "OWN", "old")
    values = {"OWN": "canary\n", "NEW": "${CANARY}", "GOOD": "v"}
    plan = plan_secrets(api, env, values)
    assert [action.key for action in plan.conflicts] == ["OWN", "NEW"]
    with pytest.raises(PlanConflictError, match="OWN, NEW") as caught:
        plan.apply()
    assert "canary" not in f"{plan}{plan!r}{caught.value}{caught.value!r}".lower()
    assert {request.method for request in sandbox.requests} == {"GET"}
    assert plan.apply(skip_conflicts=True).complete
    assert (sandbox.value(env, "OWN"), sandbox.value(env, "GOOD")) == ("old", "v")
    plan_secrets(api, env, values, allow={"OWN": {"whitespace"}, "NEW": ["variable"]}).apply().raise_for_failures()
    assert (sandbox.value(env, "OWN"), sandbox.value(env, "NEW")) == ("canary\n", "${CANARY}")


def test_plan__unknown_rule(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """An unknown rule is an error before anything is sent."""
    with pytest.raises(ApiValueError, match="did you mean 'whitespace'"):
        plan_secrets(api, env, {"A": "v"}, allow={"A": {"whitespaces"}})  # type: ignore[dict-item]
    assert sandbox.requests == []

"""Failing assertions about objects that hold secrets, in a separate pytest process."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.support.pytest_run import run_pytest

#: `CANARY` is joined so that no source line contains it.
PROLOGUE = """
from qovery import ApiClient, Configuration, EnvironmentSecretApi, SecretEditRequest, SecretRequest

CANARY = "".join(["can", "ary"])

def configuration(token=CANARY, **more):
    return Configuration(
        host="http://127.0.0.1:1", access_token=token, api_key={"ApiKeyAuth": token, **more}, proxy_headers={"X": token}
    )

def another():
    return configuration(CANARY + "2")

def more():
    return configuration(CANARY + "2", More=CANARY)

def client():
    return ApiClient(configuration(), "X", CANARY)

def edit():
    return SecretEditRequest(key="A", value=CANARY)

def request(value=CANARY):
    return SecretRequest(key="A", value=value)

"""

ASSERTIONS = {
    "mapping and literal": "configuration().api_key == {'ApiKeyAuth': 'other'}",
    "literal and mapping": "{'ApiKeyAuth': 'other', 'B': 'c'} == configuration().api_key",
    "mappings": "configuration().api_key == more().api_key",
    "auth_settings": "configuration().auth_settings() == another().auth_settings()",
    "one of auth_settings": "configuration().auth_settings()['bearerAuth'] == {'value': 'other', 'type': 'bearer'}",
    "vars": "vars(configuration()) == vars(another())",
    "configurations": "configuration() == another()",
    "headers": "client().default_headers == {'X': 'other'}",
    "requests": "request() == request('other')",
    "requests of two kinds": "request() == edit()",
    "request and None": "request() == None",
    "vars of requests": "vars(request()) == vars(request('other'))",
    "lists": "[request(), request()] == [request('other')]",
    "mappings in a list": "[configuration().api_key] == [{'ApiKeyAuth': 'other'}]",
    "mappings in a mapping": "{'a': configuration().api_key} == {'a': {'ApiKeyAuth': 'other'}}",
    "items": "list(configuration().api_key.items()) == [('ApiKeyAuth', 'other')]",
    "values": "set(configuration().api_key.values()) == {'other'}",
    "in": "'B' in configuration().api_key",
    "not equal": "configuration().api_key != configuration().api_key",
    "less": "not configuration().api_key",
    "snapshots": "configuration()._snapshot() == another()._snapshot()",
}


@pytest.mark.parametrize("verbose", ["-q", "-vv"])
def test_assertion__shows_no_secret(tmp_path: Path, verbose: str) -> None:
    """Neither the explanation of a failure nor the locals printed by `--showlocals` contain a value."""
    tests = [
        f"def test_{at}():\n    here, api = configuration(), EnvironmentSecretApi(ApiClient(configuration()))\n"
        f"    mine = [request(), here.api_key]\n    assert {text}\n"
        for at, text in enumerate(ASSERTIONS.values())
    ]
    (tmp_path / "test_it.py").write_text(PROLOGUE + "\n".join(tests))
    outcomes, printed = run_pytest(verbose, "--showlocals", folder=tmp_path)
    assert outcomes == {"failed": len(ASSERTIONS)}, printed
    assert "canary" not in printed
    for line in (
        "different values: ApiKeyAuth",
        "only on the left: B",
        "only on the right: More",
        "different values: value",
    ):
        assert line in printed


def test_assertion__shows_a_planted_secret(tmp_path: Path) -> None:
    """The same run shows the secret of a plain mapping."""
    (tmp_path / "test_it.py").write_text(PROLOGUE + "def test_it():\n    assert {'a': CANARY} == {'a': 'b'}\n")
    outcomes, printed = run_pytest("-q", folder=tmp_path)
    assert outcomes == {"failed": 1}
    assert "canary" in printed

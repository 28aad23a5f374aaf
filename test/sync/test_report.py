"""Reports and their errors show what failed, and no value."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from IPython.lib.pretty import pretty

from qovery import (
    ApiClient,
    ApiTypeError,
    ApplyError,
    BadRequestException,
    Configuration,
    EnvironmentSecretApi,
    MissingExtraError,
)
from qovery.sandbox import Sandbox
from qovery.sync import compare_secrets, plan_secrets, read_dotenv
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, respond

CANARY = "canary-<value>"


def test_apply__bar_and_failures(
    api: EnvironmentSecretApi, sandbox: Sandbox, env: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The bar counts what is done and what failed; the errors come together; tables and bar show no value."""
    sandbox.fail("create_environment_secret", status=400)
    plan = plan_secrets(api, env, {"A": CANARY, "B": CANARY})
    report = plan.apply(max_workers=1, progress=True)
    assert (len(report.succeeded), len(report.failed)) == (1, 1)
    with pytest.raises(ApplyError, match="1 of 2 actions failed") as caught:
        report.raise_for_failures()
    bar = capfd.readouterr().err
    assert "2/2" in bar
    assert "failed=1" in bar
    shown = [bar, str(caught.value)]
    for thing in (plan, report, api.list_environment_secrets(env)):
        shown += [str(thing), repr(thing), thing._repr_html_()]
        shown.append(pretty(thing))
        assert shown[-1] == str(thing)
        assert "<table" in thing._repr_html_()
    shown += [repr(plan.actions), repr(report.results), repr(vars(plan)), repr(caught.value)]
    assert "canary" not in "".join(shown)


def test_apply__error_with_an_echo(connect: Connect, env: str) -> None:
    """A refusal that repeats the value shows it neither in the report nor in what it raises."""
    echo = http_response(400, json.dumps({"detail": f"{CANARY} is no good"}))
    script = list(respond(*[http_response(200, '{"results": []}')] * 2, echo))
    with HostileServer(script) as server:
        report = plan_secrets(connect(server), env, {"A": CANARY}).apply()
        assert CANARY in server.requests[2].decode()
    (failure,) = report.failed
    assert isinstance(failure.error, BadRequestException)
    with pytest.raises(ApplyError) as caught:
        report.raise_for_failures()
    shown = f"{report}{report!r}{report.results}{report._repr_html_()}{caught.value}{caught.value!r}"
    assert "is no good" in shown
    assert "canary" not in shown + repr(vars(failure.error))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before there were groups of exceptions")
def test_apply_error__is_a_group(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """The failures of one class can be told from the others."""
    sandbox.fail("create_environment_secret", status=400)
    sandbox.fail("create_environment_secret", status=403)
    with pytest.raises(ExceptionGroup) as caught:  # noqa: F821 - a builtin there
        plan_secrets(api, env, {"A": "v", "B": "v"}).apply(max_workers=1).raise_for_failures()
    refused, rest = caught.value.split(BadRequestException)
    assert isinstance(refused, ApplyError)
    assert [error.status for error in refused.exceptions] == [400]
    assert [error.status for error in rest.exceptions] == [403]


@pytest.mark.parametrize("wrong", [ApiClient(Configuration()), Configuration(), None, EnvironmentSecretApi])
def test_plan__of_something_else(wrong: Any) -> None:
    """A plan or a comparison needs an `EnvironmentSecretApi`, and says how to make one of a client."""
    for use in (lambda: plan_secrets(wrong, "e", {}), lambda: compare_secrets(wrong, "e", "f")):
        with pytest.raises(ApiTypeError, match=r"must be an EnvironmentSecretApi, .*EnvironmentSecretApi\(client\)"):
            use()


def test_extras__missing(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs a library that is not installed says how to get it; a bar, before anything is sent."""
    for module in ("dotenv.parser", "tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"needs the extra `sync`: pip install"):
        read_dotenv(io.StringIO("A=b"))
    plan = plan_secrets(api, env, {"A": "v"})
    with pytest.raises(MissingExtraError, match=r"needs the extra `sync`: pip install"):
        plan.apply(progress=True)
    assert len(sandbox.requests) == 1

"""What a user of sync sees: a `.env` that is read, a bar, tables, and errors; never a value."""

from __future__ import annotations

import io
import json
import pickle
import sys
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty

from qovery import (
    ApiClient,
    ApplyError,
    BadRequestException,
    Configuration,
    DotenvError,
    EnvironmentSecretApi,
    MissingExtraError,
)  # fmt: skip
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets, read_dotenv
from test.misbehaving import Misbehaving, answer, answers

CANARY = "canary-<value>"


def test_read_dotenv__values(tmp_path: Path) -> None:
    """Comments, quotes, `export` and empty values are read, and nothing is interpolated."""
    file = tmp_path / ".env"
    file.write_text(f"# a comment\nexport A={CANARY}\n\nB='two words'\nC=\nD=${{A}}\n", encoding="utf-8")
    for source in (file, str(file), io.StringIO(file.read_text(encoding="utf-8"))):
        read = read_dotenv(source)
        values = {key: value.get_secret_value() for key, value in read.items()}
        assert values == {"A": CANARY, "B": "two words", "C": "", "D": "${A}"}
        assert CANARY not in repr(read)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b"", 1, "no secret"),
        (b"# nothing\n", 1, "no secret"),
        (b"A=canary\n\nA=canary\n", 3, "line 1 again"),
        (b"A=b\ncanary\n", 2, "without a value"),
        (b"A=b\n'canary\n", 2, "no KEY=value"),
        (b"QOVERY_A=canary\n", 1, "QOVERY_"),
        (b"A=canary\xff\n", 1, "UTF-8"),
    ],
)
def test_read_dotenv__mistakes(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    """A mistake is named by its line, without what stands there."""
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(DotenvError, match=said) as caught:
        read_dotenv(file)
    assert caught.value.problems[0][0] == line
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


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


def test_apply__own_progress(api: EnvironmentSecretApi, env: str) -> None:
    """Any callable hears of every action."""
    heard: list[tuple[int, int, str]] = []
    plan = plan_secrets(api, env, {"A": CANARY})
    plan.apply(progress=lambda done, total, result: heard.append((done, total, result.key))).raise_for_failures()
    assert heard == [(1, 1, "A")]


def test_apply__quiet(api: EnvironmentSecretApi, sandbox: Sandbox, env: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Unless it is asked for, nothing is printed, whatever happens; a bar without failures counts none."""
    sandbox.fail("create_environment_secret", status=400)
    plan = plan_secrets(api, env, {"A": CANARY, "B": CANARY}, aliases={"C": "A", "D": "B"})
    assert plan.apply().failed
    assert tuple(capfd.readouterr()) == ("", "")
    plan.apply(progress=True).raise_for_failures()
    out, bar = capfd.readouterr()
    assert (out, "4/4" in bar, "failed" in bar) == ("", True, False)


def test_apply__error_with_an_echo(env: str) -> None:
    """A refusal that repeats the value shows it neither in the report nor in what it raises."""
    echo = answer(400, json.dumps({"detail": f"{CANARY} is no good"}))
    script = list(answers(*[answer(200, '{"results": []}')] * 2, echo))
    with (
        Misbehaving(script) as server,
        ApiClient(Configuration(host=server.url, access_token="a-token")) as client,
    ):
        report = plan_secrets(EnvironmentSecretApi(client), env, {"A": CANARY}).apply()
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


def test_extras__missing(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs a library that is not installed says how to get it; a bar, before anything is sent."""
    for module in ("dotenv.parser", "tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"qovery\[sync\]"):
        read_dotenv(io.StringIO("A=b"))
    plan = plan_secrets(api, env, {"A": "v"})
    with pytest.raises(MissingExtraError, match=r"qovery\[sync\]"):
        plan.apply(progress=True)
    assert len(sandbox.requests) == 1

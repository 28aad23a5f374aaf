"""What a user of sync sees: a `.env` that is read, a bar, tables, and errors; never a value."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty

from qovery import ApplyError, DotenvError, EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets, read_dotenv

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
    assert "canary" not in "".join(shown)


def test_apply__own_progress(api: EnvironmentSecretApi, env: str) -> None:
    """Any callable hears of every action."""
    heard: list[tuple[int, int, str]] = []
    plan = plan_secrets(api, env, {"A": CANARY})
    plan.apply(progress=lambda done, total, result: heard.append((done, total, result.key))).raise_for_failures()
    assert heard == [(1, 1, "A")]

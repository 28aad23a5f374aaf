"""`doctor`: checks of the URL, the token and the environment."""

from __future__ import annotations

import pytest

from qovery.sandbox import Sandbox
from test.support.commands import CANARY, Done, Run
from test.support.hostile import HostileServer, http_response, read, reset, send


def states(done: Done) -> list[str]:
    """The state of each line."""
    assert done.err == ""
    found = [line.split()[0] for line in done.out.splitlines()]
    assert done.status == (0 if set(found) == {"ok"} else 1)
    return found


def test_doctor__all_is_well(set_up: Sandbox, env: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check prints one line with its result; the token is not shown."""
    monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
    done = run("doctor")
    assert states(done) == ["ok"] * 3
    assert done.out.splitlines() == [
        f"ok    URL          {set_up.url}",
        "ok    token        QOVERY_API_TOKEN was accepted",
        f"ok    environment  {env} can be listed",
    ]


def test_doctor__token(set_up: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a rejected token the output names its variable; for a missing token, the variable to set."""
    set_up.revoke(CANARY)
    monkeypatch.delenv("QOVERY_API_TOKEN")
    monkeypatch.setenv("Q_CLI_ACCESS_TOKEN", CANARY)
    done = run("doctor")
    assert states(done) == ["ok", "FAIL", "-"]
    assert "Q_CLI_ACCESS_TOKEN was rejected: list_environment_secrets failed: 401" in done.out
    monkeypatch.delenv("Q_CLI_ACCESS_TOKEN")
    done = run("doctor")
    assert states(done) == ["ok", "FAIL", "-"]
    assert "Set QOVERY_API_TOKEN" in done.out


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("5a9d0bfa-0000-4000-8000-00000000dead", "The id is wrong, or the token may not see it"),
        ("a/b", "The id is wrong, or the token may not see it"),
        ("..", "must be an id"),
        ("", "Set QOVERY_ENVIRONMENT_ID, or pass --environment ID"),
    ],
)
@pytest.mark.usefixtures("set_up")
def test_doctor__environment(run: Run, environment: str, message: str) -> None:
    """A wrong id, for which the service may return 403 or 404, is not reported as a wrong token."""
    done = run("doctor", "--environment", environment)
    assert states(done) == ["ok", "ok", "FAIL"]
    assert message in done.out


def test_doctor__service_with_a_problem(set_up: Sandbox, run: Run) -> None:
    """A check that could not run is not reported as a failure."""
    set_up.fail("list_environment_secrets", status=500, times=None)
    assert states(run("doctor")) == ["FAIL", "-", "-"]
    set_up.reset()
    set_up.fail("list_environment_secrets", status=429, retry_after=3600, times=None)
    done = run("doctor", "--environment", "e")
    assert states(done) == ["FAIL", "-", "-"]
    assert "429 Too Many Requests" in done.out
    assert "try again later" in done.out


PAGE = http_response(404, "<html>no API</html>", "Content-Type: text/html")
MOVED = http_response(301, "", "Location: https://elsewhere.test/")
OTHER = http_response(200, "<html>welcome</html>", "Content-Type: text/html")


@pytest.mark.parametrize("response", [PAGE, MOVED, OTHER], ids=["404", "redirect", "page"])
def test_doctor__other_server(run: Run, monkeypatch: pytest.MonkeyPatch, response: bytes) -> None:
    """A server that is not the API is reported as a wrong URL, not as a wrong token."""
    with HostileServer([read, send(response)]) as server:
        monkeypatch.setenv("QOVERY_API_URL", server.url)
        monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
        done = run("doctor", "--environment", "e")
    assert states(done) == ["FAIL", "-", "-"]
    assert "A server other than the API responded; check QOVERY_API_URL" in done.out


def test_doctor__connection(run: Run, monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    """A host that is unreachable or drops connections is named."""
    monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
    with HostileServer([read, reset]) as server:
        for url in (nowhere, server.url):
            monkeypatch.setenv("QOVERY_API_URL", url)
            done = run("doctor", "--environment", "e")
            assert states(done) == ["FAIL", "-", "-"]
            assert f"URL          {url}: " in done.out


def test_doctor__proxy(run: Run, monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    """A proxy is mentioned without its credentials."""
    monkeypatch.setenv("QOVERY_API_TOKEN", "a-token")
    monkeypatch.setenv("https_proxy", nowhere.replace("//", f"//user:{CANARY}@"))
    done = run("doctor", "--environment", "e")
    assert states(done) == ["FAIL", "-", "-"]
    assert "https://api.qovery.com, through the proxy of the environment variables: " in done.out


def test_doctor__token_that_cannot_be_sent(run: Run, monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    """For a token that cannot be a header value, the output names its variable."""
    monkeypatch.setenv("QOVERY_API_URL", nowhere)
    monkeypatch.setenv("QOVERY_API_TOKEN", f"{CANARY}\n{CANARY}")
    done = run("doctor", "--environment", "e")
    assert states(done) == ["FAIL"]
    assert "Check QOVERY_API_URL, QOVERY_API_TOKEN" in done.out


@pytest.mark.parametrize("url", ["nonsense", "ftp://a", "http://", f"https://user:{CANARY}@a"])
def test_doctor__settings(run: Run, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """An invalid URL is reported in one line."""
    monkeypatch.setenv("QOVERY_API_URL", url)
    done = run("doctor")
    assert states(done) == ["FAIL"]
    assert "QOVERY_API_URL" in done.out

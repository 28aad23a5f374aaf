"""The status page at `/` in Debian's chromium, driven by selenium. Skipped if they are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qovery import EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS, Behaviour
from test.support import NIGHTLY, wait_until
from test.support.browser import available, chromium, color_scheme, sized

pytestmark = pytest.mark.skipif(not available(), reason="needs selenium, chromium and chromedriver")


@pytest.fixture(params=BEHAVIOURS if NIGHTLY else ["documented"])
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    """One behaviour, because the page is the same in both."""
    return request.param  # type: ignore[no-any-return]  # one of the two


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def opened(browser: Any, sandbox: Sandbox) -> Any:
    browser.set_window_size(1200, 900)
    color_scheme(browser, "light")
    browser.get(sandbox.url)
    return browser


def text(browser: Any) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def test_page__follows_a_new_secret(opened: Any, api: EnvironmentSecretApi, env: str) -> None:
    """A new secret appears without a reload, with its value masked, and a deleted one disappears."""
    opened.execute_script("window.loaded = 'once'")
    assert "STRIPE" not in text(opened)
    secret = api.create_environment_secret(env, {"key": "STRIPE", "value": "canary-value"})
    wait_until(lambda: "STRIPE" in text(opened))
    assert "**********" in text(opened)
    assert "canary-value" not in opened.page_source
    api.delete_environment_secret(env, secret.id)
    wait_until(lambda: f"DELETE /environment/{env}/secret/{secret.id}" in text(opened))
    assert "STRIPE" not in text(opened)
    assert opened.execute_script("return window.loaded") == "once"


def test_page__escapes(opened: Any, sandbox: Sandbox, env: str) -> None:
    """Foreign text is shown as text: no injected script runs, not even one that appears later."""
    sandbox.add_secret(env, "<img src=x onerror=window.hit=1>", description="<script>window.hit=1</script>")
    wait_until(lambda: "<script>window.hit=1</script>" in text(opened))
    assert opened.execute_script("return window.hit") is None
    assert opened.execute_script("return document.querySelectorAll('main img, main script').length") == 0


def test_page__logs_no_error(opened: Any) -> None:
    """The page does not violate its own content security policy, and nothing fails to load."""
    wait_until(lambda: opened.execute_script("return document.readyState") == "complete")
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_page__narrow(opened: Any, sandbox: Sandbox, env: str, tmp_path: Path) -> None:
    """At 390 pixels the page itself does not scroll sideways; a wide table scrolls in its own box."""
    sandbox.add_secret(env, "A_KEY_THAT_IS_MUCH_LONGER_THAN_ONE_LINE_OF_A_TELEPHONE_" * 3)
    with sized(opened, 390):
        opened.get(sandbox.url)
        assert opened.execute_script("return document.documentElement.scrollWidth") == 390


def test_page__dark(opened: Any) -> None:
    """The dark color scheme swaps the colours of text and background, and stays readable."""

    def brightness() -> tuple[int, int]:
        script = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        ink, paper = (
            sum(map(int, color.partition("(")[2].rstrip(")").split(",")[:3])) for color in opened.execute_script(script)
        )
        return ink, paper

    ink, paper = brightness()
    assert paper - ink > 400
    color_scheme(opened, "dark")
    ink, paper = brightness()
    assert ink - paper > 400

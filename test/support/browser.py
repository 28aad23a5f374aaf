"""A real browser: Debian's chromium, or Chrome, driven by selenium."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from test.support import PATIENCE

BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")

#: No sandbox, because tests may run as root, and no traffic to the browser's own services.
FLAGS = (  # noqa: SIM905 - readable
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage --no-proxy-server"
).split()


def available() -> bool:
    return bool(BROWSER and DRIVER and importlib.util.find_spec("selenium"))


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser with its own profile."""
    from selenium import webdriver  # a slow import that few tests need

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER or ""
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
        try:
            driver.set_page_load_timeout(PATIENCE)
            yield driver
        finally:
            driver.quit()


@contextlib.contextmanager
def sized(browser: Any, width: int, height: int = 844) -> Iterator[None]:
    """Set the viewport width, also below the minimum width of a window (about 500 pixels)."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def color_scheme(browser: Any, scheme: str) -> None:
    """Emulate the color scheme `light` or `dark`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

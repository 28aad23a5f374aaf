"""`python -m test.tools.check_site DIR [--screenshots DIR]`: open every page of the built site in a browser.

Each page is opened at 1280 and at 390 pixels, light and dark. A page must not scroll sideways, load anything from
another server, lack a picture or log an error. The search must find the terms that readers type.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from test.support import wait_until
from test.support.browser import available, chromium, color_scheme, sized

#: What readers type into the search box.
TERMS = (
    "idempotent",
    "backoff",
    "jitter",
    "retry policy",
    "deadline",
    "timeout",
    "rate limit",
    "dry run",
    "drift",
    "mock server",
    "fault injection",
    "connection pool",
    "thread-safe",
    "drop-in replacement",
    "troubleshooting",
)

WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES = ("light", "dark")

#: The maximum height of a screenshot, in pixels.
TALLEST = 4000

#: Checks of a page: how far it scrolls sideways, resources from other servers, and missing pictures.
FACTS = """
return {
  "scrolls sideways by": document.scrollingElement.scrollWidth
    - Math.min(arguments[0], document.documentElement.clientWidth),
  "loads from elsewhere": performance.getEntriesByType("resource").map(one => one.name)
    .filter(name => new URL(name).host != location.host && !name.startsWith("data:")),
  "lacks pictures": [...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.src),
}
"""

#: Features of the first page, present once its scripts have run and a search has finished.
FEATURES = {
    "tabs": "nav.md-tabs a",
    "sidebar": ".md-sidebar--primary a",
    "copy buttons": ".highlight [data-clipboard-target], .highlight .md-code__button",
    "toggle of the color scheme": "label[for^=__palette]",
    "search results": ".md-search-result__item",
}

SEARCH = """
const box = document.querySelector("[data-md-component=search-query]");
if (box) {
  box.focus();
  box.value = arguments[0];
  box.dispatchEvent(new Event("keyup", {bubbles: true}));
}
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Do not log."""


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve the site on loopback; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def not_found(site: Path) -> list[str]:
    """The terms that the search does not find."""
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    text = "\n".join(f"{entry['title']}\n{entry['text']}" for entry in index["docs"]).casefold()
    return [term for term in TERMS if term not in text]


def faults(browser: Any, width: int) -> Iterator[str]:
    """The faults of the page that is open."""
    wait_until(lambda: browser.execute_script("return document.readyState") == "complete")
    yield from (f"{name} {fact}" for name, fact in browser.execute_script(FACTS, width).items() if fact)
    yield from (f"logs {entry['message']}" for entry in browser.get_log("browser") if entry["level"] == "SEVERE")


def photograph(browser: Any, file: Path, width: int) -> None:
    height = min(TALLEST, browser.execute_script("return document.scrollingElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    picture = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(base64.b64decode(picture["data"]))


def missing_features(browser: Any, url: str) -> Iterator[str]:
    """The features that are missing from the first page."""
    browser.get(f"{url}/index.html")
    browser.execute_script(SEARCH, "timeout")
    for name, selector in FEATURES.items():
        try:
            wait_until(lambda selector=selector: browser.find_elements("css selector", selector))
        except AssertionError:
            yield name


def check(site: Path, screenshots: Path | None) -> Iterator[str]:
    """The faults of the site."""
    yield from (f"search: no page has {term!r}" for term in not_found(site))
    with chromium() as browser, served(site) as url:
        yield from (f"index.html: no {feature}" for feature in missing_features(browser, url))
        for name, width in WIDTHS.items():
            with sized(browser, width):
                for scheme in SCHEMES:
                    color_scheme(browser, scheme)
                    for page in sorted(site.rglob("*.html")):
                        path = page.relative_to(site)
                        browser.get(f"{url}/{path.as_posix()}")
                        yield from (f"{path}, {name}, {scheme}: {fault}" for fault in faults(browser, width))
                        if screenshots:
                            photograph(browser, screenshots / path.with_suffix(f".{name}.{scheme}.png"), width)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.tools.check_site", description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="write a screenshot of each page to DIR")
    arguments = parser.parse_args()
    if not available():
        sys.exit("selenium, chromium and chromedriver are needed: apt-get install chromium chromium-driver")
    wrong = list(check(arguments.site, arguments.screenshots))
    print(*wrong, f"{len(wrong)} faults", sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

"""The status page at `/`."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import urllib3

from qovery import EnvironmentSecretApi, NotFoundException, Secret
from qovery.sandbox import Sandbox


def page(http: urllib3.PoolManager, sandbox: Sandbox) -> str:
    response = http.request("GET", sandbox.url + "/")
    assert response.status == 200
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    return response.data.decode()


def text(html: str) -> str:
    """The visible text, with words separated by one space."""
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]  # shorter than a class
    parser.feed(html)
    return " ".join(" ".join(seen).split())


def test_page__shows_secrets_and_requests(
    http: urllib3.PoolManager,
    sandbox: Sandbox,
    api: EnvironmentSecretApi,
    env: str,
    project: Secret,
    built_in: Secret,
    behaviour: str,
) -> None:
    """The page shows environments, keys, scopes, kinds and requests, but neither values nor tokens."""
    api.create_environment_secret_alias(env, built_in.id, {"key": "DB"})
    api.create_environment_secret_override(env, project.id, {"value": "canary-value"})
    api.create_environment_secret(env, {"key": "FILE", "value": "canary-value", "mount_path": "/etc/file"})
    sandbox.fail("delete_environment_secret", status=404)
    with pytest.raises(NotFoundException):
        api.delete_environment_secret(env, "missing")
    html = page(http, sandbox)
    for words in (
        f"Environment {env} 5 secrets",
        "DB alias of QOVERY_DB_URL ********** ENVIRONMENT ALIAS",
        "SHARED overrides a PROJECT secret ********** ENVIRONMENT OVERRIDE",
        "FILE /etc/file ********** ENVIRONMENT FILE",
        "QOVERY_DB_URL DATABASE postgres ********** BUILT_IN BUILT_IN",
        f"DELETE /environment/{env}/secret/missing 404 qovery-python/",
        behaviour,
    ):
        assert words in text(html)
    assert "canary-value" not in html
    assert "a-token" not in html
    assert "shared value" not in html


def test_page__is_self_contained(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """The page loads no resources, and foreign text is escaped."""
    sandbox.add_secret(env, "<script>alert(1)</script>", description="<img src=x>", mount_path="<b>", owned_by="<i>")
    http.request("GET", f"{sandbox.url}/environment/<u>/secret", headers={"User-Agent": "<script>"})
    elements: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: elements.update(  # type: ignore[method-assign]  # shorter than a class
        [tag, *(f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href"})]
    )
    parser.feed(page(http, sandbox))
    known = {"html", "head", "meta", "title", "link", "style", "body", "main", "h1", "h2", "p", "b", "code", "small"}
    known |= {"div", "span", "table", "tr", "th", "td", "link href=data:,", "script"}
    assert elements == known


def test_page__is_bounded(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """The page limits the number of secrets and environments that it shows."""
    sandbox.load({"environments": [{"secrets": [{"key": f"K{n}"} for n in range(600)]}, *[{}] * 30]})
    html = page(http, sandbox)
    assert html.count("<tr>") < 600
    assert "600 secrets, the first 500" in html
    assert "20 of 32 environments" in html


def test_page__of_an_empty_sandbox(http: urllib3.PoolManager) -> None:
    """An empty sandbox has a page."""
    with Sandbox(seeded=False) as sandbox:
        assert "none yet" in page(http, sandbox)

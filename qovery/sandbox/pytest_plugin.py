"""The pytest fixtures `qovery_sandbox` and `qovery_api`, and failing assertions that show no secret.

pytest loads this file in every run where the package is installed, so it imports the rest of the package only
when a fixture is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import qovery
import qovery.sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failing `==` between mappings of credentials or between requests: pytest reads items by key."""
    sides = _items(left), _items(right)
    if op != "==" or None in sides or not {_kind(left), _kind(right)} & {"MaskedDict", "RequestModel"}:
        return None
    one, other = sides
    assert one is not None  # noqa: S101 - for the type
    assert other is not None  # noqa: S101 - for the type
    groups = {
        "different values": [key for key in one if key in other and one[key] != other[key]],
        "only on the left": [key for key in one if key not in other],
        "only on the right": [key for key in other if key not in one],
    }
    lines = [f"{what}: {', '.join(map(str, keys))}" for what, keys in groups.items() if keys]
    return [f"{type(left).__name__} == {type(right).__name__}, compared by key", *lines]


def _kind(side: object) -> str:
    """The class of this package that hides what it holds, if that is loaded."""
    for module, name in (("qovery.redaction.marks", "MaskedDict"), ("qovery.models.request_model", "RequestModel")):
        hiding = getattr(sys.modules.get(module), name, None)
        if hiding is not None and isinstance(side, hiding):
            return name
    return ""


def _items(side: Any) -> dict[Any, Any] | None:
    if _kind(side) == "RequestModel":
        return dict(vars(side))
    return dict(side) if isinstance(side, dict) else None


def _running() -> Iterator[qovery.sandbox.Sandbox]:
    try:
        start = qovery.sandbox.Sandbox
    except ImportError as error:
        problem = str(error)
    else:
        with start(seeded=False) as sandbox:
            sandbox.reset()
            yield sandbox
        return
    pytest.fail(problem, pytrace=False)


@pytest.fixture(scope="session")
def _qovery_server() -> Iterator[qovery.sandbox.Sandbox]:
    yield from _running()


@pytest.fixture(scope="session")
def qovery_sandbox_session() -> Iterator[qovery.sandbox.Sandbox]:
    """A `qovery.sandbox.Sandbox` with one environment for all tests of the session, which share its state."""
    yield from _running()


@pytest.fixture(scope="module")
def qovery_sandbox_module() -> Iterator[qovery.sandbox.Sandbox]:
    """A `qovery.sandbox.Sandbox` with one environment for the tests of a module, which share its state."""
    yield from _running()


@pytest.fixture
def qovery_sandbox(_qovery_server: qovery.sandbox.Sandbox) -> qovery.sandbox.Sandbox:
    """A `qovery.sandbox.Sandbox` with one empty environment, reset before each test."""
    _qovery_server.reset()
    return _qovery_server


@pytest.fixture
def qovery_api(qovery_sandbox: qovery.sandbox.Sandbox) -> Iterator[qovery.EnvironmentSecretApi]:
    """A `qovery.EnvironmentSecretApi` for `qovery_sandbox`, with the token `sandbox`."""
    configuration = qovery.Configuration(
        host=qovery_sandbox.url,
        access_token="sandbox",  # noqa: S106 - made up
        no_proxy="*",  # the mock server is local, so a proxy of the machine must not be used
    )
    with qovery.ApiClient(configuration) as client:
        yield qovery.EnvironmentSecretApi(client)

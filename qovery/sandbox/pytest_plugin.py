"""The pytest fixtures `qovery_sandbox` and `qovery_api`.

pytest loads this file in every run where the package is installed, so it imports the rest of the package only
when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qovery import EnvironmentSecretApi
    from qovery.sandbox import Sandbox


@pytest.fixture(scope="session")
def _qovery_server() -> Iterator[Sandbox]:
    try:
        from qovery.sandbox import Sandbox
    except ModuleNotFoundError as error:
        problem = str(error)
    else:
        with Sandbox(seeded=False) as sandbox:
            yield sandbox
        return
    pytest.fail(problem, pytrace=False)


@pytest.fixture
def qovery_sandbox(_qovery_server: Sandbox) -> Sandbox:
    """A `qovery.sandbox.Sandbox` with one empty environment, reset before each test."""
    _qovery_server.reset()
    return _qovery_server


@pytest.fixture
def qovery_api(qovery_sandbox: Sandbox) -> Iterator[EnvironmentSecretApi]:
    """A `qovery.EnvironmentSecretApi` for `qovery_sandbox`, with the token `sandbox`."""
    import qovery

    configuration = qovery.Configuration(
        host=qovery_sandbox.url,
        access_token="sandbox",  # noqa: S106 - made up
        no_proxy="*",  # the mock server is local, so a proxy of the machine must not be used
    )
    with qovery.ApiClient(configuration) as client:
        yield qovery.EnvironmentSecretApi(client)

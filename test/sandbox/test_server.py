"""`Sandbox`: its life and its behaviour."""

from __future__ import annotations

import pytest

from qovery import (
    ApiKeyError,
    ApiValueError,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_behaviour__is_set_and_reset(sandbox: Sandbox) -> None:
    """The behaviour can be changed while it runs, until the next reset, and no other can be asked for."""
    sandbox.behaviour = "observed"
    assert sandbox.behaviour == "observed"
    sandbox.reset()
    assert sandbox.behaviour == "documented"
    with pytest.raises(ApiValueError, match="documented or observed"):
        sandbox.behaviour = "strict"  # type: ignore[assignment]  # what is tested
    with pytest.raises(ApiValueError, match="documented or observed"):
        Sandbox(behaviour="strict")  # type: ignore[arg-type]  # what is tested


def test_url__of_a_stopped_sandbox() -> None:
    """A sandbox that does not run says so."""
    stopped = Sandbox()
    with pytest.raises(ApiValueError, match="start"):
        _ = stopped.url
    assert repr(stopped) == "<Sandbox stopped>"
    stopped.stop()
    with pytest.raises(ApiValueError, match="was stopped"):
        stopped.start()


def test_environment_id__of_nothing() -> None:
    """Without an environment there is no id, and the error says how to get one."""
    with Sandbox(seeded=False) as empty, pytest.raises(ApiKeyError, match="add_environment"):
        _ = empty.environment_id


def test_start__twice(sandbox: Sandbox) -> None:
    """One that runs cannot be started again, and one whose port is taken not at all."""
    with pytest.raises(ApiValueError, match="is running"):
        sandbox.start()
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).start()

"""Run each test against both behaviours of the mock server."""

from __future__ import annotations

import pytest

from qovery.sandbox.store import Behaviour


@pytest.fixture(params=["documented", "observed"])
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    return request.param  # type: ignore[no-any-return]  # one of the two above

"""Errors of `Sandbox` do not expose the secrets passed to it."""

from __future__ import annotations

import traceback

import pytest

from qovery import ApiValueError
from qovery.sandbox import Sandbox
from qovery.sandbox.sealing import sealed


def test_sealed__error_has_no_frame_with_a_secret(sandbox: Sandbox) -> None:
    """An error raised by a method of `Sandbox` has no frame whose locals hold the value."""
    with pytest.raises(ApiValueError) as caught:
        sandbox.add_secret("missing", "A", "canary")
    locals_of_frames = [
        frame.f_locals for frame, _ in traceback.walk_tb(caught.tb) if frame.f_globals["__name__"] != __name__
    ]
    assert locals_of_frames
    assert "canary" not in repr(locals_of_frames)


def test_sealed__is_transparent() -> None:
    """A sealed function keeps its name, arguments and result."""

    @sealed
    def add(a: int, *, b: int) -> int:
        return a + b

    assert (add.__name__, add(1, b=2)) == ("add", 3)

"""Tools that print, log or compare objects never show a canary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from test.support.recorders import RECORDERS
from test.support.things import TOKEN, leak, things
from test.support.tools import TOOLS


@dataclass
class Control:
    """An ordinary class that shows its attributes."""

    value: str


@pytest.fixture(scope="module")
def objects() -> Iterator[dict[str, Any]]:
    with things() as found:
        yield found


#: Objects that cannot be copied or pickled.
NOT_COPIED = (
    "sessions",
    "credentials",
    "Plan",
    "applied Plan",
    "Report",
    "actions",
    "results",
    "ApplyError",
    "snapshot",
    "StateFile",
)

#: Objects with a model that has unknown fields, which jsonpickle reads directly from pydantic's storage.
UNKNOWN_FIELDS = {"Secret", "ApiResponse.data", "Report", "Plan", "applied Plan", "results", "ApplyError"}


@pytest.mark.parametrize("tool", TOOLS)
def test_tool__shows_no_secret(objects: dict[str, Any], tool: str) -> None:
    """No tool shows a value or a credential of any object."""
    show = TOOLS[tool]
    found = {}
    for name, thing in objects.items():
        if tool in {"deepcopy", "pickle"} and (name.startswith(NOT_COPIED) or "callable" in name):
            continue
        if tool == "jsonpickle" and name in UNKNOWN_FIELDS:
            continue
        found[name] = leak(show(thing))
    assert {name: text for name, text in found.items() if text} == {}


@pytest.mark.parametrize("tool", TOOLS)
def test_tool__shows_a_planted_secret(tool: str) -> None:
    """Every tool shows a secret that an object or a mapping does not mask."""
    assert leak(TOOLS[tool](Control(TOKEN)))
    assert leak(TOOLS[tool]({"value": TOKEN}))
    assert leak(TOOLS[tool]({"value": [Control(TOKEN)]}))


@pytest.mark.parametrize("recorder", RECORDERS)
def test_recorder__shows_no_secret(objects: dict[str, Any], recorder: str) -> None:
    """No recorder finds a secret in an error, its frames or their objects."""
    errors = {name: thing for name, thing in objects.items() if isinstance(thing, BaseException)}
    assert len(errors) > 20
    if recorder == "pickle":
        del errors["ApplyError"]  # its report holds what the service returned
    found = {name: leak(RECORDERS[recorder](error)) for name, error in errors.items()}
    assert {name: text for name, text in found.items() if text} == {}


def fail(held: str) -> None:
    raise RuntimeError


@pytest.mark.parametrize("recorder", RECORDERS)
def test_recorder__shows_a_planted_secret(recorder: str) -> None:
    """Recorders of locals show an unmasked secret in a frame; the others show one in the error's text."""
    by_locals = {"frames", "traceback", "rich", "IPython", "loguru", "structlog", "sentry-sdk"}
    with pytest.raises(RuntimeError) as caught:
        fail(TOKEN)
    if recorder not in by_locals:
        caught.value.args = (TOKEN,)
    assert leak(RECORDERS[recorder](caught.value))

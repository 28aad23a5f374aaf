"""Plans and reports as JSON: the documented shape, without values."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from qovery import BadRequestException, EnvironmentSecretApi, SecretRequest, SkippedError
from qovery.sandbox import Sandbox
from qovery.sync import Action, Plan, Report, Result, plan_secrets
from test.support import ROOT
from test.support.listed import alias, secret

CANARY = "canary-<value>"
TYPES: dict[str, type[Any]] = {
    "string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None),
}  # fmt: skip


def documented() -> dict[str, dict[str, str]]:
    """The types of the fields of each object as the guide documents them, in order."""
    text = (ROOT / "docs/guides/sync.md").read_text(encoding="utf-8")
    table = text.partition("| object | field | type | content |\n|---|---|---|---|\n")[2].partition("\n\n")[0]
    objects: dict[str, dict[str, str]] = {}
    name = ""
    for line in table.splitlines():
        first, field, kind, _ = (cell.strip() for cell in line.strip("|").split("|"))
        name = first or name
        objects.setdefault(name, {})[field.strip("`")] = kind
    return objects


SHAPES = documented()


def check(value: Any, kinds: str) -> None:
    """Check a value against a documented type: the name of an object or of a JSON type, or several."""
    for kind in kinds.split(" or "):
        if kind in SHAPES and isinstance(value, dict):
            assert list(value) == list(SHAPES[kind])
            for field, one in value.items():
                check(one, SHAPES[kind][field])
            return
        if kind.startswith("array of ") and isinstance(value, list):
            for one in value:
                check(one, kind.removeprefix("array of "))
            return
        if kind in TYPES and type(value) is TYPES[kind]:
            return
    raise AssertionError(f"{value!r} is not {kinds}")


def exported(thing: Plan | Action | Report | Result) -> Any:
    """Export an object and parse its JSON; check that both forms are equal and hold no value."""
    shape = thing.to_dict()
    assert "canary" not in repr(shape)
    assert json.loads(thing.to_json()) == json.loads(thing.to_json(indent=2)) == shape
    assert next(iter(shape)) == "version"
    assert shape["version"] == 1
    return shape


def check_parts(parts: Iterable[Action | Result], kind: str, shapes: list[Any]) -> None:
    """Compare each part with its documented type and with its counterpart in the whole."""
    for part, shape in zip(parts, shapes, strict=True):
        assert exported(part) == {"version": 1, **shape}
        check(shape, kind)


def test_export__documented_shape(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A plan and a report with results of all kinds, and their parts, have the documented fields in their order."""
    own = sandbox.add_secret(env, "OWN", CANARY)
    sandbox.add_secret(env, "SHARED", CANARY, scope="PROJECT")
    sandbox.add_secret(env, "FILE", CANARY, mount_path="/file")
    sandbox.add_secret(env, "GONE", CANARY)
    plan_secrets(api, env, {}, aliases={"KEPT": "OWN"}).apply().raise_for_failures()
    values = dict.fromkeys(("NEW", "OWN", "SHARED", "QOVERY_X", "FILE"), CANARY)
    aliases = {"KEPT": "OWN", "LATER": "FILE"}
    plan = plan_secrets(api, env, values, aliases=aliases, prune=True, replace=True)
    shape = exported(plan)
    check(shape, "Plan")
    check_parts(plan.actions, "Action", shape["actions"])
    assert (shape["host"], shape["environment_id"]) == (plan.host, plan.environment_id) == (sandbox.url, env)
    assert shape["summary"] == {
        "create": 2, "update": 1, "override": 1, "alias": 1, "delete": 2, "keep": 1, "conflict": 1,
    }  # fmt: skip
    sandbox.fail("create_environment_secret", status=400, times=None)
    report = plan.apply(skip_conflicts=True)
    shape = exported(report)
    check(shape, "Report")
    check_parts(report.results, "Result", shape["results"])
    assert shape["complete"] is False
    assert sum(shape["summary"].values()) == len(report.results)
    errors = {result["key"]: result["error"] for result in shape["results"] if result["error"]}
    assert errors["NEW"]["type"] == "BadRequestException"
    assert (errors["NEW"]["status"], errors["NEW"]["outcome_unknown"]) == (400, False)
    assert (errors["LATER"]["type"], errors["LATER"]["status"]) == ("SkippedError", None)
    assert [result["key"] for result in shape["results"] if result["lost"]] == ["FILE"]
    written = next(result["secret"] for result in shape["results"] if result["key"] == "OWN")
    assert datetime.fromisoformat(written["updated_at"]).tzinfo is not None
    assert written["id"] == own.id


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (BadRequestException(400, "Bad Request"), {"status": 400, "outcome_unknown": False}),
        (SkippedError("why"), {"type": "SkippedError", "status": None, "message": "why"}),
        (ValueError(CANARY), {"type": "ValueError", "message": None, "outcome_unknown": False}),
        (OSError(2, CANARY), {"type": "FileNotFoundError", "status": None, "message": None}),
    ],
)
def test_export__errors(error: Exception, fields: dict[str, Any]) -> None:
    """An error has its type and status; the text of a foreign error is left out."""
    if isinstance(error, OSError):
        error.status = CANARY  # type: ignore[attr-defined]  # foreign errors may have it
    shape = exported(Result("failed", "create", "A", "new key", None, error))["error"]
    check(shape, "Error")
    assert shape.items() >= fields.items()


@pytest.mark.parametrize(
    ("one", "kind", "target"),
    [
        (secret("A"), "VALUE", None),
        (secret("A", None), "VALUE", None),
        (alias("A", secret("B")), "ALIAS", "B"),
        (secret("É\ud800<b>", "NEW_KIND", scope="NEW_SCOPE"), "NEW_KIND", None),
    ],
)
def test_export__secrets(one: Any, kind: str, target: str | None) -> None:
    """A secret has its target and its kind, which is inferred if missing and may be unknown to this version."""
    shape = exported(Action("keep", one.key, "why", one))["secret"]
    check(shape, "Secret")
    assert (shape["key"], shape["kind"], shape["target"]) == (one.key, kind, target)
    assert shape["updated_at"] == "2026-01-01T00:00:00+00:00"


def test_export__empty_plan_and_id_that_is_a_uuid(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A plan without actions has the same shape, and its environment id is a string."""
    shape = exported(plan_secrets(api, uuid.UUID(env), {"A": SecretRequest(key="A", value=CANARY)}))
    assert shape["environment_id"] == env
    check(exported(plan_secrets(api, env, {})), "Plan")
    check(exported(Report(())), "Report")

"""The rules of a plan, without a server."""

from __future__ import annotations

import itertools
import random
import sys
from types import FrameType
from typing import Any

import pytest

from qovery import Secret, SecretRequest
from qovery.sync.action import Action
from qovery.sync.desired import KEEP, Desired
from qovery.sync.inventory import Inventory
from qovery.sync.planner import decide
from test.support.listed import alias, other, override, secret


def plan(
    listed: list[Secret], values: dict[str, Any] | None = None, aliases: dict[str, str] | None = None, **rules: Any
) -> list[Action]:
    return list(decide(Inventory(listed), Desired.read(values or {}, aliases, allow_empty=True, **rules)))


def brief(actions: list[Action]) -> list[tuple[str, str]]:
    return [(action.kind, action.key) for action in actions]


SHARED = secret("SHARED", scope="PROJECT")
SHARED_FILE = secret("SHARED_FILE", "FILE", scope="PROJECT", mount_path="/shared")
BUILT_IN = secret("QOVERY_DB_URL", "BUILT_IN", scope="BUILT_IN")
OWN = secret("OWN")
OWN_FILE = secret("OWN_FILE", "FILE", mount_path="/own")
FOREIGN = secret("FOREIGN", owned_by="DOPPLER")


def a_file(key: str, path: str) -> SecretRequest:
    return SecretRequest(key=key, value="content", mount_path=path)


def last(existing: list[Secret], key: str) -> Secret | None:
    """The last secret with a key: in these tables, the one that the action applies to."""
    return next((secret for secret in reversed(existing) if secret.key == key), None)


@pytest.mark.parametrize(
    ("existing", "wanted", "kind", "reason"),
    [
        ([], {"NEW": "v"}, "create", "new key"),
        ([OWN], {"OWN": "v"}, "update", "own secret"),
        ([OWN_FILE], {"OWN_FILE": a_file("OWN_FILE", "/own")}, "update", "always written"),
        ([secret("F", "FILE")], {"F": a_file("F", "/unknown")}, "conflict",
         "the service does not say whether it is mounted at /unknown; use replace=True"),
        ([secret("F", "FILE"), alias("A", secret("F", "FILE"))], {"F": a_file("F", "/x")}, "conflict", "does not say"),
        ([secret("OWN", None)], {"OWN": "v"}, "update", "always written"),
        ([SHARED], {"SHARED": "v"}, "override", "inherited from PROJECT"),
        ([SHARED_FILE], {"SHARED_FILE": "v"}, "override", "inherited from PROJECT"),
        ([SHARED_FILE], {"SHARED_FILE": a_file("SHARED_FILE", "/shared")}, "override", "inherited from PROJECT"),
        ([SHARED_FILE], {"SHARED_FILE": a_file("SHARED_FILE", "/else")}, "conflict", "mounted at /shared"),
        ([SHARED], {"SHARED": a_file("SHARED", "/else")}, "conflict", "mounted nowhere"),
        ([SHARED, override(SHARED)], {"SHARED": "v"}, "update", "own override"),
        ([override(SHARED), SHARED], {"SHARED": a_file("SHARED", "/x")}, "conflict", "mounted nowhere"),
        ([override(SHARED_FILE, "/shared")], {"SHARED_FILE": a_file("SHARED_FILE", "/shared")}, "update", "override"),
        ([override(SHARED_FILE, "/shared")], {"SHARED_FILE": a_file("SHARED_FILE", "/x")}, "conflict",
         "mounted at /shared, not at /x"),
        ([secret("O", "OVERRIDE")], {"O": a_file("O", "/x")}, "conflict", "mounted nowhere, not at /x"),
        ([BUILT_IN], {"QOVERY_DB_URL": "https://v"}, "conflict", "of scope BUILT_IN"),
        ([secret("X", scope="ORGANIZATION")], {"X": "v"}, "conflict", "of scope ORGANIZATION"),
        ([OWN, alias("A", OWN)], {"A": "v"}, "conflict", "an alias of OWN"),
        ([OWN, secret("A", None, aliased_secret=other(OWN))], {"A": "v"}, "conflict", "an alias of OWN"),
        ([secret("A", "ALIAS")], {"A": "v"}, "conflict", "it is an alias, not a value"),
        ([OWN], {"OWN": a_file("OWN", "/x")}, "conflict", "not FILE"),
        ([OWN_FILE], {"OWN_FILE": "v"}, "conflict", "not VALUE"),
        ([OWN_FILE], {"OWN_FILE": a_file("OWN_FILE", "/x")}, "conflict", "mounted at /own, not at /x"),
        ([secret("E", "EXTERNAL_SECRET")], {"E": "v"}, "conflict", "its kind is EXTERNAL_SECRET"),
        ([FOREIGN], {"FOREIGN": "v"}, "conflict", "managed by DOPPLER"),
        ([OWN], {"NEW": "OWN"}, "conflict", "equals a key"),
        ([OWN, SHARED], {"OWN": "SHARED"}, "conflict", "equals a key"),
        ([], {"NEW": "OTHER", "OTHER": "v"}, "conflict", "equals a key"),
        ([], {"QOVERY_X": "v"}, "conflict", "are reserved"),
        ([], {"__X": "v"}, "conflict", "starts with a letter"),
    ],
)  # fmt: skip
def test_value__action(existing: list[Secret], wanted: dict[str, Any], kind: str, reason: str) -> None:
    """The existing secret and the desired value decide the action, its reason and its request."""
    key, value = next(iter(wanted.items()))
    action = plan(existing, wanted)[0]
    assert (action.kind, action.key, action.target, action.cascades) == (kind, key, None, ())
    assert reason in action.reason
    assert action.secret is last(existing, key)
    assert action.request == (None if kind == "conflict" else Desired.read({key: value}, None).values[key])
    assert len(plan(existing, wanted)) == len(wanted)


def described(key: str, description: str | None, **fields: Any) -> SecretRequest:
    return SecretRequest(key=key, description=description, **fields)


@pytest.mark.parametrize(
    ("existing", "wanted", "kind", "reason"),
    [
        ([OWN], KEEP, "keep", "its value is kept"),
        ([], KEEP, "conflict", "does not exist, and KEEP has no value"),
        ([secret("OWN", scope="PROJECT")], KEEP, "keep", "its value is kept"),
        ([secret("OWN", "ALIAS", aliased_secret=other(SHARED))], KEEP, "keep", "its value is kept"),
        ([secret("OWN", owned_by="DOPPLER")], KEEP, "keep", "its value is kept"),
        ([secret("OWN", description="old")], KEEP, "keep", "its value is kept"),
        ([secret("OWN", description="old")], described("OWN", "new"), "update", "new description"),
        ([secret("OWN", description="old")], described("OWN", "old"), "keep", "its value is kept"),
        ([secret("OWN", description="old")], described("OWN", None), "update", "new description"),
        ([OWN], described("OWN", None), "keep", "its value is kept"),
        ([OWN], described("OWN", ""), "keep", "its value is kept"),
        ([secret("OWN", scope="PROJECT")], described("OWN", "new"), "conflict", "a secret of PROJECT cannot"),
        ([secret("OWN", owned_by="DOPPLER")], described("OWN", "new"), "conflict", "a secret of DOPPLER cannot"),
        ([secret("OWN", "FILE", mount_path="/a")], described("OWN", None, mount_path="/a"), "keep", "is kept"),
        ([secret("OWN", "FILE", mount_path="/a")], described("OWN", None, mount_path="/b"), "conflict", "not at /b"),
        ([OWN], described("OWN", None, mount_path="/b"), "conflict", "mounted nowhere, not at /b"),
    ],
)
def test_keep__action(existing: list[Secret], wanted: Any, kind: str, reason: str) -> None:
    """A key without a value must exist; at most its description is written, and nothing is created or replaced."""
    for rules in {}, {"replace": True}, {"prune": True}:
        (action,) = plan(existing, {"OWN": wanted}, **rules)
        assert (action.kind, action.key, action.secret) == (kind, "OWN", next(iter(existing), None))
        assert reason in action.reason
        assert action.request is None or action.request.value is None


@pytest.mark.parametrize(
    ("existing", "policy", "kind"),
    [
        ([], "keep", "create"),
        ([], "fail", "create"),
        ([OWN], "keep", "keep"),
        ([OWN], "fail", "conflict"),
        ([OWN], "update", "update"),
        ([secret("OWN", scope="PROJECT")], "keep", "keep"),
        ([secret("OWN", scope="PROJECT")], "fail", "conflict"),
        ([secret("OWN", scope="PROJECT")], "update", "override"),
        ([secret("OWN", owned_by="DOPPLER")], "keep", "keep"),
        ([secret("OWN", "FILE", mount_path="/x")], "keep", "keep"),
    ],
)
def test_existing__policies(existing: list[Secret], policy: str, kind: str) -> None:
    """The policy decides the action for an existing key, for all keys or for one."""
    for rule in policy, {"OWN": policy}:
        (action,) = plan(existing, {"OWN": "v"}, existing=rule)
        assert (action.kind, action.key, action.secret) == (kind, "OWN", next(iter(existing), None))
    assert [action.kind for action in plan([OWN], {"OWN": "v", "NEW": "v"}, existing={"OWN": "fail"})] == [
        "conflict", "create",
    ]  # fmt: skip


RENAMED = {"renames": {"OLD": "NEW"}}
OLD = secret("OLD")


@pytest.mark.parametrize(
    ("existing", "values", "kind", "reason"),
    [
        ([OLD], {}, "update", "renamed from OLD; its value is kept"),
        ([OLD], {"NEW": KEEP}, "update", "renamed from OLD; its value is kept"),
        ([OLD], {"NEW": "v"}, "update", "renamed from OLD; its value is written"),
        ([secret("NEW")], {}, "keep", "its value is kept"),
        ([secret("NEW")], {"NEW": "v"}, "update", "own secret"),
        ([], {}, "conflict", "cannot be renamed from OLD, which does not exist"),
        ([], {"NEW": "v"}, "create", "new key"),
        ([OLD, secret("NEW")], {"NEW": "v"}, "conflict", "since both exist"),
        ([OLD, secret("NEW", scope="PROJECT")], {}, "conflict", "since both exist"),
        ([secret("OLD", scope="PROJECT")], {}, "conflict", "which belongs to PROJECT"),
        ([secret("OLD", owned_by="DOPPLER")], {}, "conflict", "which belongs to DOPPLER"),
        ([override(secret("OLD", scope="PROJECT"))], {"NEW": "v"}, "conflict", "which is an override"),
        ([secret("OLD", "FILE", mount_path="/x")], {}, "update", "its value is kept"),
        ([secret("OLD", "FILE", mount_path="/x")], {"NEW": "v"}, "conflict", "its kind is FILE, not VALUE"),
        ([secret("OLD", "ALIAS", aliased_secret=other(SHARED))], {}, "update", "its value is kept"),
        ([secret("OLD", "ALIAS", aliased_secret=other(SHARED))], {"NEW": "v"}, "conflict", "it is an alias"),
    ],
)
def test_rename__action(existing: list[Secret], values: dict[str, Any], kind: str, reason: str) -> None:
    """A rename edits the secret under its old key; if that is impossible, it is a conflict that says why."""
    for rules in {}, {"prune": True}, {"replace": True}:
        action = plan(existing, values, **RENAMED, **rules)[0]
        assert (action.kind, action.key) == (kind, "NEW")
        assert reason in action.reason
        assert len(plan(existing, values, **RENAMED, **rules)) == 1


def test_rename__rejected_key() -> None:
    """A new key that the service rejects is a conflict."""
    assert "are reserved" in plan([OLD], renames={"OLD": "QOVERY_X"})[0].reason


def test_rename__with_the_policy_keep() -> None:
    """With `keep`, a renamed secret keeps its value, even if another value is desired."""
    action = plan([OLD], {"NEW": "v"}, existing="keep", **RENAMED)[0]
    assert (action.kind, action.request) == ("update", SecretRequest(key="NEW"))


def test_rename__aliases() -> None:
    """An alias of the renamed secret is an alias of the new key; a new alias waits for the rename."""
    actions = plan([OLD, alias("A", OLD)], {}, {"A": "NEW", "B": "NEW"}, **RENAMED, prune=True)
    assert [(action.kind, action.key, action.target, action.secret and action.secret.key) for action in actions] == [
        ("update", "NEW", None, "OLD"), ("keep", "A", "NEW", "A"), ("alias", "B", "NEW", None),
    ]  # fmt: skip


@pytest.mark.parametrize("prefix", ["APP_", ("APP_", "WEB_")])
def test_prune__with_a_prefix(prefix: Any) -> None:
    """Only secrets with the prefix are pruned, and none whose deletion would delete a secret without it."""
    app, base = secret("APP_OLD"), secret("APP_BASE")
    existing = [OWN, app, base, alias("APP_ALIAS", app), alias("OTHER", base)]
    actions = plan(existing, {"APP_NEW": "v"}, prune=True, prune_prefix=prefix)
    assert brief(actions) == [
        ("create", "APP_NEW"),
        ("delete", "APP_ALIAS"),
        ("keep", "APP_BASE"),
        ("delete", "APP_OLD"),
    ]
    assert "OTHER, which may not be pruned, would be deleted with it" in actions[2].reason


@pytest.mark.parametrize(
    ("existing", "values", "target", "kind", "reason"),
    [
        ([BUILT_IN], {}, "QOVERY_DB_URL", "alias", "new alias"),
        ([SHARED], {}, "SHARED", "alias", "new alias"),
        ([OWN], {}, "OWN", "alias", "new alias"),
        ([], {"NEW": "v"}, "NEW", "alias", "new alias"),
        ([OWN, alias("A", OWN)], {}, "OWN", "keep", "already"),
        ([SHARED, alias("A", SHARED, scope="PROJECT")], {}, "SHARED", "keep", "already"),
        ([OWN, SHARED, alias("A", OWN)], {}, "SHARED", "conflict", "an alias of OWN"),
        ([OWN, secret("A")], {}, "OWN", "conflict", "it is of kind VALUE"),
        ([OWN, secret("A", scope="PROJECT")], {}, "OWN", "conflict", "a secret of scope PROJECT has this key"),
        ([OWN, alias("B", OWN)], {}, "B", "conflict", "target B is an ALIAS"),
        ([SHARED, override(SHARED)], {}, "SHARED", "conflict", "target SHARED is an OVERRIDE"),
        ([SHARED], {"SHARED": "v"}, "SHARED", "conflict", "becomes an override"),
        ([], {}, "ABSENT", "conflict", "target ABSENT does not exist"),
        ([secret("A")], {}, "ABSENT", "conflict", "target ABSENT does not exist"),
        ([], {}, "A", "conflict", "alias of itself"),
        ([FOREIGN], {}, "FOREIGN", "alias", "new alias"),
    ],
)
def test_alias__action(existing: list[Secret], values: dict[str, str], target: str, kind: str, reason: str) -> None:
    """The existing secrets under an alias's key and its target decide the action; a new alias names its target."""
    action = plan(existing, values, {"A": target})[-1]
    assert (action.kind, action.key, action.target if kind != "conflict" else target) == (kind, "A", target)
    assert action.secret is last(existing, target if kind == "alias" else "A")
    assert reason in action.reason


def test_alias__of_a_wanted_alias() -> None:
    """An alias of a desired alias is a conflict, even if that alias does not exist yet."""
    assert brief(plan([OWN, secret("B")], aliases={"A": "B", "B": "OWN"})) == [("conflict", "A"), ("conflict", "B")]


def test_alias__reserved_key() -> None:
    """An alias cannot have a key that the service reserves."""
    assert "are reserved" in plan([OWN], aliases={"QOVERY_A": "OWN"})[0].reason
    assert "a secret of scope BUILT_IN has this key" in plan([OWN, BUILT_IN], aliases={BUILT_IN.key: "OWN"})[0].reason


def test_key_like_value__allowed() -> None:
    """If allowed, a value that equals a key is written."""
    assert brief(plan([OWN], {"NEW": "OWN"}, allow_key_like_values=True)) == [("create", "NEW")]


def test_value_check__is_a_conflict() -> None:
    """A value that breaks a rule is a conflict that names the rule and how to allow it, whatever exists."""
    for existing in ([], [OWN], [secret("OWN", scope="PROJECT")]):
        (action,) = plan(existing, {"OWN": "canary\n"}, replace=True)
        assert (action.kind, action.request) == ("conflict", None)
        assert "ends with a line break" in action.reason
        assert 'allow={"OWN": {"whitespace"}}' in action.reason
        assert "canary" not in action.reason
        allowed = plan(existing, {"OWN": "canary\n"}, allow={"OWN": {"whitespace"}})
        assert [action.kind for action in allowed] != ["conflict"]
        assert allowed[0].request is not None


def test_replace__alias_by_value() -> None:
    """An alias in the way of a value is deleted, then the value is created."""
    actions = plan([OWN, alias("A", OWN)], {"A": "v"}, replace=True)
    assert brief(actions) == [("delete", "A"), ("create", "A")]
    assert "it is an alias of OWN" in actions[0].reason


def test_replace__lists_and_recreates_aliases() -> None:
    """A replacement deletes the aliases of the secret: all are listed, and the desired ones are recreated."""
    existing = [OWN, alias("WANTED", OWN), alias("LOST", OWN)]
    actions = plan(existing, {"OWN": a_file("OWN", "/x")}, {"WANTED": "OWN"}, replace=True)
    assert brief(actions) == [("delete", "OWN"), ("create", "OWN"), ("alias", "WANTED")]
    assert actions[0].cascades == ("LOST", "WANTED")
    assert actions[0].at_risk == ("OWN", "LOST", "WANTED")
    assert [action.at_risk for action in actions[1:]] == [(), ()]
    assert (actions[2].secret, actions[2].target) == (None, "OWN")
    assert "recreated" in actions[2].reason


def test_replace__alias_with_another_target() -> None:
    """An alias with the wrong target is deleted and recreated."""
    actions = plan([OWN, SHARED, alias("A", OWN)], aliases={"A": "SHARED"}, replace=True)
    assert brief(actions) == [("delete", "A"), ("alias", "A")]


def test_replace__value_by_alias_takes_its_alias() -> None:
    """An alias is deleted if its target becomes an alias."""
    actions = plan([OWN, SHARED, alias("A", OWN)], aliases={"A": "OWN", "OWN": "SHARED"}, replace=True)
    assert [action.kind for action in actions] == ["keep", "conflict"]
    assert "conflict would be deleted with it" in actions[1].reason


def test_replace__shadowing_value() -> None:
    """If a secret of the project has the key too, the replacement is an override."""
    actions = plan([SHARED, secret("SHARED", "FILE")], {"SHARED": "v"}, replace=True)
    assert brief(actions) == [("delete", "SHARED"), ("override", "SHARED")]


def test_replace__spares_others() -> None:
    """A secret is not replaced if a secret that is managed elsewhere would be deleted with it."""
    actions = plan([OWN, alias("A", OWN, owned_by="DOPPLER")], {"OWN": a_file("OWN", "/x")}, replace=True)
    assert brief(actions) == [("conflict", "OWN")]
    assert "A, of DOPPLER, would be deleted with it" in actions[0].reason
    assert actions[0].secret is OWN


def test_replace__spares_a_desired_key_in_conflict() -> None:
    """A secret is not replaced if a desired secret that cannot be recreated would be deleted with it."""
    existing = [OWN, alias("A", OWN)]
    actions = plan(existing, {"OWN": a_file("OWN", "/x"), "A": "OWN"}, replace=True)
    assert brief(actions) == [("conflict", "OWN"), ("conflict", "A")]


def test_replace__new_alias_of_a_recreated_target() -> None:
    """A new alias of a secret that the plan recreates waits for it, so it names no existing target."""
    actions = plan([OWN], {"OWN": a_file("OWN", "/x")}, {"NEW": "OWN"}, replace=True)
    assert brief(actions) == [("delete", "OWN"), ("create", "OWN"), ("alias", "NEW")]
    assert (actions[2].secret, actions[2].target) == (None, "OWN")


def test_replace__off() -> None:
    """Without `replace`, a secret that cannot be edited is a conflict that names it, and says how to replace it."""
    (action,) = plan([OWN_FILE], {"OWN_FILE": "v"})
    assert action.secret is OWN_FILE
    assert "replace=True" in action.reason


def test_replace__impossible_successor() -> None:
    """A secret is not deleted if the service would reject its successor."""
    inherited = secret("X", scope="ORGANIZATION")
    (action,) = plan([inherited, secret("X", "FILE")], {"X": "v"}, replace=True)
    assert (action.kind, action.secret) == ("conflict", inherited)


@pytest.mark.parametrize("key", ["_JAVA_OPTIONS", "QOVERY_X", "A-B"])
@pytest.mark.parametrize("what", ["value", "alias", "recreated alias"])
def test_replace__key_that_is_rejected(key: str, what: str) -> None:
    """A key that the service would reject for a new secret is not deleted, directly or with another secret."""
    if what == "recreated alias":
        existing, values, aliases = [OWN, alias(key, OWN)], {"OWN": a_file("OWN", "/x")}, {key: "OWN"}
    else:
        existing = [OWN, secret(key, "FILE", mount_path="/x")]
        values, aliases = ({}, {key: "OWN"}) if what == "alias" else ({key: "v"}, {})
    actions = plan(existing, values, aliases, replace=True)
    assert {action.kind for action in actions} <= {"conflict", "keep"}
    reasons = "; ".join(action.reason for action in actions)
    assert "a key " in reasons or "reserved" in reasons or "with a conflict would be deleted with it" in reasons


def test_plan__order_of_the_list() -> None:
    """The order of the list does not affect the plan, even if the list has duplicates or contradictions."""
    base = secret("BASE", "FILE")
    listed = [
        OWN, SHARED, secret("SHARED", scope="BUILT_IN"), secret("SHARED", scope="APPLICATION"), alias("A", OWN),
        base, alias("F1", base), secret("F2", "ALIAS", aliased_secret=other(base, "/f2")), secret("GONE"),
        secret("OWN", "FILE"), secret("EACH", scope="JOB"), secret("EACH", scope="BUILT_IN"),
    ]  # fmt: skip
    values = {"OWN": a_file("OWN", "/x"), "SHARED": "v", "BASE": a_file("BASE", "/f2"), "EACH": "v"}
    first = plan(listed, values, {"A": "OWN", "S": "SHARED"}, replace=True, prune=True)
    assert ("override", "SHARED") in brief(first)
    shuffle = random.Random(0)
    for _ in range(50):
        shuffle.shuffle(listed)
        assert plan(listed, values, {"A": "OWN", "S": "SHARED"}, replace=True, prune=True) == first


def test_replace__conflict_that_follows_from_another() -> None:
    """A secret that is kept for a conflict may put another key in conflict, whose secrets are kept too."""
    first, second = secret("FIRST"), secret("SECOND")
    moved = alias("MOVED", first)
    taken = alias("TAKEN", second)
    existing = [first, second, moved, taken, alias("STUCK", taken)]
    values = {"FIRST": a_file("FIRST", "/x"), "TAKEN": "v", "STUCK": "FIRST"}
    actions = plan(existing, values, {"MOVED": "TAKEN"}, replace=True)
    assert brief(actions) == [("conflict", key) for key in ("FIRST", "TAKEN", "STUCK", "MOVED")]


def test_prune__only_own() -> None:
    """Own secrets are deleted, aliases first; inherited secrets and those managed elsewhere stay."""
    existing = [OWN, alias("A", OWN), SHARED, override(SHARED), BUILT_IN, FOREIGN]
    actions = plan(existing, {"NEW": "v"}, prune=True)
    assert brief(actions) == [
        ("create", "NEW"), ("delete", "A"), ("keep", "FOREIGN"), ("delete", "OWN"), ("delete", "SHARED"),
    ]  # fmt: skip
    deleted, kept = [action for action in actions if action.kind == "delete"], actions[2]
    assert [action.cascades for action in deleted] == [(), ("A",), ()]
    assert [action.at_risk for action in deleted] == [()] * 3
    assert [action.reason.partition("; ")[0] for action in deleted] == ["not desired"] * 3
    assert ["project's value" in action.reason for action in deleted] == [False, False, True]
    assert kept.secret is FOREIGN
    assert "managed by DOPPLER" in kept.reason


def test_prune__keeps_what_another_scope_depends_on() -> None:
    """An own secret is kept if a secret of another scope would be deleted with it."""
    (action,) = plan([OWN, alias("A", OWN, scope="PROJECT")], prune=True)
    assert (action.kind, action.secret) == ("keep", OWN)
    assert "A, of PROJECT, would be deleted with it" in action.reason


def test_prune__off() -> None:
    """Without `prune`, secrets that are not desired are not in the plan."""
    assert plan([OWN, FOREIGN]) == []


def test_prune__keeps_the_target_of_a_desired_alias() -> None:
    """The target of a desired alias is kept, even if it is not desired itself."""
    actions = plan([OWN, alias("A", OWN)], aliases={"A": "OWN"}, prune=True)
    assert brief(actions) == [("keep", "A"), ("keep", "OWN")]
    assert actions[1].secret is OWN
    assert "target of a desired alias" in actions[1].reason


def test_prune__keeps_the_target_of_a_conflict() -> None:
    """The target of a desired key in conflict is not deleted, since the key would be deleted with it."""
    actions = plan([OWN, alias("A", OWN)], {"A": "v"}, prune=True)
    assert brief(actions) == [("conflict", "A"), ("keep", "OWN")]


def test_inventory__cycle() -> None:
    """The search for dependents ends on a cycle of aliases, which no service should return."""
    a, b = secret("A"), secret("B")
    assert len(plan([alias("A", b), alias("B", a)], prune=True)) == 2


def test_planner__is_linear() -> None:
    """Twice as many keys take at most about twice as many steps."""

    def steps(keys: int) -> int:
        existing = [secret(f"K{at}") for at in range(0, keys, 2)]
        values, aliases = {f"K{at}": "v" for at in range(keys)}, {f"A{at}": f"K{at}" for at in range(keys)}
        lines = itertools.count()

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            next(lines)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            actions = plan(existing, values, aliases)
        finally:
            sys.settrace(before)
        assert len(actions) == 2 * keys
        return next(lines)

    few = steps(200)
    assert 1.9 * few < steps(400) < 2.1 * few


def test_plan__is_a_copy_of_the_desired() -> None:
    """A change to a request after planning does not affect the plan."""
    request = SecretRequest(key="A", value="first")
    action = plan([], {"A": request})[0]
    request.value = "second"
    assert action.request is not None
    assert action.request.value == "first"

"""`plan`: show what an apply would do."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, get_args

from qovery.cli.arguments import Parser, add_environment, add_state, mapping, new_command, pair, policy, text
from qovery.cli.client import connected, environment_id, state_file
from qovery.cli.desired_file import read_desired
from qovery.cli.output import show, show_table

if TYPE_CHECKING:
    from qovery.cli.arguments import Commands
    from qovery.sync import Plan

CHANGES, CONFLICTS = 2, 3


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        run,
        "plan",
        "Show what apply would do. Nothing is changed. Values cannot be read back: without --state, each existing key "
        "with a value in FILE is an update.",
        ["{} plan .env", "{} plan .env --prune --prune-prefix APP_", "sops -d secrets.json | {} plan - --json"],
        {0: "nothing to do", CHANGES: "there are changes or drift", CONFLICTS: "there are conflicts"},
    )
    add_desired(parser)
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")


def add_desired(parser: Parser) -> None:
    """Add the arguments for the desired state."""
    parser.add_argument("file", metavar="FILE", help="a .env file, a JSON object, or - for one of them on stdin")
    add_environment(parser)
    add_state(parser, "keep secrets unchanged since the last apply, and report drift")
    group = parser.add_argument_group("desired state")
    group.add_argument(
        "--alias", action="append", metavar="KEY=TARGET", type=pair("KEY=TARGET"), help="an alias; can be repeated"
    )
    group.add_argument(
        "--rename",
        action="append",
        metavar="OLD=NEW",
        type=pair("OLD=NEW"),
        help="rename a secret and keep its value; can be repeated",
    )
    group.add_argument(
        "--existing",
        action="append",
        metavar="[KEY=]POLICY",
        type=policy,
        help="the policy for existing keys: update (the default), keep or fail; can be repeated",
    )
    group.add_argument("--prune", action="store_true", help="delete the environment's own secrets that are not desired")
    group.add_argument(
        "--prune-prefix",
        action="append",
        metavar="PREFIX",
        type=text("the prefix"),
        help="prune only keys with this prefix; can be repeated",
    )
    group.add_argument("--prune-recorded", action="store_true", help="prune only secrets that the state file knows")
    group.add_argument("--allow-empty", action="store_true", help="accept a FILE without secrets")
    group.add_argument(
        "--replace", action="store_true", help="delete and recreate what cannot be edited, such as a file"
    )
    group.add_argument(
        "--allow",
        action="append",
        metavar="KEY=RULE",
        type=pair("KEY=RULE"),
        help="accept a value that breaks a rule; the conflict names the rule; can be repeated",
    )
    group.add_argument(
        "--allow-key-like-values",
        action="store_true",
        help="write values that equal a key; the service may turn these secrets into aliases",
    )


def run(options: Namespace) -> int:
    """Plan, and print the plan."""
    with planned(options) as plan:
        if options.json:
            show(plan.to_json(), sys.stdout)
        else:
            show_plan(plan, sys.stdout)
    return CONFLICTS if plan.conflicts else CHANGES if plan.changes or plan.drift else 0


@contextmanager
def planned(options: Namespace) -> Iterator[Plan]:
    """The plan of the arguments for the desired state, which can be applied inside the context."""
    from qovery.sync import plan_secrets

    rules = _rules(options)
    where, rules["state"] = environment_id(options), state_file(options)
    desired = read_desired(options.file, allow_empty=options.allow_empty)
    policies = rules["existing"]
    default = policies.pop(None, "update")
    keys = {*desired, *rules["renames"].values()} - rules["aliases"].keys()
    rules["existing"] = {**dict.fromkeys(keys, default), **policies} if policies else default
    with connected() as api:
        yield plan_secrets(api, where, desired, **rules)


def show_plan(plan: Plan, stream: TextIO | None) -> None:
    """Print the table of a plan."""
    show_table(str(plan), [action.kind for action in plan.actions], stream)


def _rules(options: Namespace) -> dict[str, Any]:
    """The keyword arguments of `plan_secrets` that the command line decides."""
    from qovery.sync import ValueRule

    if options.prune_prefix and not options.prune:
        options.usage_error("--prune-prefix needs --prune")
    if options.prune_recorded and not (options.prune and options.state):
        options.usage_error("--prune-recorded needs --prune and --state")
    allow: dict[str, set[str]] = {}
    for key, rule in options.allow or ():
        if rule not in get_args(ValueRule):
            options.usage_error(f"argument --allow: the rule must be one of {', '.join(get_args(ValueRule))}")
        allow.setdefault(key, set()).add(rule)
    return {
        "aliases": mapping(options.usage_error, "--alias", options.alias),
        "renames": mapping(options.usage_error, "--rename", options.rename),
        "existing": mapping(options.usage_error, "--existing", options.existing),
        "prune": options.prune,
        "prune_prefix": tuple(options.prune_prefix) if options.prune_prefix else None,
        "prune_recorded": options.prune_recorded,
        "replace": options.replace,
        "allow": allow,
        "allow_key_like_values": options.allow_key_like_values,
        "allow_empty": options.allow_empty,
    }

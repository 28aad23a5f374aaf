"""`compare`: which keys environments, or an environment and a file, have in common."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from qovery.cli.arguments import add_environment, add_state, new_command
from qovery.cli.client import connected, environment_id, state_file
from qovery.cli.desired_file import STDIN, read_keys
from qovery.cli.output import show, show_table

if TYPE_CHECKING:
    from qovery.cli.arguments import Commands

DIFFERENT = 2


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        run,
        "compare",
        "Compare the keys of environments, or of an environment and a file such as .env.example.",
        ["{} compare .env.example", "{} compare STAGING_ID PRODUCTION_ID", "{} compare A B .env.example --json"],
        {0: "all have the same keys", DIFFERENT: "one lacks a key of another"},
    )
    parser.add_argument(
        "what",
        nargs="+",
        metavar="ID_OR_FILE",
        help="the id of an environment, or one .env file or JSON object whose keys are compared (- is stdin). A single "
        "one is compared with --environment",
    )
    add_environment(parser)
    add_state(parser, "compare values as far as it knows them; they do not matter for the exit status")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: Namespace) -> int:
    """Compare, and print the table."""
    from qovery.sync import compare_secrets

    files = [one for one in options.what if _is_file(one)]
    environments = [one for one in options.what if one not in files]
    if len(files) > 1:
        options.usage_error("only one file can be compared")
    if len(options.what) == 1:
        environments = [environment_id(options), *environments]
    elif options.environment is not None:
        options.usage_error("--environment is for a single ID_OR_FILE")
    keys, state = read_keys(files[0]) if files else None, state_file(options)
    with connected() as api:
        comparison = compare_secrets(api, *environments, keys=keys, state=state)
    if options.json:
        show(comparison.to_json(), sys.stdout)
    else:
        show_table(str(comparison), ["missing" if row.missing else "" for row in comparison.rows], sys.stdout)
    return 0 if comparison.same_keys else DIFFERENT


def _is_file(text: str) -> bool:
    """Whether it names a file: one that exists, or what cannot be an id."""
    return text == STDIN or bool(re.search(r"[./\\]", text)) or os.path.isfile(text)

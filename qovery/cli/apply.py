"""`apply`: plan, ask, apply, and report."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from qovery.cli.arguments import ERROR, count, new_command, seconds
from qovery.cli.desired_file import STDIN
from qovery.cli.output import is_terminal, say, show, show_table
from qovery.cli.plan import CONFLICTS, add_desired, planned, show_plan
from qovery.exceptions import ApiValueError, ApplyInterrupted, PlanChangedError

if TYPE_CHECKING:
    from qovery.cli.arguments import Commands
    from qovery.sync import Plan, Report

INTERRUPTED = 130


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        run,
        "apply",
        "Plan, ask, and apply the plan. Ctrl-C and SIGTERM start nothing more, wait for running calls, and print the "
        "report; the second one does not wait.",
        ["{} apply .env", "{} apply .env --yes --strict --timeout 600", "sops -d secrets.json | {} apply - --yes"],
        {
            0: "everything was applied, apart from conflicts with --skip-conflicts",
            ERROR: "failures, unfinished actions, a plan that was not confirmed, or an error in one line on stderr",
            CONFLICTS: "nothing was applied: conflicts, or with --strict a change since the plan",
            INTERRUPTED: "interrupted; the report has what was done",
        },
    )
    add_desired(parser)
    group = parser.add_argument_group("apply")
    group.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal, and if FILE is -")
    group.add_argument("--skip-conflicts", action="store_true", help="skip conflicts and apply the rest")
    group.add_argument("--strict", action="store_true", help="apply nothing if the environment changed since the plan")
    group.add_argument("--max-workers", metavar="N", type=count, default=8, help="concurrent calls at most (8)")
    group.add_argument("--timeout", metavar="SECONDS", type=seconds, help="the time limit of the apply (none)")
    group.add_argument("--json", action="store_true", help="print the report as JSON, and the plan on stderr")


def run(options: Namespace) -> int:
    """Plan, ask, and apply."""
    if not options.yes and not (options.file != STDIN and is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise ApiValueError("there is no terminal to ask on: pass --yes to apply without a question")
    with planned(options) as plan:
        show_plan(plan, sys.stderr if options.json else sys.stdout)
        if plan.conflicts and not options.skip_conflicts:
            say("the plan has conflicts, so nothing was applied; --skip-conflicts applies the rest")
            return CONFLICTS
        if plan.changes and not options.yes and not _confirmed(plan):
            say("nothing was applied")
            return ERROR
        return _apply(plan, options)


def _apply(plan: Plan, options: Namespace) -> int:
    try:
        report = plan.apply(
            options.max_workers,
            progress=is_terminal(sys.stderr) and find_spec("tqdm") is not None,
            skip_conflicts=options.skip_conflicts,
            timeout=options.timeout,
            strict=options.strict,
        )
    except PlanChangedError as error:
        say(error)
        return CONFLICTS
    except ApplyInterrupted as error:
        _show_report(error.report, options)
        say("interrupted; the report has what was done")
        return INTERRUPTED
    _show_report(report, options)
    return 0 if report.complete else ERROR


def _show_report(report: Report, options: Namespace) -> None:
    if options.json:
        show(report.to_json(), sys.stdout)
    else:
        show_table(str(report), [result.state for result in report.results], sys.stdout)


def _confirmed(plan: Plan) -> bool:
    """Ask on the terminal; Enter means no."""
    changes = "1 change" if len(plan.changes) == 1 else f"{len(plan.changes)} changes"
    question = f"Apply {changes} to environment {plan.environment_id} at {plan.host}? [y/N] "
    answer = ""
    try:
        sys.stderr.write(question)
        sys.stderr.flush()
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith("\n"):  # the end of the input, or Ctrl-C
            sys.stderr.write("\n")
    return answer.strip().lower() in {"y", "yes"}

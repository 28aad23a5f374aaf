"""Shared parts of the commands: the parser, help texts, and the types of arguments."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, get_args

if TYPE_CHECKING:
    Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

PROGRAM = "qovery-secrets"

#: The exit status of an error, and that of a wrong command line, which BSD's sysexits.h calls EX_USAGE.
ERROR, WRONG_USAGE = 1, 64

ENVIRONMENT_VARIABLE = "QOVERY_ENVIRONMENT_ID"
STATE_KEY_VARIABLE = "QOVERY_STATE_KEY"

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_WIDTH = 79


class Parser(argparse.ArgumentParser):
    """A parser that quotes no argument in its errors, since it may be a value."""

    def error(self, message: str) -> NoReturn:
        """End with the exit status of a wrong command line."""
        self.print_usage(sys.stderr)
        told = re.split(r":? ?['\"]", message)[0]  # argparse quotes arguments
        self.exit(WRONG_USAGE, f"{self.prog}: error: {told}; see {self.prog} --help\n")


def new_parser(
    make: Any, name: str, description: str, examples: Sequence[str], statuses: Mapping[int, str], more: str = ""
) -> Parser:
    """Make a parser whose help text ends with examples and exit statuses.

    Args:
        make: `Parser`, or the `add_parser` of the commands.
        name: The name of the program or command.
        description: What it does; the first sentence is also shown in the list of commands.
        examples: Command lines, without the name of the program.
        statuses: The exit statuses beside those that every command has.
        more: Another paragraph.
    """
    told = {
        **statuses,
        ERROR: statuses.get(ERROR, "an error, in one line on stderr"),
        WRONG_USAGE: "a wrong command line",
    }
    lines = ["examples:", *(f"  {one.format(PROGRAM)}" for one in examples), "", "exit status:"]
    lines += [
        textwrap.fill(text, _WIDTH, initial_indent=f"  {status:<5}", subsequent_indent=" " * 7)
        for status, text in sorted(told.items())
    ]
    options = {} if make is Parser else {"help": description.partition(". ")[0].rstrip(".")}
    parser: Parser = make(
        name,
        description=textwrap.fill(description, _WIDTH),
        epilog="\n".join([*lines, *(["", more] if more else [])]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **options,
    )
    return parser


def new_command(
    commands: Commands,
    run: Callable[[argparse.Namespace], int],
    name: str,
    description: str,
    examples: Sequence[str],
    statuses: Mapping[int, str],
) -> Parser:
    """Add a command that `run` runs. The other arguments are those of `new_parser`."""
    parser = new_parser(commands.add_parser, name, description, examples, statuses)
    parser.set_defaults(run=run, usage_error=parser.error)
    return parser


def add_environment(parser: Parser) -> None:
    """Add the option that names the environment."""
    parser.add_argument("--environment", metavar="ID", help=f"the id of the environment (${ENVIRONMENT_VARIABLE})")


def add_state(parser: Parser, use: str) -> None:
    """Add the option that names the state file, and says what it is used for."""
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=text("the file"),
        help=f"a state file, whose key is in ${STATE_KEY_VARIABLE}: {use}",
    )


def pair(form: str) -> Any:
    """The type of `KEY=SOMETHING`, as a pair; the form names the two."""

    def read(text: str) -> tuple[str, str]:
        one, _, other = text.partition("=")
        if not one or not other:
            raise ArgumentTypeError(f"must be {form}")
        return one, other

    return read


def policy(text: str) -> tuple[str | None, str]:
    """The type of `POLICY` or `KEY=POLICY`, as a pair whose key may be None."""
    from qovery.sync import Existing

    key, separator, name = text.rpartition("=")
    if name not in get_args(Existing) or (separator and not key):
        raise ArgumentTypeError("must be update, keep or fail, for all keys or as KEY=update, KEY=keep, KEY=fail")
    return key or None, name


def mapping(usage_error: Any, option: str, pairs: Sequence[tuple[Any, str]] | None) -> dict[Any, str]:
    """The pairs of an option that can be given several times, once for each key."""
    given = dict(pairs or ())
    if len(given) < len(pairs or ()):
        usage_error(f"{option} names a key twice")
    return given


def text(what: str) -> Any:
    """The type of a text that may not be empty."""

    def read(given: str) -> str:
        if not given:
            raise ArgumentTypeError(f"{what} is empty")
        return given

    return read


def count(text: str) -> int:
    """The type of a positive integer."""
    if not re.fullmatch("[0-9]{1,6}", text) or not int(text):
        raise ArgumentTypeError("must be a positive integer")
    return int(text)


def seconds(text: str) -> float:
    """The type of a positive number of seconds."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise ArgumentTypeError("must be a positive number of seconds")
    return float(text)


def duration(text: str) -> timedelta:
    """The type of a duration such as `90d`."""
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if not found:
        raise ArgumentTypeError("must be a number of hours, days or weeks, such as 12h, 90d or 4w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})

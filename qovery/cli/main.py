"""`main`: run a command, and print an error in one line."""

from __future__ import annotations

import signal
import threading
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from qovery._version import __version__
from qovery.cli import apply, compare, doctor, listing, plan
from qovery.cli.arguments import ERROR, PROGRAM, Parser, new_parser
from qovery.cli.output import say
from qovery.exceptions import ApiException, OpenApiException

if TYPE_CHECKING:
    from qovery.cli.arguments import Commands

_VARIABLES = """\
environment variables:
  QOVERY_API_TOKEN       the token
  QOVERY_ENVIRONMENT_ID  the environment, unless --environment is given
  QOVERY_API_URL         the URL of the API, if it is another one
  NO_COLOR               if it is set, output has no colors"""

#: What `doctor` explains: no response, and the statuses for a wrong token, environment or URL.
_FOR_THE_DOCTOR = {None, 401, 403, 404}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status.

    Args:
        arguments: The command line; by default, that of the process.
    """
    try:
        with _warnings_in_one_line(), _sigterm_interrupts():
            options = _parse(arguments)
            status: int = options.run(options)
            return status
    except SystemExit as end:  # argparse: after a help text, and for a wrong command line
        return int(end.code or 0)
    except KeyboardInterrupt:
        say("interrupted")
        return apply.INTERRUPTED
    except (OpenApiException, OSError, Warning) as error:  # the interpreter may turn warnings into errors
        say(_text(error))
        return ERROR


def _parse(arguments: Sequence[str] | None) -> Namespace:
    parser = new_parser(
        Parser,
        PROGRAM,
        "List, compare, plan and apply the secrets of Qovery environments. No command shows a value or takes one as an "
        "argument.",
        ["{} doctor", "{} plan .env", "{} apply .env --yes", "{} apply --help"],
        {0: "success; the help text of each command has its other statuses"},
        _VARIABLES,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands: Commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for command in (listing, compare, plan, apply, doctor):
        command.add_to(commands)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        names = sorted({one.partition("=")[0] for one in unknown if one.startswith("--")})  # the rest may be a value
        options.usage_error(f"unknown arguments{': ' if names else ''}{', '.join(names)}")
    return options


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    def show(message: Warning | str, *rest: Any) -> None:
        say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM, with which CI services cancel a job, do what Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()  # no other thread can set handlers
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ApiException) and error.status in _FOR_THE_DOCTOR:
        return f"{error}. To find the cause: {PROGRAM} doctor"
    return str(error)

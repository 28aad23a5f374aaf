"""`python -m qovery.sandbox`: run the mock server until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shlex
import signal
import sys

from qovery.exceptions import OpenApiException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qovery.sandbox import Sandbox

#: The environment variable with the token of the admin API.
ADMIN_TOKEN_VARIABLE = "QOVERY_SANDBOX_ADMIN_TOKEN"  # noqa: S105 - a name


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve."""
    from qovery.sandbox.guard import is_loopback
    from qovery.sandbox.seed import ENVIRONMENT_ID

    parser = argparse.ArgumentParser(
        prog="qovery-sandbox",
        description="A local mock server for the Qovery secrets API, with fault injection. It stores values in plain "
        "text: do not put real secrets in it.",
        epilog=f"Without --seed, an empty server has one environment, {ENVIRONMENT_ID}.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="the port to listen on; 0 picks a free one (8080)")
    parser.add_argument("--db", metavar="FILE", help="store the secrets in this file instead of in memory")
    parser.add_argument("--seed", metavar="FILE", help="add the environments and secrets of this JSON file")
    parser.add_argument(
        "--behaviour",
        choices=("documented", "observed"),
        default="documented",
        help="follow the documentation, or the observed behaviour of the service (documented)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="send no null that the OpenAPI description of the service does not allow, for strict generated clients",
    )
    parser.add_argument(
        "--token", action="append", metavar="TOKEN", help="accept only this token; can be given several times"
    )
    parser.add_argument("--admin", action="store_true", help="serve the admin API under /_sandbox; it can read values")
    parser.add_argument(
        "--admin-token",
        metavar="TOKEN",
        default=os.environ.get(ADMIN_TOKEN_VARIABLE),
        help=f"the token for the admin API (${ADMIN_TOKEN_VARIABLE}, otherwise generated and printed at startup)",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="at info, log each request to stderr (warning)",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept requests to this host name too, of a container for example; can be given several times",
    )
    parser.add_argument("--public", action="store_true", help="allow a --host that other machines can reach")
    options = parser.parse_args(arguments)
    if not options.public and not is_loopback(options.host):
        sys.exit(f"{parser.prog}: other machines may reach {options.host}. Add --public to allow it")
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    try:
        from qovery.sandbox import Sandbox

        sandbox = Sandbox(
            host=options.host,
            port=options.port,
            db=options.db,
            behaviour=options.behaviour,
            tokens=frozenset(options.token) if options.token else None,
            seeded=options.seed is None,
            admin=options.admin,
            admin_token=options.admin_token,
            allowed_hosts=options.allowed_host,
            strict=options.strict,
        )
        if options.seed:
            sandbox.load(options.seed)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # uvicorn stops first, then raises the signal again
        with contextlib.suppress(KeyboardInterrupt):
            sandbox.run(lambda: print(_ready_lines(sandbox, options), flush=True))
    except OSError as error:
        sys.exit(f"{parser.prog}: {error.strerror or error}")
    except OpenApiException as error:
        sys.exit(f"{parser.prog}: {error}")


def _ready_lines(sandbox: Sandbox, options: argparse.Namespace) -> str:
    lines = [f"Qovery sandbox listening on {sandbox.url}"]  # programs read this line
    if options.admin and not options.admin_token:
        lines.append(f"Admin token: {sandbox.admin_token}")
    if sys.stdout.isatty():
        exports = (f"  export {name}={shlex.quote(value)}" for name, value in sandbox.environ.items())
        lines += ["To use it in another shell:", *exports]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

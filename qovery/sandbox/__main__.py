"""`python -m qovery.sandbox`: run the sandbox until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import logging
import signal
import sys

from qovery.exceptions import OpenApiException


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve."""
    from qovery.sandbox.seed import ENVIRONMENT_ID

    parser = argparse.ArgumentParser(
        prog="qovery-sandbox",
        description="A local server that behaves like the service. It keeps everything in the clear: no place for "
        "real secrets.",
        epilog=f"Without --seed and in a new --db there is one environment, {ENVIRONMENT_ID}.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="the port; 0 picks a free one (8080)")
    parser.add_argument("--db", metavar="FILE", help="keep the secrets in this file, not in memory")
    parser.add_argument("--seed", metavar="FILE", help="a JSON file with environments and secrets to add")
    parser.add_argument("--behaviour", choices=("documented", "observed"), default="documented")
    parser.add_argument("--token", action="append", metavar="TOKEN", help="let in only this token; may be repeated")
    parser.add_argument("--admin", action="store_true", help="serve the admin API under /_sandbox, values included")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="warning")
    parser.add_argument("--public", action="store_true", help="allow an address that others can reach")
    options = parser.parse_args(arguments)
    if not options.public and not _is_loopback(options.host):
        parser.error(
            f"{options.host} can be reached by others, and the sandbox protects nothing: add --public if you mean it"
        )
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
        )
        if options.seed:
            sandbox.load(options.seed)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the server stops first and then passes it on
        with contextlib.suppress(KeyboardInterrupt):
            sandbox.run(lambda: print(f"Qovery sandbox listening on {sandbox.url}", flush=True))
    except (ModuleNotFoundError, OpenApiException, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()

"""`python -m test.tools.soak [--calls N] [--seconds N]`: many calls under fault injection, and the resources left.

Eight threads share one client, and one call in five gets a fault. The run fails if a call raises an error outside of
the error tree or returns the response to another call, if a thread or a socket is left, if memory grows, or if the
time is up. The server is a separate process, so only the client is measured.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from qovery import ApiException
from test.support.clients import client_for
from test.support.hostile import HostileServer, Step, http_response, read, reset, send, stall, trickle

THREADS = 8
FAULT_RATE = 0.2
#: The limit of the memory kept by the second half of the calls, in bytes: of 1,000 calls, 48 each. Objects that are
#: created once do not grow with the calls.
GROWTH = 48 * 1024

#: Faults for the first request of a call.
FAULTS: dict[str, Sequence[Step]] = {
    "reset": [reset],
    "hang-up": [],
    "reset-in-the-head": [send(b"HTTP/1.1 200 OK\r\nContent-Le"), reset],
    "truncated": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")],
    "no-http": [send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")],
    "stall": [stall],
    "trickle": [trickle(http_response(200, "{" * 99))],
    "html": [send(http_response(200, "<html>"))],
    "broken-gzip": [send(http_response(200, "no gzip", "Content-Encoding: gzip"))],
    "too-large": [send(http_response(200, " " * 200_000))],
    "retry-later": [send(http_response(429, "{}", "Retry-After: 86400"))],
    **{str(status): [send(http_response(status, "{}", "Retry-After: 0"))] for status in (400, 401, 429, 500, 502, 503)},
}
SLOW = {"stall", "trickle"}
KEEP_OPEN = {name for name, steps in FAULTS.items() if name.isdigit()} | {"html", "broken-gzip", "retry-later"}


def key_of(call: str) -> str:
    """The key in the response to a call; of 100, since pydantic keeps up to 16,384 short strings of responses."""
    return f"KEY_{int(call.partition('.')[2]) % 100}"


# --- The server -----------------------------------------------------------------------------------


def serve() -> None:
    """Play the fault that the id of an environment names, at its first request, until standard input ends."""
    seen: set[str] = set()

    def play(sock: socket.socket, _: list[bytes]) -> None:
        while True:
            requests: list[bytes] = []
            read(sock, requests)
            method, path = requests[0].decode().split()[:2]
            call = path.split("/")[2]
            fault = "" if call in seen else call.partition(".")[0]
            seen.add(call)
            if fault:
                for step in FAULTS[fault]:
                    step(sock, requests)
                if fault not in KEEP_OPEN:
                    return
            else:
                secret = {"id": "i", "created_at": "2024-01-01T00:00:00Z", "key": key_of(call), "scope": "PROJECT"}
                sock.sendall(http_response(200, json.dumps({"results": [secret]} if method == "GET" else secret)))

    with HostileServer([play]) as server:
        print(server.url, flush=True)
        sys.stdin.read()


# --- The client -----------------------------------------------------------------------------------


class Soak:
    """The threads and their results."""

    def __init__(self, url: str, deadline: float) -> None:
        tokens = itertools.count()
        self.api = client_for(
            url,
            access_token=lambda: f"token-{next(tokens)}",
            connection_pool_maxsize=THREADS,
            max_response_size=100_000,
        )
        self.client = self.api.api_client
        self.deadline = deadline
        self.numbers = itertools.count()
        self.ends: Counter[str] = Counter()
        self.faults = 0
        self.problems: list[str] = []

    def run(self, calls: int) -> None:
        """Make that many calls, spread over all threads."""
        todo = iter(range(calls))
        threads = [threading.Thread(target=self.work, args=(todo,), daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, self.deadline - time.monotonic()))

    def work(self, todo: Any) -> None:
        for _ in todo:
            if time.monotonic() > self.deadline:
                return
            fault = random.choice(list(FAULTS)) if random.random() < FAULT_RATE else ""
            self.faults += bool(fault)
            call = f"{fault}.{next(self.numbers)}"
            try:
                result = self.call(random.randrange(6), call)
                end = "success"
                if result is not None and result != key_of(call):
                    self.problems.append(f"{call} got the response for {result}")
            except ApiException as error:
                end = type(error).__name__
                if not fault:
                    self.problems.append(f"a call without a fault failed: {error}")
            except Exception as error:
                end = type(error).__name__
                self.problems.append(f"{call} raised an error outside of the tree: {error!r}")
            self.ends[end] += 1

    def call(self, operation: int, env: str) -> str | None:
        """The key in the response, None if it has none."""
        api, limit = self.api, {"_request_timeout": 0.3} if env.partition(".")[0] in SLOW else {}
        body = {"key": "A", "value": "v" * 1000}
        if operation == 0:
            return (api.list_environment_secrets(env, **limit).results or [])[0].key
        if operation == 1:
            return api.create_environment_secret(env, body, **limit).key
        if operation == 2:
            return api.edit_environment_secret(env, "s", body, **limit).key
        if operation == 3:
            return api.create_environment_secret_alias(env, "s", {"key": "A"}, **limit).key
        if operation == 4:
            return api.create_environment_secret_override(env, "s", {"value": "v"}, **limit).key
        api.delete_environment_secret(env, "s", **limit)
        return None


def kept() -> int:
    """The bytes that Python holds after a collection."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def soak(url: str, calls: int, seconds: float) -> list[str]:
    """Print the results of the calls; return the problems."""
    started = time.monotonic()
    files = len(os.listdir("/dev/fd"))
    unraisable: list[str] = []
    warnings.simplefilter("error", ResourceWarning)  # raised for a socket that only the collector closes
    sys.unraisablehook = lambda problem: unraisable.append(f"unraisable: {problem.exc_value!r}")
    run = Soak(url, started + seconds)
    tracemalloc.start()
    run.run(calls // 2)
    open_files = len(os.listdir("/dev/fd")) - files
    half = kept()
    run.run(calls - calls // 2)
    growth = kept() - half
    tracemalloc.stop()
    run.client.close()
    problems = run.problems + unraisable
    left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    sockets = len(os.listdir("/dev/fd")) - files
    print(f"{run.ends.total()} calls, {run.faults} with a fault, in {time.monotonic() - started:.0f} s")
    for end, count in run.ends.most_common():
        print(f"  {count:6} {end}")
    print(f"threads left {len(left)}, sockets left {sockets}, open at half time {open_files}")
    print(f"memory kept by the second half {growth / 1024:.1f} KiB")
    if run.ends.total() != calls:
        problems.append(f"{calls - run.ends.total()} calls had not ended after {seconds:g} s")
    if left:
        problems.append(f"threads are left: {', '.join(left)}")
    if sockets:
        problems.append(f"{sockets} sockets are left")
    if open_files > THREADS:
        problems.append(f"{open_files} sockets were open at half time, which is more than the pool has")
    if growth > GROWTH:
        problems.append(f"memory grew by {growth / 1024:.1f} KiB, more than {GROWTH / 1024:g} KiB")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.tools.soak")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=120, help="the time for all calls")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    command = [sys.executable, "-m", "test.tools.soak", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            problems = soak(server.stdout.readline().strip(), options.calls, options.seconds)
        finally:
            server.stdin.close()
            server.terminate()
    for problem in problems[:20]:
        print(f"WRONG: {problem}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

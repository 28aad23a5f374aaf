"""`python -m test.benchmark.sync [--rounds N]`: the time to plan and apply many secrets.

The limits apply to a server with canned responses, which are sent after the latency and cost almost nothing. The mock
server itself takes longer than that; the row with bare connections shows how long.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import urllib3

from qovery import EnvironmentSecretApi, SecretRequest
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets
from test.benchmark import __main__ as calls
from test.benchmark import sandbox
from test.benchmark.__main__ import Row
from test.benchmark.worker import LARGE, SMALL
from test.support.clients import client_for

KEYS, LATENCY, WORKERS = 500, 0.02, 8
LIMIT = 50
ADMIN = "an-admin-token-of-the-benchmark"
PLANNED = 10_000
WORK = f"plan and apply {KEYS} keys, {LATENCY * 1000:g} ms"
WANTED = {f"KEY_{n}": f"value {n}" for n in range(KEYS)}


class Contenders:
    """Ways to create `KEYS` secrets on a server; each returns its seconds."""

    def __init__(self, host: str, port: int, environment: str) -> None:
        self.address = (host, port)
        self.environment = environment
        self.api = client_for(f"http://{host}:{port}")

    def plan_and_apply(self, workers: int = WORKERS, clock: Callable[[], float] = time.perf_counter) -> float:
        start = clock()
        report = plan_secrets(self.api, self.environment, WANTED).apply(workers)
        seconds = clock() - start
        assert len(report.succeeded) == KEYS
        return seconds

    def loop_cpu(self) -> float:
        return self.loop(time.process_time)

    def loop(self, clock: Callable[[], float] = time.perf_counter) -> float:
        start = clock()
        for key, value in WANTED.items():
            self.api.create_environment_secret(self.environment, SecretRequest(key=key, value=value))
        return clock() - start

    def bare(self) -> float:
        """The same bytes over the same number of connections, without a client."""
        return asyncio.run(self._bare())

    async def _bare(self) -> float:
        waiting = iter(WANTED.items())

        async def one() -> None:
            reader, writer = await asyncio.open_connection(*self.address)
            for key, value in waiting:
                body = json.dumps({"key": key, "value": value})
                writer.write(
                    f"POST /environment/{self.environment}/secret HTTP/1.1\r\nHost: localhost\r\n"
                    "Authorization: Token any\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 201"), head
                await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
            writer.close()
            await writer.wait_closed()

        start = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(WORKERS)))
        return time.perf_counter() - start


class SandboxContenders(Contenders):
    """The same for the mock server; each starts with an empty environment."""

    def plan_and_apply(self, workers: int = WORKERS, clock: Callable[[], float] = time.perf_counter) -> float:
        self._empty()
        return super().plan_and_apply(workers, clock)

    def bare(self) -> float:
        self._empty()
        return super().bare()

    def _empty(self) -> None:
        host, port = self.address
        for command, arguments in (
            ("reset", {}),
            ("add_environment", {"environment_id": self.environment}),
            ("delay", {"seconds": LATENCY}),
        ):
            url = f"http://{host}:{port}/_sandbox/{command}"
            response = urllib3.request("POST", url, json=arguments, headers={"Authorization": f"Bearer {ADMIN}"})
            assert response.status < 300, response.data


def paced(workers: int, jobs: int) -> float:
    """The seconds to create `KEYS` secrets in each of `jobs` environments at `LIMIT` requests per second."""
    with Sandbox(seeded=False) as limited:
        api = client_for(limited, retries=0)
        plans = [plan_secrets(api, limited.add_environment(), WANTED) for _ in range(jobs)]
        limited.rate_limit(LIMIT)
        start = time.perf_counter()
        with ThreadPoolExecutor(jobs) as pool:
            reports = list(pool.map(lambda plan: plan.apply(workers), plans))
        seconds = time.perf_counter() - start
        assert all(report.complete for report in reports)
    api.api_client.close()
    return seconds


def paced_rows() -> list[Row]:
    """Rows for a sliding window with `Retry-After`; the tests of the pace cover other limits, in virtual time."""
    rows = []
    for workers, jobs in ((8, 1), (32, 1), (64, 1), (8, 4)):
        work = f"apply {KEYS} keys in {jobs} environments, {workers} workers, {LIMIT} requests/s"
        row = Row(work, f"{jobs * KEYS} / {LIMIT} s", "s", 1.15)
        row.measure(functools.partial(paced, workers, jobs), lambda jobs=jobs: jobs * KEYS / LIMIT, 1, 1)
        rows.append(row)
    return rows


def plan_cpu(api: EnvironmentSecretApi) -> float:
    """The CPU seconds of this process to list 10,000 secrets of all kinds and plan `PLANNED` for their keys."""
    wanted = {f"A_KEY_OF_COMMON_LENGTH_{number}": f"value {number}" for number in range(PLANNED)}
    start = time.process_time()
    plan = plan_secrets(api, LARGE, wanted)
    seconds = time.process_time() - start
    assert len(plan.actions) == PLANNED
    return seconds


def worker_rows(canned: Contenders, rounds: int) -> list[Row]:
    """Rows for plan and apply with increasing numbers of workers, and for the CPU time of this process per key."""
    rows = []
    for workers, limit in ((WORKERS, 1.15), (32, 1.2)):
        row = Row(f"{WORK}, {workers} workers", f"{KEYS} · {LATENCY * 1000:g} ms / {workers}", "s", limit)
        ideal = KEYS * LATENCY / workers
        row.measure(functools.partial(canned.plan_and_apply, workers), lambda ideal=ideal: ideal, rounds, 1)
        rows.append(row)
    more = Row(f"{WORK}, 64 workers", "32 workers", "s", 1)
    more.measure(lambda: canned.plan_and_apply(64), lambda: canned.plan_and_apply(32), rounds, 1)
    cpu = Row(f"{WORK}, CPU per key", "one create, CPU", "ms")
    cpu.measure(
        lambda: canned.plan_and_apply(clock=time.process_time), canned.loop_cpu, max(1, rounds // 3), 1000 / KEYS
    )
    return [*rows, more, cpu]


def run(rounds: int) -> list[Row]:
    work = f"{WORK}, {WORKERS} workers"
    loop = Row(work, "a loop of creates", "s", None)
    bare = Row(f"{work}, mock server", f"{WORKERS} bare connections", "s", None)
    planning = Row(f"plan {PLANNED:,} keys that all exist, CPU", "one second", "s", 1)
    with calls.server(LATENCY) as url:
        canned = Contenders("127.0.0.1", int(url.rpartition(":")[2]), SMALL)
        canned.plan_and_apply()  # warms up
        workers = worker_rows(canned, rounds)
        loop.measure(canned.plan_and_apply, canned.loop, max(1, rounds // 3), 1)
        planning.measure(lambda: plan_cpu(canned.api), lambda: 1.0, rounds, 1)
    with sandbox.process("qovery.sandbox", "--port", 0, "--admin", "--admin-token", ADMIN) as (host, port, _):
        real = SandboxContenders(host, port, sandbox.ENVIRONMENT)
        bare.measure(real.plan_and_apply, real.bare, rounds, 1)
    return [*workers, loop, bare, planning, *paced_rows()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark.sync", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="turns of each contender (default: 9)")
    rows = run(parser.parse_args().rounds)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    print(calls.HEAD)
    for row in rows:
        print(row.line())
    sys.exit(any(row.holds is False for row in rows))


if __name__ == "__main__":
    main()

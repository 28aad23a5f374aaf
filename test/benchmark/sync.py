"""`python -m test.benchmark.sync [--rounds N]`: how fast many secrets are planned and applied.

Latency is that of a sandbox in a process of its own, which delays each answer.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time

import urllib3

from qovery import ApiClient, Configuration, EnvironmentSecretApi, SecretRequest
from qovery.sync import plan_secrets
from test.benchmark.__main__ import HEAD, Row
from test.benchmark.sandbox import ENVIRONMENT, server

KEYS, LATENCY, WORKERS = 500, 0.02, 8
PLANNED = 10_000


class Contenders:
    """Both ways to write `KEYS` secrets into an empty environment, each in seconds."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.api = EnvironmentSecretApi(ApiClient(Configuration(host=host, access_token="any")))

    def empty(self) -> None:
        for command, arguments in (
            ("reset", {}), ("add_environment", {"environment_id": ENVIRONMENT}), ("delay", {"seconds": LATENCY}),
        ):  # fmt: skip
            answer = urllib3.request("POST", f"{self.host}/_sandbox/{command}", json=arguments)
            assert answer.status < 300, answer.data

    def plan_and_apply(self) -> float:
        self.empty()
        wanted = {f"KEY_{n}": f"value {n}" for n in range(KEYS)}
        start = time.perf_counter()
        plan = plan_secrets(self.api, ENVIRONMENT, wanted)
        report = plan.apply(WORKERS)
        seconds = time.perf_counter() - start
        assert len(report.succeeded) == KEYS
        return seconds

    def loop(self) -> float:
        self.empty()
        start = time.perf_counter()
        for n in range(KEYS):
            self.api.create_environment_secret(ENVIRONMENT, SecretRequest(key=f"KEY_{n}", value=f"value {n}"))
        return time.perf_counter() - start


def plan_cpu(api: EnvironmentSecretApi) -> float:
    """The CPU seconds of this process to list what is there and plan `PLANNED` keys, a tenth of them aliases."""
    wanted = {f"KEY_{n}": f"value {n}" for n in range(PLANNED * 9 // 10)}
    aliases = {f"ALIAS_{n}": f"KEY_{n}" for n in range(PLANNED // 10)}
    start = time.process_time()
    plan = plan_secrets(api, ENVIRONMENT, wanted, aliases=aliases, prune=True)
    seconds = time.process_time() - start
    assert len(plan.changes) == PLANNED
    return seconds


def run(rounds: int) -> list[Row]:
    work = f"plan and apply {KEYS} keys, {LATENCY * 1000:g} ms of latency, {WORKERS} workers"
    ideal = Row(work, "the ideal", "s", 1.2)
    loop = Row(work, "a loop of creates", "s", None)
    planning = Row(f"list {PLANNED // 2:,} secrets and plan {PLANNED:,}, CPU", "one second", "s", 1)
    with server(0, "--admin") as (host, port, _):
        contenders = Contenders(f"http://{host}:{port}")
        contenders.plan_and_apply()  # warms up
        ideal.measure(contenders.plan_and_apply, lambda: KEYS * LATENCY / WORKERS, rounds, 1)
        loop.measure(contenders.plan_and_apply, contenders.loop, max(1, rounds // 3), 1)
    with server(PLANNED // 2) as (host, port, _):
        api = Contenders(f"http://{host}:{port}").api
        planning.measure(lambda: plan_cpu(api), lambda: 1.0, rounds, 1)
    return [ideal, loop, planning]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark.sync", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="turns of each contender (9)")
    rows = run(parser.parse_args().rounds)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    print(HEAD)
    for row in rows:
        print(row.line())
    sys.exit(any(row.holds is False for row in rows))


if __name__ == "__main__":
    main()

"""What a plan and its apply cost: `python -m test.benchmark.sync`. No part of the tests; it asserts nothing.

The server is a process of its own and answers each request after its latency, whatever else it is doing. Contenders
take turns, and the median of the rounds is shown. The ideal time is what the latency alone would take.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from qovery import ApiClient, Configuration, EnvironmentSecretApi, SecretRequest
from qovery.sync import plan_secrets

FEW = "00000000-0000-4000-8000-000000000003"
MANY = "00000000-0000-4000-8000-000000010000"


@contextlib.contextmanager
def service(latency: float) -> Iterator[EnvironmentSecretApi]:
    """The API of a server with canned answers."""
    command = [sys.executable, str(Path(__file__).parent / "server.py"), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        host = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        try:
            with ApiClient(Configuration(host=host, access_token="a-token")) as client:
                yield EnvironmentSecretApi(client)
        finally:
            process.terminate()


def one_by_one(api: EnvironmentSecretApi, desired: dict[str, str]) -> float:
    """The seconds in which a loop creates all secrets."""
    start = time.perf_counter()
    for key, value in desired.items():
        api.create_environment_secret(FEW, SecretRequest(key=key, value=value))
    return time.perf_counter() - start


def applied(api: EnvironmentSecretApi, desired: dict[str, str], workers: int) -> float:
    """The seconds in which an apply creates all secrets, its own list included."""
    plan = plan_secrets(api, FEW, desired)
    start = time.perf_counter()
    report = plan.apply(workers)
    seconds = time.perf_counter() - start
    assert len(report.succeeded) == len(desired)
    return seconds


def planned(api: EnvironmentSecretApi, desired: dict[str, str], environment_id: str) -> float:
    """The CPU seconds of a plan, its list included."""
    start = time.process_time()
    plan_secrets(api, environment_id, desired)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark.sync")
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--latency", type=float, default=20.0, help="in milliseconds")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--planned", type=int, default=10_000, help="the keys of the plan whose CPU is measured")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    desired = {f"KEY_{number}": f"value {number}" for number in range(options.keys)}
    with service(options.latency / 1000) as api:
        ideal = options.keys * options.latency / 1000 / options.workers
        pairs = [(applied(api, desired, options.workers), one_by_one(api, desired)) for _ in range(options.rounds)]
    ours, loop = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{options.keys:,} new keys, {options.latency:g} ms of latency, median of {options.rounds}")
    print(
        f"apply with {options.workers} workers {ours:.2f} s, {ours / ideal:.2f} x the ideal {ideal:.2f} s (held to 1.2)"
    )
    print(f"a loop, one by one {loop:.2f} s, {loop / ours:.1f} x the apply")
    desired = {f"A_KEY_OF_COMMON_LENGTH_{number}": f"value {number}" for number in range(options.planned)}
    with service(0) as api:
        for existing, environment_id in ((3, FEW), (10_000, MANY)):
            cpu = statistics.median(planned(api, desired, environment_id) for _ in range(options.rounds))
            print(f"plan of {options.planned:,} keys where {existing:,} exist: {cpu:.2f} s of CPU (held to 1)")


if __name__ == "__main__":
    main()

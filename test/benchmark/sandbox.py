"""Load test of the mock server: `python -m test.benchmark.sandbox`. Not part of the tests; it asserts nothing.

The server is a separate process, as it is for a client. The load comes from this process over keep-alive connections,
each of which sends its next request once it has the response to the last one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from qovery.sandbox import Sandbox

ENVIRONMENT = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
HEAD = f"GET /environment/{ENVIRONMENT}/secret HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\n\r\n".encode()


@contextlib.contextmanager
def process(*arguments: object) -> Iterator[tuple[str, int, int]]:
    """Run a server; yields its host, port and process id once it is ready."""
    command = [sys.executable, "-m", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        host, _, port = running.stdout.readline().strip().rpartition("/")[2].rpartition(":")
        try:
            yield host, int(port), running.pid
        finally:
            running.terminate()


def ready_times(*commands: tuple[object, ...]) -> list[float]:
    """The seconds from the start of each command until it is ready, the median of 11 alternating runs."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(11):
        for command, its in zip(commands, times, strict=True):
            start = time.perf_counter()
            with process(*command):
                its.append(time.perf_counter() - start)
    return [statistics.median(its) for its in times]


def stop_time() -> float:
    """The seconds that a mock server in this process takes to stop, the median of 11."""
    times = []
    for _ in range(11):
        sandbox = Sandbox().start()
        start = time.perf_counter()
        sandbox.stop()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


async def load(host: str, port: int, connections: int, requests: int) -> tuple[float, list[float], int]:
    """The seconds for all requests, the seconds of each, and the size of a response in bytes."""
    times: list[float] = []
    size = 0

    async def one() -> None:
        nonlocal size
        reader, writer = await asyncio.open_connection(host, port)
        for _ in range(requests // connections):
            start = time.perf_counter()
            writer.write(HEAD)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            found = re.search(rb"content-length: (\d+)", head)
            assert found
            size = int(found[1])
            await reader.readexactly(size)
            times.append(time.perf_counter() - start)
        writer.close()
        await writer.wait_closed()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return time.perf_counter() - start, sorted(times), size


def resident(pid: int) -> float:
    """The resident memory of a process in MiB, NaN on systems without /proc."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else float("nan")
    return float("nan")


def reset_time(secrets: int) -> float:
    """The seconds that resetting a mock server with that many secrets takes, the median of 50."""
    seed = {"environments": [{"secrets": [{"key": f"KEY_{n}"} for n in range(secrets)]}]}
    times = []
    with Sandbox(seeded=False) as sandbox:
        for _ in range(50):
            sandbox.load(seed)
            start = time.perf_counter()
            sandbox.reset()
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def measured(host: str, port: int, connections: int, requests: int) -> tuple[str, int]:
    """The rate and latency of lists as text, and the size of a response in bytes."""
    seconds, times, size = asyncio.run(load(host, port, connections, requests))
    median, p99 = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
    return f"{len(times) / seconds:8,.0f} requests per second, median {median:.1f} ms, p99 {p99:.1f} ms", size


async def probed(host: str, port: int, seconds: float) -> tuple[float, int]:
    """List another environment for `seconds`; return the longest time of a list in seconds, and the number of lists."""
    reader, writer = await asyncio.open_connection(host, port)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        writer.write(HEAD.replace(ENVIRONMENT.encode(), OTHER.encode()))
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(found[1]) if found else 0)
        times.append(time.perf_counter() - start)
        await asyncio.sleep(0.001)
    writer.close()
    return max(times), len(times)


def held_up(host: str, port: int) -> str:
    """The longest wait of other requests while 100,000 secrets are listed."""

    async def both() -> tuple[float, int]:
        probe = asyncio.create_task(probed(host, port, 3))
        await asyncio.sleep(0.5)
        await load(host, port, 1, 1)
        return await probe

    longest, number = asyncio.run(both())
    return f"longest of {number:,} other requests {1000 * longest:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark.sandbox")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--secrets", type=int, default=20)
    options = parser.parse_args()
    warm = min(options.requests, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        seed, content = Path(folder) / "seed.json", Path(folder) / "content.json"
        many = Path(folder) / "many.json"
        for file, number in ((seed, options.secrets), (many, 100_000)):
            held = [{"key": f"KEY_{n}", "value": "x" * 40} for n in range(number)]
            file.write_text(json.dumps({"environments": [{"id": ENVIRONMENT, "secrets": held}, {"id": OTHER}]}))
        with Sandbox(seeded=False) as sandbox:
            sandbox.load(seed)
            content.write_bytes(sandbox._store.list_json(ENVIRONMENT))
        ours: tuple[object, ...] = ("qovery.sandbox", "--port", 0)
        bare: tuple[object, ...] = ("test.benchmark.bare", content)
        print(f"lists of {options.secrets} secrets, {options.connections} connections")
        with process(*ours, "--seed", seed) as (host, port, pid), process(*bare) as (bare_host, bare_port, _):
            asyncio.run(load(host, port, options.connections, warm))
            asyncio.run(load(bare_host, bare_port, options.connections, warm))
            before = resident(pid)
            text, size = measured(host, port, options.connections, options.requests)
            after = resident(pid)
            print(f"  mock server     {text} ({size:,} bytes)")
            text, size = measured(bare_host, bare_port, options.connections, options.requests)
            print(f"  bare starlette  {text} ({size:,} bytes)")
        print(f"memory {before:.0f} MiB after {warm:,} requests, {after:.0f} MiB after {warm + options.requests:,}")
        sandbox_ready, bare_ready = ready_times(ours, bare)
        print(f"ready after {sandbox_ready:.2f} s; bare starlette {bare_ready:.2f} s")
        with process(*ours, "--seed", many) as (host, port, _):
            print(f"while 100,000 secrets are listed: {held_up(host, port)}")
    print(f"stop {1000 * stop_time():.1f} ms, reset {1000 * reset_time(options.secrets):.2f} ms")


if __name__ == "__main__":
    main()

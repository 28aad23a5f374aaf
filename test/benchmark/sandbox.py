"""What the sandbox bears: `python -m test.benchmark.sandbox`. No part of the tests; it asserts nothing.

The server is a process of its own, as it is for a client; the load comes from this one, over keep-alive
connections that each send their next request when the answer to the last one is there.
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
HEAD = f"GET /environment/{ENVIRONMENT}/secret HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Token t\r\n\r\n".encode()


@contextlib.contextmanager
def server(secrets: int, *options: str) -> Iterator[tuple[str, int, int]]:
    """The address of a sandbox with that many secrets in one environment, and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed.json"
        held = [{"key": f"KEY_{n}", "value": "x" * 40} for n in range(secrets)]
        seed.write_text(json.dumps({"environments": [{"id": ENVIRONMENT, "secrets": held}]}))
        command = [sys.executable, "-m", "qovery.sandbox", "--port", "0", "--seed", str(seed), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            host, _, port = process.stdout.readline().strip().rpartition("/")[2].rpartition(":")
            try:
                yield host, int(port), process.pid
            finally:
                process.terminate()


async def load(host: str, port: int, connections: int, requests: int) -> tuple[float, list[float], int]:
    """The seconds for all requests, the seconds of each, and the size of an answer in bytes."""
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
    """The memory of a process in MiB, where /proc tells it."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else float("nan")
    return float("nan")


def reset_time(secrets: int) -> float:
    """The seconds in which a sandbox with that many secrets is as good as new, the median of 50."""
    seed = {"environments": [{"secrets": [{"key": f"KEY_{n}"} for n in range(secrets)]}]}
    times = []
    with Sandbox(seeded=False) as sandbox:
        for _ in range(50):
            sandbox.load(seed)
            start = time.perf_counter()
            sandbox.reset()
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark.sandbox")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--secrets", type=int, default=20)
    options = parser.parse_args()
    with server(options.secrets) as (host, port, pid):
        warm = min(options.requests, 20_000)
        asyncio.run(load(host, port, options.connections, warm))
        before = resident(pid)
        seconds, times, size = asyncio.run(load(host, port, options.connections, options.requests))
        after = resident(pid)
    median, p99 = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
    print(f"{len(times):,} lists of {options.secrets} secrets ({size:,} bytes), {options.connections} connections")
    print(f"{len(times) / seconds:,.0f} requests per second, median {median:.1f} ms, p99 {p99:.1f} ms")
    print(f"memory of the server {before:.0f} MiB after {warm:,} requests, {after:.0f} MiB after {warm + len(times):,}")
    print(f"reset {1000 * reset_time(options.secrets):.2f} ms")


if __name__ == "__main__":
    main()

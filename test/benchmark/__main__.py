"""`python -m test.benchmark [--json FILE] [--chart FILE] [--rounds N]`: measure, and print the table.

Every row compares two contenders that take turns, and shows the median and the range of their ratios. CPU time is that
of the client's process only; the server is a separate process. valgrind counts instructions, which other processes on
the machine do not affect. OpenAPI Generator makes the generated client, which needs Java. Rows that need a missing tool
say so.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import trustme

from test.benchmark.chart import chart
from test.support import openapi_generator

#: The floor: the minimum cost of any client that uses the two libraries, with one schema of its own.
LIBRARIES = "import urllib3, pydantic; pydantic.create_model('M', x=(int, 1)).model_validate_json('{}')"

#: The head of the table.
HEAD = (
    "| workload | compared with | this package | other | ratio (range) | limit | met |\n|---|---|---|---|---|---|---|"
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORKER = str(HERE / "worker.py")

#: The approximate number of certificate authorities that a system trusts.
AUTHORITIES = 140

SMALL_CALLS = ("list-3", "create", "delete")

Measure = Callable[[], float]


@dataclass
class Row:
    """One line of the table; `holds` is None if the row was not measured or has no limit."""

    work: str
    against: str
    unit: str
    limit: float | None = None
    more_is_better: bool = False
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    skipped: str = "not measured"

    def measure(self, ours: Measure, theirs: Measure, rounds: int, factor: float) -> None:
        """Run both in turn; `factor` converts their results to the row's unit."""
        pairs = [(ours() * factor, theirs() * factor) for _ in range(rounds)]
        ratios = sorted(a / b for a, b in pairs)
        self.ours = statistics.median(a for a, _ in pairs)
        self.theirs = statistics.median(b for _, b in pairs)
        self.ratio = statistics.median(ratios)
        self.spread = (ratios[0], ratios[-1])

    @property
    def holds(self) -> bool | None:
        if self.ratio is None or self.limit is None:
            return None
        return self.ratio >= self.limit if self.more_is_better else self.ratio <= self.limit

    def line(self) -> str:
        bound = "" if self.limit is None else f"{'≥' if self.more_is_better else '≤'} {self.limit:g}"
        if self.ours is None or self.theirs is None or self.ratio is None or self.spread is None:
            return f"| {self.work} | {self.against} | - | - | - | {bound} | {self.skipped} |"
        verdict = {True: "yes", False: "NO", None: ""}[self.holds]
        return (
            f"| {self.work} | {self.against} | {self.ours:.4g} {self.unit} | {self.theirs:.4g} {self.unit}"
            f" | {self.ratio:.2f} ({self.spread[0]:.2f}-{self.spread[1]:.2f}) | {bound} | {verdict} |"
        )


def process_cpu(*command: str) -> float:
    """Run a process and return its CPU seconds."""
    child = subprocess.Popen(command, env=_environment(ROOT))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def instructions(*arguments: str, path: Path = ROOT) -> float:
    """Run a Python process and return its instructions, without those of the kernel."""
    with tempfile.TemporaryDirectory() as folder:
        counting = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        environment = {**_environment(path), "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [*counting, sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"valgrind ended with {done.returncode}: {done.stderr}")
    return float(found[1])


def instructions_of_a_call(kind: str, url: str, work: str) -> float:
    """The instructions per call, without those of the startup."""
    few, many = 50, 250
    once, often = (instructions(WORKER, kind, url, work, str(count)) for count in (few, many))
    return (often - once) / (many - few)


class Worker:
    """A contender in its own process that runs one workload per command."""

    def __init__(self, kind: str, url: str, path: Path, settings: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, WORKER, kind, url],
            env={**_environment(path), **(settings or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, *words: object) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(*words, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@contextlib.contextmanager
def server(delay: float = 0, certificate: Path | None = None) -> Iterator[str]:
    """Run a server with canned responses in its own process; yields its URL. With a certificate and key it uses TLS."""
    command = [sys.executable, str(HERE / "server.py"), str(delay), *([str(certificate)] if certificate else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def _environment(path: Path) -> dict[str, str]:
    # Bytecode is cached, as for an installed package; `main` keeps it out of the source folders.
    return {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": ""}


class Benchmark:
    """Measures the rows one after another.

    Args:
        generated: The folder of the generated client; rows against it are skipped if it is None.
        rounds: The number of turns of each contender in a row.
    """

    def __init__(self, generated: Path | None, rounds: int) -> None:
        self.generated = generated
        self.rounds = rounds
        self.rows: list[Row] = []

    def run(self) -> list[Row]:
        python = sys.executable
        self._row(Row("`import qovery`, whole process", "`python -c pass`", "ms", 1.3)).measure(
            lambda: process_cpu(python, "-c", "import qovery"),
            lambda: process_cpu(python, "-c", "pass"),
            3 * self.rounds,
            1e3,
        )
        with server() as url:
            self._starts(url)
            self._small_calls(url)
            self._large_lists(url)
        self._first_calls_over_tls()
        with server(0.01) as url, Worker("client", url, ROOT) as ours:
            self._row(Row("16 threads, 10 ms latency", "16 / 10 ms", "calls/s", 0.85, more_is_better=True)).measure(
                lambda: ours.order("threads", 16), lambda: 1600.0, self.rounds, 1
            )
        return self.rows

    def _row(self, row: Row) -> Row:
        self.rows.append(row)
        print(f"{row.work} compared with {row.against} …", file=sys.stderr, flush=True)
        return row

    def _measurable(self, row: Row, counts: bool = False) -> bool:
        """Return whether everything that the row needs is installed; otherwise the row says what is missing."""
        if row.against == "generated client" and self.generated is None:
            row.skipped = "not measured: needs Java and openapi-generator-cli"
        elif counts and shutil.which("valgrind") is None:
            row.skipped = "not measured: valgrind is not installed"
        else:
            return True
        return False

    def _starts(self, url: str) -> None:
        first = (WORKER, "client", url, "list-3", "1")
        ours = functools.partial(instructions, *first)
        floor = self._row(Row("startup and first list", "floor", "M instructions", 1.06))
        if self._measurable(floor, counts=True):
            libraries = functools.partial(instructions, "-c", LIBRARIES)
            ours(), libraries()  # writes the bytecode
            floor.measure(ours, libraries, 3, 1e-6)
        other = self._row(Row("startup and first list", "generated client", "M instructions"))
        if self._measurable(other, counts=True):
            theirs = functools.partial(instructions, *first, path=self.generated or ROOT)
            theirs()  # writes the bytecode
            other.measure(ours, theirs, 3, 1e-6)

    def _small_calls(self, url: str) -> None:
        with Worker("client", url, ROOT) as ours, Worker("baseline", url, ROOT) as baseline:
            for work in SMALL_CALLS:
                self._calls(Row(f"{work}, per call", "hand-written baseline", "µs", 0.95), ours, baseline, work, 400)
        for work in SMALL_CALLS:
            row = self._row(Row(f"{work}, per call", "hand-written baseline", "k instructions", 0.95))
            if self._measurable(row, counts=True):
                row.measure(
                    functools.partial(instructions_of_a_call, "client", url, work),
                    functools.partial(instructions_of_a_call, "baseline", url, work),
                    1,
                    1e-3,
                )

    def _calls(self, row: Row, ours: Worker, theirs: Worker, work: str, count: int) -> None:
        self._row(row)
        turns = [functools.partial(contender.order, "call", work, count) for contender in (ours, theirs)]
        for turn in turns:
            turn()  # warms up
        row.measure(turns[0], turns[1], 3 * self.rounds, 1e6 if row.unit == "µs" else 1e3)

    def _large_lists(self, url: str) -> None:
        large = Row("list-10000, per call", "generated client", "ms", 0.6)
        with Worker("client", url, ROOT) as ours:
            with Worker("baseline", url, ROOT) as baseline:
                self._calls(
                    Row("list-10000, per call", "hand-written baseline", "ms", 2.5), ours, baseline, "list-10000", 3
                )
            if self.generated is None:
                self._measurable(self._row(large))
            else:
                with Worker("client", url, self.generated) as theirs:
                    self._calls(large, ours, theirs, "list-10000", 3)
        for row, order in (
            (Row("list-10000, peak memory allocated by Python", "generated client", "MiB", 0.7), "memory"),
            (Row("list-10000, growth of peak RSS", "generated client", "MiB"), "growth"),
        ):
            if self._measurable(self._row(row)):
                row.measure(
                    functools.partial(_first_list, order, url, ROOT),
                    functools.partial(_first_list, order, url, self.generated or ROOT),
                    max(3, self.rounds // 3),
                    1 / 2**20,
                )

    def _first_calls_over_tls(self) -> None:
        row = self._row(Row("TLS, 32 concurrent first calls", "generated client", "ms", 0.25))
        if not self._measurable(row):
            return
        with tempfile.TemporaryDirectory() as folder:
            settings, certificate = _trusted(Path(folder))
            with server(0, certificate) as url:

                def first_calls(path: Path) -> float:
                    with Worker("client", url, path, settings) as worker:
                        return worker.order("first", 32)

                row.measure(lambda: first_calls(ROOT), lambda: first_calls(self.generated or ROOT), self.rounds, 1e3)


def _first_list(order: str, url: str, path: Path) -> float:
    """The cost of the first large list of a process."""
    with Worker("client", url, path) as worker:
        worker.order("call", "list-3", 3)
        return worker.order(order, "list-10000")


def _trusted(folder: Path) -> tuple[dict[str, str], Path]:
    """A server certificate, and the variables that make OpenSSL trust as many authorities as on a real system."""
    authorities = [trustme.CA() for _ in range(AUTHORITIES)]
    bundle, certificate = folder / "authorities.pem", folder / "server.pem"
    bundle.write_bytes(b"".join(authority.cert_pem.bytes() for authority in authorities))
    certificate.write_bytes(authorities[0].issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes())
    return {"SSL_CERT_FILE": str(bundle), "SSL_CERT_DIR": str(folder)}, certificate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.benchmark", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to FILE, as JSON")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the rows to FILE, as SVG")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="turns of each contender (default: 9)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder, "bytecode"))
        generated = Path(folder, "generated") if openapi_generator.available() else None
        if generated:
            openapi_generator.generate(generated, "qovery", strict=False)
        rows = Benchmark(generated, arguments.rounds).run()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    print(HEAD)
    for row in rows:
        print(row.line())
    results = [{**asdict(row), "holds": row.holds} for row in rows]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.chart:
        arguments.chart.write_text(chart(results), encoding="utf-8")
    sys.exit(any(row.holds is False for row in rows))


if __name__ == "__main__":
    main()

"""`python -m test.tools.benchmark [--generated DIR] [--json FILE] [--rounds N]`: measure, and print the table.

Every row compares two contenders that take turns, and shows the median of the ratios with its spread. CPU
is that of the client's process alone; the server is a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

#: What every client that stands on the two libraries must pay, a schema of its own included.
LIBRARIES = "import urllib3, pydantic; pydantic.create_model('M', x=(int, 1)).model_validate_json('{}')"

#: What stands above the lines of rows.
HEAD = "| work | against | this package | the other | ratio (spread) | bound | holds |\n|---|---|---|---|---|---|---|"

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

Measure = Callable[[], float]


@dataclass
class Row:
    """One line of the table; `holds` is None if the row was not measured or has no bound."""

    work: str
    against: str
    unit: str
    limit: float | None
    more_is_better: bool = False
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None

    def measure(self, ours: Measure, theirs: Measure, rounds: int, factor: float) -> None:
        """Let both take turns; `factor` turns what they return into the row's unit."""
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
            return f"| {self.work} | {self.against} | - | - | - | {bound} | not measured |"
        verdict = {True: "yes", False: "NO", None: ""}[self.holds]
        return (
            f"| {self.work} | {self.against} | {self.ours:.4g} {self.unit} | {self.theirs:.4g} {self.unit}"
            f" | {self.ratio:.2f} ({self.spread[0]:.2f}-{self.spread[1]:.2f}) | {bound} | {verdict} |"
        )


def process_cpu(*command: str, path: Path = ROOT) -> float:
    """The CPU seconds of a whole process."""
    child = subprocess.Popen(command, env=_environment(path))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


class Worker:
    """A contender that waits for orders."""

    def __init__(self, kind: str, port: int, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), kind, str(port)],
            env=_environment(path),
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
def server(delay: float = 0) -> Iterator[int]:
    """A canned server in its own process; gives its port."""
    process = subprocess.Popen([sys.executable, str(HERE / "server.py"), str(delay)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _environment(path: Path) -> dict[str, str]:
    # Both as if installed: with their bytecode, which is kept out of their folders.
    return {
        **os.environ,
        "PYTHONPATH": str(path),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), f"bytecode-of-{os.getuid()}")),
    }


def run(generated: Path | None, rounds: int) -> list[Row]:
    python, worker = sys.executable, str(HERE / "worker.py")
    rows: list[Row] = []

    def row(work: str, against: str, unit: str, limit: float | None = None, more_is_better: bool = False) -> Row:
        rows.append(Row(work, against, unit, limit, more_is_better))
        print(f"{work} against {against} …", file=sys.stderr, flush=True)
        return rows[-1]

    row("`import qovery`, whole process", "`python -c pass`", "ms", 1.3).measure(
        lambda: process_cpu(python, "-c", "import qovery"), lambda: process_cpu(python, "-c", "pass"), 3 * rounds, 1e3
    )
    with server() as port:
        first = row("start to the first list, whole process", "generated", "ms", 0.6)
        floor = row("start, `import urllib3, pydantic` alone", "generated", "ms")
        if generated:
            theirs_once = functools.partial(process_cpu, python, worker, "client", str(port), "once", path=generated)
            for once_row, ours_once in (
                (first, functools.partial(process_cpu, python, worker, "client", str(port), "once")),
                (floor, functools.partial(process_cpu, python, "-c", LIBRARIES)),
            ):
                ours_once(), theirs_once()  # writes the bytecode
                once_row.measure(ours_once, theirs_once, 2 * rounds, 1e3)
        with Worker("client", port, ROOT) as ours, Worker("hand", port, ROOT) as hand:
            for work, count, limit in (
                ("list-3", 400, 1),
                ("create", 400, 1),
                ("delete", 400, 1),
                ("list-10000", 3, 2.2),
            ):
                turns = [functools.partial(contender.order, "call", work, count) for contender in (ours, hand)]
                for turn in turns:
                    turn()  # warms up
                row(f"{work}, a call", "by hand", "µs", limit).measure(turns[0], turns[1], 3 * rounds, 1e6)
            large = row("list-10000, a call", "generated", "µs", 0.45)
            memory = row("list-10000, peak of what Python allocates", "generated", "MiB", 0.7)
            grown = row("list-10000, growth of the process", "generated", "MiB")
            if generated:
                with Worker("client", port, generated) as theirs:
                    large.measure(
                        lambda: ours.order("call", "list-10000", 3),
                        lambda: theirs.order("call", "list-10000", 3),
                        rounds,
                        1e6,
                    )
                for memory_row, order in ((memory, "memory"), (grown, "growth")):
                    memory_row.measure(
                        functools.partial(_first_list, order, port, ROOT),
                        functools.partial(_first_list, order, port, generated),
                        max(3, rounds // 3),
                        1 / 2**20,
                    )
    with server(0.01) as port, Worker("client", port, ROOT) as ours:
        row("16 threads, 10 ms of latency", "16 / 10 ms", "calls/s", 0.85, more_is_better=True).measure(
            lambda: ours.order("threads", 16), lambda: 1600.0, rounds, 1
        )
    return rows


def _first_list(order: str, port: int, path: Path) -> float:
    """What the first large list of a process costs."""
    with Worker("client", port, path) as worker:
        worker.order("call", "list-3", 3)
        return worker.order(order, "list-10000")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m test.tools.benchmark", description=__doc__)
    parser.add_argument("--generated", type=Path, metavar="DIR", help="the folder that holds a generated `qovery`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="turns of each contender (9)")
    arguments = parser.parse_args()
    rows = run(arguments.generated and arguments.generated.resolve(), arguments.rounds)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    print(HEAD)
    for row in rows:
        print(row.line())
    if arguments.json:
        arguments.json.write_text(json.dumps([{**asdict(row), "holds": row.holds} for row in rows], indent=1) + "\n")
    sys.exit(any(row.holds is False for row in rows))


if __name__ == "__main__":
    main()

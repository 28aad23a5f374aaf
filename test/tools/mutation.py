"""Mutation testing: `python test/tools/mutation.py [--sample N] [--seed N] [FILE ...]`.

mutmut makes small faults ("mutants") in the files of `TARGETS`, one at a time, and runs the tests of the mutated file
against each. A mutant that passes them survives. The run fails if the score of a target is below its minimum; a
sample is too small to judge a target, so it only lists survivors.

Not mutated, because mutmut cannot: code outside functions, and functions with a decorator other than `staticmethod`
or `classmethod`. Not mutated by choice: text with a space in it, which is a message or SQL.
Other text is mutated once, and not again by changes of case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from mutmut.__main__ import cli
from mutmut.configuration import config, reset_config
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.mutators import mutation_operators, operator_string
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import get_mutant_name

ROOT = Path(__file__).resolve().parents[2]

#: Each file or folder, and the minimum score in percent. Its tests are found by its path.
TARGETS = {
    "qovery/redaction/marks.py": 95,
    "qovery/redaction/sealing.py": 95,
    "qovery/redaction/validation.py": 95,
    "qovery/retry.py": 90,
    "qovery/transport/response_head.py": 90,
    "qovery/operation.py": 90,
    "qovery/sync/planner.py": 90,
    "qovery/sync/desired.py": 90,
    "qovery/sync/inventory.py": 90,
    "qovery/sync/order.py": 90,
    "qovery/sandbox/store": 90,
    "qovery/redaction/decoders.py": 95,
    "qovery/redaction/text_mask.py": 95,
}

#: Tests that see the methods which mutmut adds to a class.
DESELECTED = ["test/redaction/test_marks.py::test_channels__every_way_to_show_has_a_row"]

#: Mutants that behave like the original code: file, original line, mutated line. Each entry says why.
EQUIVALENT = {
    (  # neither default is a number
        "qovery/transport/response_head.py",
        'length = "0" if status in _NO_BODY else fields.get("content-length", "")',
        'length = "0" if status in _NO_BODY else fields.get("content-length", "XXXX")',
    ),
    (  # neither default contains "close"
        "qovery/transport/response_head.py",
        'self.will_close = "close" in fields.get("connection", "").lower()',
        'self.will_close = "close" in fields.get("connection", "XXXX").lower()',
    ),
    # X is a letter, which `quote` never encodes.
    ("qovery/operation.py", 'return quote(text, safe="")', 'return quote(text, safe="XXXX")'),
    # This conflict only makes `decide` protect the target and start again; its reason and secret are never used.
    *{
        (
            "qovery/sync/planner.py",
            "return self._conflict(alias.key, problem, alias)",
            f"return self._conflict({other})",
        )
        for other in ("alias.key, None, alias", "alias.key, problem, None", "alias.key, alias", "alias.key, problem, ")
    },
}


class Mutant(NamedTuple):
    name: str
    target: str
    file: Path


class Result(NamedTuple):
    mutant: Mutant
    status: str
    diff: str

    @property
    def killed(self) -> bool:
        return self.status in {"killed", "timeout"}

    @property
    def equivalent(self) -> bool:
        return not self.killed and self.change in EQUIVALENT

    @property
    def change(self) -> tuple[str, str, str]:
        removed, added = (
            "\n".join(line[1:].strip() for line in self.diff.splitlines()[2:] if line.startswith(sign)) for sign in "-+"
        )
        return str(self.mutant.file), removed, added


def changed_text(node: cst.BaseString) -> Iterable[cst.BaseString]:
    return [] if isinstance(node, cst.SimpleString) and " " in node.value else islice(operator_string(node), 1)


def removed_call(node: cst.Expr) -> Iterable[cst.Pass]:
    """A call whose result is not used becomes `pass`, which mutmut itself does not try."""
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


# mutmut has no setting for its operators.
mutation_operators[:] = [
    (kind, changed_text if operator is operator_string else operator) for kind, operator in mutation_operators
] + [(cst.Expr, removed_call)]


def sources(target: str) -> list[Path]:
    path = ROOT / target
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [file.relative_to(ROOT) for file in files]


def tests(target: str) -> list[str]:
    """`test/a/test_b.py` and the folder `test/a/b` for `qovery/a/b`, as far as they exist."""
    path = Path("test", *Path(target).with_suffix("").parts[1:])
    found = [str(each) for each in (path.with_name(f"test_{path.name}.py"), path) if (ROOT / each).exists()]
    if not found:
        raise SystemExit(f"no tests for {target}")
    return found


@contextlib.contextmanager
def copy_of_the_project(target: str) -> Iterator[Path]:
    """A folder in which mutmut may write, with its configuration for one target; it becomes the working directory."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        place = Path(folder)
        for name in ("qovery", "test"):
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", place)
        with change_cwd(place):
            reset_config()
            config().only_mutate = [str(file) for file in sources(target)]
            config().pytest_add_cli_args_test_selection = tests(target)
            config().pytest_add_cli_args = [f"--deselect={test}" for test in DESELECTED]
            yield place


def mutants(target: str) -> list[Mutant]:
    with copy_of_the_project(target):
        return [
            Mutant(get_mutant_name(file, name), target, file)
            for file in sources(target)
            for name in mutate_file_contents(str(file), file.read_text(encoding="utf-8")).mutant_names
        ]


def run_mutmut(names: Sequence[str], jobs: int) -> None:
    """Run mutmut in this process, which then exits."""
    with open("output.txt", "w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    cli.main(["run", "--max-children", str(jobs), *names])


def run(target: str, chosen: Sequence[Mutant], jobs: int) -> list[Result]:
    """Run the tests of one target against its mutants."""
    with copy_of_the_project(target) as place:
        process = multiprocessing.get_context("fork").Process(
            target=run_mutmut, args=([mutant.name for mutant in chosen], jobs)
        )
        process.start()
        process.join()
        codes: dict[str, int | None] = {}
        for file in sources(target):
            meta = place / "mutants" / f"{file}.meta"
            if meta.exists():
                codes |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if process.exitcode or any(codes.get(mutant.name) is None for mutant in chosen):
            raise SystemExit((place / "output.txt").read_text(encoding="utf-8")[-4000:])
        return [
            Result(mutant, status_by_exit_code[codes[mutant.name]], get_diff_for_mutant(mutant.name, None, mutant.file))
            for mutant in chosen
        ]


def report(target: str, results: Sequence[Result]) -> float:
    """Print one row and return the score."""
    counted = [result for result in results if not result.equivalent]
    status = Counter(result.status for result in counted)
    killed = sum(result.killed for result in counted)
    score = 100 * killed / len(counted) if counted else 100.0
    print(
        f"{target:28}{len(results):>8}{killed:>8}{status['timeout']:>10}{len(counted) - killed:>10}"
        f"{status['no tests']:>10}{len(results) - len(counted):>12}{score:>8.1f} %{TARGETS[target]:>7} %",
        flush=True,
    )
    return score


def main() -> int:
    parser = argparse.ArgumentParser(description="mutation testing of the files in TARGETS")
    parser.add_argument("targets", nargs="*", metavar="FILE", help=f"some of {', '.join(TARGETS)}")
    parser.add_argument("--sample", type=int, metavar="N", help="test only N mutants, without a minimum score")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="the seed of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="the number of mutants tested in parallel")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if not TARGETS.keys() >= set(targets):
        parser.error(f"not in TARGETS: {', '.join(set(targets) - TARGETS.keys())}")
    chosen = [mutant for target in targets for mutant in mutants(target)]
    if options.sample is not None:
        print(f"a sample of {options.sample} of {len(chosen)} mutants, with --seed {options.seed}")
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
    print("Killed includes timeouts. Survived includes mutants that no test reaches, but not equivalent ones.")
    print(f"{'':28} mutants  killed (timeout)  survived (untested) equivalent   score  minimum", flush=True)
    results: list[Result] = []
    low = []
    for target in dict.fromkeys(mutant.target for mutant in chosen):
        found = run(target, [mutant for mutant in chosen if mutant.target == target], options.jobs)
        results += found
        if report(target, found) < TARGETS[target]:
            low.append(target)
    for result in results:
        if not result.killed and not result.equivalent:
            print(f"\n{result.mutant.name}: {result.status}\n{result.diff}")
    if options.sample is not None:
        return 0
    checked = {str(file) for target in targets for file in sources(target)}
    stale = [e for e in EQUIVALENT if e[0] in checked and e not in {r.change for r in results if r.equivalent}]
    for entry in stale:
        print(f"\nno longer survives; remove it from EQUIVALENT: {entry}")
    for target in low:
        print(f"\n{target} is below its minimum")
    return 1 if stale or low else 0


if __name__ == "__main__":
    sys.exit(main())

"""The workflows: the commands exist, actions and tools are pinned, and duplicated lists agree."""

from __future__ import annotations

import configparser
import importlib.metadata
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
WORKFLOWS = {file.stem: file for file in ROOT.glob(".github/workflows/*.yml")}
USES = [
    (file.name, line.strip())
    for file in sorted(ROOT.glob(".github/**/*.yml"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if re.match(r"\s*(- )?uses:", line)
]


def jobs(workflow: str) -> dict[str, Any]:
    return yaml.safe_load(WORKFLOWS[workflow].read_text(encoding="utf-8"))["jobs"]


@pytest.fixture(scope="module")
def tox() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def commas(text: str) -> list[str]:
    return re.split(r",\s*", text.strip())


def matrix_rows(job: dict[str, Any]) -> list[dict[str, str]]:
    """Every combination of a job's matrix; a single empty one for a job without a matrix."""
    matrix = dict(job.get("strategy", {}).get("matrix", {}))
    included = matrix.pop("include", [])
    return included or [dict(zip(matrix, values, strict=True)) for values in itertools.product(*matrix.values())]


def fill(text: str, row: dict[str, str]) -> str:
    """Substitute the values of a matrix."""
    return re.sub(r"\$\{\{ matrix\.(\w+) }}", lambda match: row[match[1]], text)


def commands(job: dict[str, Any]) -> Iterator[str]:
    """The commands of a job's steps, for every combination of its matrix."""
    for row, step in itertools.product(matrix_rows(job), job.get("steps", [])):
        command = fill(step.get("run", ""), row)
        for name, value in step.get("env", {}).items():
            value = fill(value, row)
            command = command.replace(f"${name}", value).replace(f"${{{name}//./}}", value.replace(".", ""))
        yield command.replace('"', "")


def tox_environments(workflow: str) -> set[str]:
    """Every tox environment that a workflow runs."""
    lines = [command for job in jobs(workflow).values() for command in commands(job) if command.startswith("tox ")]
    return {name for line in lines for name in commas(line.partition(" -e ")[2].split()[0])}


def minimum_versions(requirement: Requirement) -> list[str]:
    return [one.version for one in requirement.specifier if one.operator == ">="]


# --- What is used -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "line"), USES)
def test_action__pinned(file: str, line: str) -> None:
    """An action from another repository is pinned by its full commit hash, and a comment names the version."""
    assert re.fullmatch(r"(- )?uses: (\./\S+|[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line), f"{file}: {line}"


def test_action__same_version_everywhere() -> None:
    """All workflows use the same commit of an action."""
    pins = {line.split("uses: ")[1] for _, line in USES}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins})


@pytest.mark.parametrize("name", ["requirements-build.txt", "requirements-lint.txt", "requirements-tox.txt"])
def test_tools__pinned(name: str) -> None:
    """Every tool of the checks and of the build has an exact version."""
    for line in (ROOT / "test" / name).read_text(encoding="utf-8").splitlines():
        assert re.match(r"[\w-]+(\[\w+\])?==[\w.]+( +#|$)", line), line


# --- What is run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_command__tox_environment_exists(workflow: str, tox: configparser.ConfigParser) -> None:
    """Workflows run only environments that tox.ini defines, by a section or by a factor."""
    known = set(commas(tox["tox"]["env_list"])) | {name.removeprefix("testenv:") for name in tox.sections()}
    factors = set(re.findall(r"^(\w+):", tox["testenv"]["deps"], re.MULTILINE))
    for environment in tox_environments(workflow) - known:
        assert re.fullmatch(rf"py3\d+-({'|'.join(factors)})", environment), environment


def test_command__ci_runs_every_listed_environment(tox: configparser.ConfigParser) -> None:
    """`tox` without arguments and CI run the same environments."""
    assert tox_environments("ci") == set(commas(tox["tox"]["env_list"]))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_job__bounded(workflow: str) -> None:
    """Every job that runs on a machine has a time limit, and no workflow grants permissions at its top level."""
    text = WORKFLOWS[workflow].read_text(encoding="utf-8")
    assert "\npermissions: {}\n" in text
    for name, job in jobs(workflow).items():
        assert "uses" in job or "timeout-minutes" in job, name


def test_job__all_green_needs_every_other() -> None:
    """The check that branch protection requires waits for all other jobs of CI."""
    ci = jobs("ci")
    assert set(ci["all-green"]["needs"]) == set(ci) - {"all-green"}


# --- Lists that agree -------------------------------------------------------------------------------


def test_python_versions__agree() -> None:
    """The classifiers and `requires-python` match the versions that CI tests; CI tests the free-threaded build too."""
    metadata = importlib.metadata.metadata("qovery")
    prefix = "Programming Language :: Python :: "
    classified = [
        text.removeprefix(prefix) for text in metadata.get_all("Classifier", []) if re.match(prefix + r"3\.\d+$", text)
    ]
    tested = jobs("ci")["tests"]["strategy"]["matrix"]["python"]
    assert [version for version in tested if not version.endswith("t")] == classified
    assert f"{classified[-1]}t" in tested
    assert metadata["Requires-Python"] == f">={classified[0]}"
    assert jobs("ci")["oldest"]["strategy"]["matrix"]["python"] == [classified[0], classified[-1]]


def test_oldest_dependencies__are_the_declared_bounds(tox: configparser.ConfigParser) -> None:
    """The factor `min` installs exactly the lower bounds of the runtime dependencies and of the extras for users."""
    pinned = dict(re.findall(r"^(?:py310-)?min: ([\w-]+)==([\w.]+)", tox["testenv"]["deps"], re.MULTILINE))
    declared = [Requirement(text) for text in importlib.metadata.requires("qovery") or []]
    bounds = {
        requirement.name: minimum_versions(requirement)
        for requirement in declared
        if not (requirement.marker and "test" in str(requirement.marker)) and minimum_versions(requirement)
    }
    assert bounds.keys() == pinned.keys()
    for name, (bound,) in bounds.items():
        assert re.fullmatch(rf"{re.escape(bound)}(\.0)*", pinned[name]), f"{name}: {pinned[name]}, declared {bound}"

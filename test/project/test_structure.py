"""The house: which file may import which, what an import costs, and the lists that must agree."""

from __future__ import annotations

import ast
import modulefinder
import re
import subprocess
import sys
from pathlib import Path

import pytest

import qovery
from test.support import PATIENCE, ROOT
from test.support.architecture import Package, import_cycles, long_files, upward_imports

PACKAGE = Package(Path(qovery.__file__).parent)

#: The floors of the house and their rooms, from the ground up. Imports point to a room that comes earlier, or stay
#: in their own. A package stands for all its modules without a room of their own.
FLOORS = {
    0: [
        "_version",
        "printable",
        "error_group",
        "error_state",
        "exceptions",
        "extras",
        "lazy",
        "nearest",
        "origins",
        "legacy",
        "process",
        "api_response",
        "table",
    ],
    1: [
        "redaction.marks",
        "redaction.decoders",
        "redaction.text_mask",
        "redaction.validation",
        "redaction.sealing",
        "redaction",
    ],
    2: [
        "models.json_schema",
        "models.open_enum",
        "models.signature",
        "models.timestamp",
        "models.model",
        "models.request_model",
        "models.response_model",
        "models",
        "operation",
        "checks",
        "credentials",
        "route",
        "snapshot",
        "frozen_settings",
        "configuration",
    ],
    3: ["retry"],
    4: ["transport"],
    5: ["raw_request", "rest"],
    6: ["generated_values", "response_parser", "api_client"],
    7: ["api", ""],
    8: [
        "sync",
        "sandbox.store",
        "sandbox.sealing",
        "sandbox.seed_model",
        "sandbox.seed",
        "sandbox.guard",
        "sandbox.operations",
        "sandbox.faults",
        "sandbox.scenario",
        "sandbox.http",
        "sandbox.app",
        "sandbox.admin",
        "sandbox.page",
        "sandbox.listener",
        "sandbox.server",
        "sandbox",
    ],
    9: ["cli", "__main__"],
}

#: What the parts above the public API take from the house, beside the public names and their own files.
ALLOWED = {
    "sync": {
        "exceptions",
        "extras",
        "printable",
        "origins",
        "models",
        "redaction",
        "table",
        "api",
        "operation",
        "retry",
        "checks",
    },
    "sandbox": {"exceptions", "extras", "models", "operation", "printable", "api", "redaction"},
    "cli": {"sync", "exceptions", "configuration", "printable", "_version"},
    "__main__": {"cli"},
}

#: Who knows the library that sends requests.
URLLIB3 = {"transport", "rest"}

#: The most lines that a file may have, by folder.
LONGEST = {"qovery": 350, "test": 500}

#: Modules without a test file of their own, and the file that tests them.
TESTED_IN = {
    "__main__": "cli/test_main.py",
    "_version": "project/test_structure.py",
    "checks": "test_configuration.py",
    "models.open_enum": "models/test_enums.py",
    "models.request_model": "models/test_requests.py",
    "models.response_model": "models/test_responses.py",
    "models.signature": "project/test_signatures.py",
    "models.timestamp": "models/test_responses.py",
    "lazy": "project/test_signatures.py",
    "error_group": "test_exceptions.py",
    "error_state": "test_exceptions.py",
    "process": "transport/test_fork.py",
    "sync.outcome": "sync/test_apply.py",
    "snapshot": "test_configuration.py",
    "transport.attempt": "transport/test_connection.py",
    "transport.deadline_reader": "transport/test_connection.py",
    "transport.messages": "transport/test_failures.py",
    "transport.transport": "transport/test_pool.py",
    "sandbox.seed_model": "sandbox/test_seed.py",
    "sync.action": "sync/test_planner.py",
    "sync.plan": "sync/test_apply.py",
    "sync.service": "sync/test_apply.py",
}

#: Schemas are tested together, in `test/models/`; these are none.
BASES = {
    "models.json_schema",
    "models.model",
    "models.open_enum",
    "models.request_model",
    "models.response_model",
    "models.secret_table",
    "models.signature",
    "models.timestamp",
}


#: The modules above the public API, which it names for type checkers and does not import.
NAMED = {"sandbox", "sync"}

GRAPH = {module: targets - NAMED if module == "" else targets for module, targets in PACKAGE.graph().items()}


def top_level(module: str) -> str:
    return module.partition(".")[0]


def test_imports__point_downwards() -> None:
    """A module imports from its own room or from one below, for types too."""
    assert upward_imports(GRAPH, FLOORS) == []


def test_imports__have_no_cycle() -> None:
    """No module imports itself through others, for types too."""
    assert import_cycles(GRAPH) == []


@pytest.mark.parametrize("room", ALLOWED)
def test_imports__of_the_upper_floors(room: str) -> None:
    """The parts above the public API take little else from the house."""
    taken = {top_level(target) for module in GRAPH if top_level(module) == room for target in GRAPH[module]}
    assert taken <= {"", room, *ALLOWED[room]}


def test_imports__are_seen_by_freezers(tmp_path: Path) -> None:
    """A tool that follows import statements, as PyInstaller does, finds all modules and the libraries of the extras."""
    program = tmp_path / "program.py"
    program.write_text("import qovery, qovery.cli.main, qovery.sandbox, qovery.sync")
    finder = modulefinder.ModuleFinder(path=[str(ROOT)])
    finder.run_script(str(program))
    missing = {f"qovery.{module}".strip(".") for module in PACKAGE.files} - finder.modules.keys()
    programs = {"qovery.__main__", "qovery.sandbox.__main__"}
    assert missing == {*programs, "qovery.sandbox.pytest_plugin", "qovery.transport.relied_on"}
    assert finder.badmodules.keys() >= {"dotenv.parser", "tqdm", "tqdm.auto", "socks", "uvicorn"}


@pytest.mark.parametrize("folder", LONGEST)
def test_files__are_short(folder: str) -> None:
    """A file has a length that can be read in one sitting."""
    assert long_files(ROOT / folder, LONGEST[folder]) == {}


def test_tests__mirror_the_package() -> None:
    """The tests of `qovery/a/b.py` are in `test/a/test_b.py`, or in the folder `test/a/b/`."""
    modules = {module for module, file in PACKAGE.files.items() if file.name != "__init__.py"}
    assert modules >= TESTED_IN.keys() | BASES
    for module in modules:
        if module.startswith("models.") and module not in BASES:
            continue
        *folders, name = module.split(".")
        mirrored = Path(*folders, f"test_{name.strip('_')}.py"), Path(*folders, name)
        places = [TESTED_IN[module]] if module in TESTED_IN else mirrored
        assert any((ROOT / "test" / place).exists() for place in places), f"{module} has no test file"
        assert not (module in TESTED_IN and (ROOT / "test" / mirrored[0]).exists()), f"TESTED_IN still has {module}"


def test_urllib3__is_known_to_the_transport_alone() -> None:
    """Only the transport imports urllib3, except for its types."""
    users = {module for module in PACKAGE.files if "urllib3" in PACKAGE.libraries(module, typing_only=False)}
    assert {top_level(module) for module in users} <= URLLIB3


def test_sync__uses_public_names() -> None:
    """What `sync` takes from the package itself is public."""
    for module in PACKAGE.files:
        if top_level(module) == "sync":
            for imported, names in PACKAGE.imports(module):
                assert imported != "qovery" or set(names) <= {*qovery.__all__, "sync"}


def test_dependencies__are_declared() -> None:
    """The core imports nothing that its requirements do not name; extras stay on the top floor."""
    core = {"urllib3", "pydantic", "pydantic_core", "dateutil", "typing_extensions", "qovery"}
    extras = {
        "transport": {"socks", "_socket"},
        "sync": {"dotenv", "tqdm"},
        "sandbox": {"uvicorn", "httptools", "pytest"},
    }
    for module in PACKAGE.files:
        known = core | extras.get(top_level(module), set()) | set(sys.stdlib_module_names)
        assert PACKAGE.libraries(module) <= known, module


@pytest.mark.parametrize(
    "module", [module for module in PACKAGE.files if module.startswith("models.") and module not in BASES]
)
def test_models__one_a_file(module: str) -> None:
    """A schema's file holds one class, of the file's name, and at most 40 lines."""
    file = PACKAGE.files[module]
    text = file.read_text(encoding="utf-8")
    classes = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert [name.lower() for name in classes] == [file.stem.replace("_", "")]
    assert len(text.splitlines()) <= 40


def reexports(module: str) -> dict[str, str]:
    """What a module imports under the same name, for type checkers, with the module that it comes from."""
    return {
        alias.asname: (node.module or "").removeprefix("qovery.")
        for node in ast.walk(ast.parse(PACKAGE.files[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }


def test_all__agrees_with_the_imports() -> None:
    """`qovery.__all__` is what type checkers see, and every name of it loads."""
    seen = reexports("")
    modules = {name for name, module in seen.items() if module == "qovery"}
    assert modules == qovery._MODULES
    seen = {name: module for name, module in seen.items() if name not in modules}
    assert seen.pop("__version__") == "_version"
    assert seen == qovery._HOMES
    assert sorted(qovery.__all__) == sorted([*seen, "__version__"])
    assert dir(qovery) == sorted([*qovery.__all__, *modules])
    for name, module in seen.items():
        home = f"{module}.{qovery.models._FILES[name]}" if module == "models" else module
        assert getattr(qovery, name).__module__ == f"qovery.{home}"
    namespace: dict[str, object] = {}
    exec("from qovery import *", namespace)
    assert namespace.keys() >= set(qovery.__all__)


def test_models__agree_with_the_imports() -> None:
    """`qovery.models` loads what type checkers see there, also by `*`, and the file of each model."""
    assert reexports("models") == {name: f"models.{file}" for name, file in qovery.models._FILES.items()}
    code = """
import sys
import qovery.models as models
assert not [name for name in sys.modules if name.startswith("qovery.models.")]
assert {*models._FILES, *models._FILES.values()} <= set(dir(models))
assert models.secret_request.SecretRequest is models.SecretRequest
from qovery.models import *
assert {name: globals()[name].__name__ for name in models._FILES} == {name: name for name in models._FILES}
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE, check=True)
    with pytest.raises(AttributeError, match=r"module 'qovery.models' has no attribute 'Sekret'"):
        qovery.models.Sekret  # type: ignore[attr-defined] # noqa: B018 - the access is what is tested


def test_attribute__that_does_not_exist() -> None:
    """A name that the package does not have is an `AttributeError` that names it."""
    with pytest.raises(AttributeError, match="module 'qovery' has no attribute 'Sekret'"):
        qovery.Sekret  # noqa: B018 - the access is what is tested
    with pytest.raises(ImportError, match="Sekret"):
        exec("from qovery import Sekret")


def python(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout


def test_import__loads_nothing() -> None:
    """`import qovery` loads the version and nothing else."""
    loaded = python("import sys; before = set(sys.modules); import qovery; print(*sorted(set(sys.modules) - before))")
    assert loaded.split() == ["qovery", "qovery._version"]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import qovery; qovery.exceptions", {"pydantic", "urllib3", "ssl"}),
        ("import qovery; qovery.Configuration", {"urllib3", "ssl", "dateutil"}),
        ("import qovery; qovery.SecretRequest(key='a')", {"urllib3", "ssl", "dateutil"}),
        (
            "import qovery; qovery.EnvironmentSecretApi",
            {"dateutil", "starlette", "uvicorn", "dotenv", "tqdm", "socks", "sqlite3", "asyncio"},
        ),
    ],
)
def test_import__loads_what_is_used(code: str, absent: set[str]) -> None:
    """A name loads its own part of the house, not the libraries of others."""
    # Its `deprecated`, which pydantic uses, imports asyncio in some versions: that is not ours to choose.
    before = "import sys, typing_extensions as t; t.deprecated('')(lambda: 0); before = set(sys.modules)"
    loaded = python(f"{before}; {code}; print(*set(sys.modules) - before)")
    assert not absent & {top_level(module) for module in loaded.split()}


@pytest.mark.parametrize("name", sorted(qovery._MODULES))
def test_import__reaches_modules_as_attributes(name: str) -> None:
    """After `import qovery` its modules are there as attributes, as in a generated package."""
    assert python(f"import qovery; print(qovery.{name}.__name__)") == f"qovery.{name}\n"


def test_version__is_one() -> None:
    """The version is a release number, the same wherever it shows."""
    from qovery._version import __version__

    assert qovery.__version__ == __version__
    assert re.match(r"\d+\.\d+\.\d+", __version__)
    client = qovery.ApiClient(qovery.Configuration())
    assert client.user_agent == f"qovery-python/{__version__}"

"""The house: which file may import which, what an import costs, and the lists that must agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qovery
from test.support import ROOT

PACKAGE = Path(qovery.__file__).parent

#: The rows of the design, from the ground up: imports point to an earlier row or stay in their own.
ROWS = [
    "_version",
    "exceptions",
    "api_response",
    "redaction",
    "table",
    "models.model",
    "models",
    "operation",
    "configuration",
    "retry",
    "rest",
    "api_client",
    "api",
    "",
    "sync",
    "sandbox",
]

#: What the parts on the top floor may take from the house, beside the public names and their own files.
ALLOWED = {
    "sync": {"exceptions", "models", "redaction", "table", "api"},
    "sandbox": {"exceptions", "models", "models.model", "operation", "api", "redaction"},
}

#: Modules without a test file of their own, and the file that tests them.
TESTED_IN = {
    "_version": "project/test_structure.py",
    "sync.action": "sync/test_planner.py",
    "sync.inventory": "sync/test_planner.py",
    "sync.order": "sync/test_apply.py",
    "sync.plan": "sync/test_apply.py",
    "sync.service": "sync/test_apply.py",
}

#: Schemas are tested together, in `test/models/`.
BASES = {"models.model", "models.secret_table"}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(file: Path) -> str:
    """The dotted name below `qovery`, empty for the package itself."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def row(module: str) -> str:
    """The row that a module belongs to."""
    return module if module in ROWS else module.partition(".")[0]


def imports(file: Path, typing_only: bool = True) -> Iterator[tuple[str, list[str]]]:
    """The modules that a file imports anywhere, with the names taken; without `typing_only`, those that run."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            skipped |= {id(inner) for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) in skipped and not typing_only:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield node.module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


def inner_imports(file: Path) -> Iterator[str]:
    """The modules of this package that a file imports, without the leading `qovery.`."""
    for module, names in imports(file):
        if module == "qovery":
            for name in names:
                inner = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
                yield name if inner else ""
        elif module.startswith("qovery."):
            yield module.removeprefix("qovery.")


def top_level(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_imports__point_downwards(file: Path) -> None:
    """A file imports from its own row of the table or from one below."""
    own = row(module_name(file))
    assert own in ROWS
    for target in inner_imports(file):
        assert ROWS.index(row(target)) <= ROWS.index(own), f"{own} imports {target}"
        if own in ALLOWED:
            assert row(target) in {"", own, *ALLOWED[own]}, f"{own} imports {target}"


def test_tests__mirror_the_package() -> None:
    """The tests of `qovery/a/b.py` are in `test/a/test_b.py`, or in the folder `test/a/b/`."""
    modules = {module_name(file) for file in FILES if file.name != "__init__.py"}
    assert modules >= TESTED_IN.keys() | BASES
    for module in modules:
        if module.startswith("models.") and module not in BASES:
            continue
        *folders, name = module.split(".")
        mirrored = Path(*folders, f"test_{name.strip('_')}.py"), Path(*folders, name)
        places = [TESTED_IN[module]] if module in TESTED_IN else mirrored
        assert any((ROOT / "test" / place).exists() for place in places), f"{module} has no test file"
        assert not (module in TESTED_IN and (ROOT / "test" / mirrored[0]).exists()), f"TESTED_IN still has {module}"


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_urllib3__is_known_to_rest_alone(file: Path) -> None:
    """Only `rest` imports urllib3, except for its types."""
    if file.name != "rest.py":
        assert "urllib3" not in {top_level(module) for module, _ in imports(file, typing_only=False)}


def test_sync__uses_public_names() -> None:
    """What `sync` takes from the package itself is public."""
    for file in (PACKAGE / "sync").rglob("*.py"):
        for module, names in imports(file):
            if module == "qovery":
                assert set(names) <= {*qovery.__all__, "sync"}


def test_dependencies__are_declared() -> None:
    """The core imports nothing that its requirements do not name; extras stay on the top floor."""
    core = {"urllib3", "pydantic", "pydantic_core", "dateutil", "typing_extensions", "qovery"}
    extras = {"sync": {"dotenv", "tqdm"}, "sandbox": {"starlette", "uvicorn", "httptools", "pytest"}}
    for file in FILES:
        known = core | extras.get(row(module_name(file)), set()) | set(sys.stdlib_module_names)
        assert {top_level(module) for module, _ in imports(file)} <= known, file


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent.name == "models" and file.name != "model.py"], ids=module_name
)
def test_models__one_a_file(file: Path) -> None:
    """A schema's file holds one class, of the file's name, and at most 40 lines."""
    text = file.read_text(encoding="utf-8")
    classes = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    if file.name == "__init__.py":
        assert classes == []
    else:
        assert [name.lower() for name in classes] == [file.stem.replace("_", "")]
    assert len(text.splitlines()) <= 40


def test_all__agrees_with_the_imports() -> None:
    """`qovery.__all__` is what type checkers see, and every name of it loads."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.asname: (node.module or "").removeprefix("qovery.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert seen.pop("__version__") == "_version"
    assert seen == qovery._HOMES
    assert sorted(qovery.__all__) == dir(qovery) == sorted([*seen, "__version__"])
    assert len(set(qovery.__all__)) == len(qovery.__all__)
    for name, module in seen.items():
        assert getattr(qovery, name).__module__ == f"qovery.{module}"
    namespace: dict[str, object] = {}
    exec("from qovery import *", namespace)
    assert namespace.keys() >= set(qovery.__all__)


def test_attribute__that_does_not_exist() -> None:
    """A name that the package does not have is an `AttributeError` that names it."""
    with pytest.raises(AttributeError, match="module 'qovery' has no attribute 'Sekret'"):
        qovery.Sekret  # noqa: B018 - the access is what is tested
    with pytest.raises(ImportError, match="Sekret"):
        exec("from qovery import Sekret")


def python(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
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


@pytest.mark.parametrize("name", ["api", "api_client", "api_response", "configuration", "exceptions", "models", "rest"])
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

"""What editors, notebooks and frameworks see of the public names at runtime: signatures, types and modules."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import typing
from typing import Any

import griffe
import jedi
import pytest

import qovery
from test.support import PATIENCE, ROOT
from test.support.examples import EXAMPLES
from test.tools.surface import names

#: A process in which nothing has used a model yet: prints what a tool sees of each.
FIRST_SIGHT = """
import inspect
import qovery
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell(config=Config(HistoryManager={{"enabled": False}}))

for model in (getattr(qovery.models, name) for name in {names}):
    assert not model.__pydantic_complete__
    {look}
"""
LOOKS = {
    "inspect": "print(*inspect.signature(model).parameters)",
    "IPython": "print(*shell.inspector.info(model)['init_definition'].split())",
}

CALLABLES = sorted({path: target for path, target in names().items() if path == target.path}.items())


def runtime(path: str) -> Any:
    """The object that a path names, a method as the function that is written in its class."""
    module = path
    while not (ROOT / module.replace(".", "/")).is_dir() and not (ROOT / f"{module.replace('.', '/')}.py").exists():
        module = module.rpartition(".")[0]
    found: Any = importlib.import_module(module)
    for name in path.removeprefix(f"{module}.").split("."):
        found = inspect.getattr_static(found, name) if inspect.isclass(found) else getattr(found, name)
    return found.__func__ if isinstance(found, (classmethod, staticmethod)) else found


@pytest.mark.parametrize(
    "path", [path for path, target in CALLABLES if isinstance(target, (griffe.Function, griffe.Class))]
)
def test_type_hints__of_every_callable(path: str) -> None:
    """The annotations of every public class, function and method can be evaluated."""
    target = runtime(path)
    hints = typing.get_type_hints(target, include_extras=True)
    if inspect.isfunction(target):
        assert hints.keys() == inspect.unwrap(target).__annotations__.keys()


@pytest.mark.parametrize("look", LOOKS)
def test_signature__before_the_first_use(look: str) -> None:
    """Inspect and IPython show the fields of a model before its first use."""
    models = [model.__name__ for model in EXAMPLES]
    code = FIRST_SIGHT.format(names=models, look=LOOKS[look])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(EXAMPLES)
    for model, line in zip(EXAMPLES, lines, strict=True):
        assert [name for name in model.model_fields if name not in line] == []


@pytest.mark.parametrize("code", ["import qovery\nqovery.SecretRequest(", "from qovery import Value\nValue("])
def test_signature__in_jedi(code: str) -> None:
    """Jedi shows the fields from the source alone, as editors ask it, and in a running interpreter."""
    expected = ["value", "description", "enable_interpolation_in_file"]
    script = jedi.Script(code, project=jedi.Project(ROOT))
    running = jedi.Interpreter(code, [{"qovery": qovery, "Value": qovery.Value}])
    for seen in (script, running):
        [signature] = seen.get_signatures()
        assert [one.name for one in signature.params if one.name not in {"key", "mount_path"}] == expected


def test_signature__of_a_subclass() -> None:
    """A subclass shows its own fields, also where its base has been used; without a type, those are not known."""
    qovery.SecretRequest(key="A")

    class Noted(qovery.SecretRequest):
        note: str = ""

    class Unfinished(qovery.SecretRequest):
        note: NoSuchType  # type: ignore[name-defined] # noqa: F821 - what is tested

    assert list(inspect.signature(Noted).parameters)[-1] == "note"
    assert list(inspect.signature(Unfinished).parameters) == ["data"]
    assert inspect.signature(qovery.SecretRequest).parameters["value"].annotation == str | None
    assert not hasattr(Noted(key="A"), "__signature__")


def test_dir__shows_the_modules() -> None:
    """`dir` and completion show the public modules besides the names, and all of them load."""
    modules = {"api", "exceptions", "models", "rest", "sandbox", "sync"}
    assert modules <= set(dir(qovery))
    assert all(inspect.ismodule(getattr(qovery, name)) for name in modules)
    shown = {one.name for one in jedi.Script("import qovery\nqovery.", project=jedi.Project(ROOT)).complete()}
    assert {*modules, "RequestOptions", "SecretRequest"} <= shown

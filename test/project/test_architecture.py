"""The checks of `test_structure.py`, on small packages that violate them."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.support.architecture import Package, import_cycles, long_files, upward_imports

FLOORS = {0: ["low", "nested.inner"], 1: ["nested", ""], 2: ["high"]}


def package(folder: Path, **files: str) -> Package:
    """A package `house` with these modules; two underscores are a dot, and `house` is the package itself."""
    house = folder / "house"
    for name, text in {"house": "", **files}.items():
        path = house.joinpath("__init__.py" if name == "house" else name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Package(house)


@pytest.mark.parametrize(
    "statement",
    [
        "import house.high",
        "from house import high",
        "from house.high import anything",
        "if TYPE_CHECKING:\n    from house.high import anything",
        "def later():\n    import house.high as late",
    ],
)
def test_upward_imports__are_found(tmp_path: Path, statement: str) -> None:
    """An upward import is named in any form, including type-only imports and those in functions."""
    graph = package(tmp_path, low=statement, high="from house.low import x").graph()
    assert upward_imports(graph, FLOORS) == ["low (floor 0) imports high (floor 2)"]


def test_upward_imports__within_a_floor(tmp_path: Path) -> None:
    """Entries of a floor are ordered, the lowest first; an entry of a module takes precedence over its package's."""
    graph = package(
        tmp_path, low="import house.nested.inner", nested__inner="import house.nested.other", nested__other=""
    )
    assert upward_imports(graph.graph(), FLOORS) == [
        "low (floor 0) imports nested.inner (floor 0)",
        "nested.inner (floor 0) imports nested.other (floor 1)",
    ]


def test_upward_imports__without_a_floor(tmp_path: Path) -> None:
    """A module that is missing from the table is named."""
    assert upward_imports(package(tmp_path, stray="").graph(), FLOORS) == ["stray has no floor"]


def test_upward_imports__downwards(tmp_path: Path) -> None:
    """Imports of the same entry, of a lower one and of other packages are allowed."""
    house = package(
        tmp_path, low="import json", high="import house.low", nested__a="import house.nested.b", nested__b=""
    )
    assert upward_imports(house.graph(), FLOORS) == []


@pytest.mark.parametrize(
    ("files", "cycles"),
    [
        ({"a": "import house.b", "b": "import house.c", "c": "import house.a"}, ["a → b → c → a"]),
        ({"a": "import house.b", "b": "if TYPE_CHECKING:\n    from house.a import A"}, ["a → b → a"]),
        ({"a": "import house.b", "b": "def f():\n    from house import a"}, ["a → b → a"]),
        ({"house": "from house.a import A", "a": "from house import A"}, ["(the package) → a → (the package)"]),
        (
            {"a": "import house.b", "b": "import house.c\nimport house.a", "c": "import house.b"},
            ["a → b → a", "c → b → c"],
        ),
        ({"a": "import house.b\nimport house.c", "b": "import house.d", "c": "import house.d", "d": ""}, []),
    ],
    ids=["three", "type-only", "in a function", "package", "two", "none"],
)
def test_import_cycles__are_found(tmp_path: Path, files: dict[str, str], cycles: list[str]) -> None:
    """Each cycle is shown once, by its shortest path."""
    assert import_cycles(package(tmp_path, **files).graph()) == cycles


def test_libraries__at_runtime(tmp_path: Path) -> None:
    """Imports under `TYPE_CHECKING` do not count at runtime."""
    house = package(tmp_path, low="import json\nif TYPE_CHECKING:\n    from urllib3.util import Retry")
    assert house.libraries("low") == {"json", "urllib3"}
    assert house.libraries("low", typing_only=False) == {"json"}


def test_imports__relative(tmp_path: Path) -> None:
    """A relative import, which the graph cannot follow, is an error."""
    with pytest.raises(AssertionError, match="low has a relative import"):
        package(tmp_path, low="from . import high").graph()


def test_long_files__are_found(tmp_path: Path) -> None:
    """A file with one line too many is named with its length."""
    house = package(tmp_path, low="x = 1\n" * 3, nested__inner="x = 1\n" * 4)
    assert long_files(house.files[""].parent, 3) == {"nested/inner.py": 4}

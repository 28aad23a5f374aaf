"""The import graph of a package, and checks for upward imports, import cycles and long files."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

#: Module names relative to the package -> the modules that each imports.
Graph = Mapping[str, frozenset[str]]


class Package:
    """A package of Python files. Module names are relative to the package; the package itself is `""`."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.files = {_module_name(folder, file): file for file in sorted(folder.rglob("*.py"))}

    def imports(self, module: str, typing_only: bool = True) -> Iterator[tuple[str, list[str]]]:
        """All imports of a module, at any level of its file, with the imported names.

        Without `typing_only`, imports under `if TYPE_CHECKING` are left out.
        """
        tree = ast.parse(self.files[module].read_text(encoding="utf-8"))
        skipped = set() if typing_only else {id(node) for node in _under_type_checking(tree)}
        for node in ast.walk(tree):
            if id(node) in skipped:
                continue
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} has a relative import"
                yield node.module or "", [alias.name for alias in node.names]
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, []

    def libraries(self, module: str, typing_only: bool = True) -> set[str]:
        """The top-level packages that a module imports."""
        return {imported.partition(".")[0] for imported, _ in self.imports(module, typing_only)}

    def graph(self) -> Graph:
        """The imports between modules of this package, including type-only ones."""
        return {module: frozenset(self._inner_imports(module)) for module in self.files}

    def _inner_imports(self, module: str) -> Iterator[str]:
        for imported, names in self.imports(module):
            package, _, target = imported.partition(".")
            if package != self.name:
                continue
            for name in names or [""]:
                submodule = f"{target}.{name}".strip(".")
                yield submodule if submodule in self.files else target


def upward_imports(graph: Graph, floors: Mapping[int, Sequence[str]]) -> list[str]:
    """The imports that point upwards in a table of floors, and the modules without a floor.

    Each floor lists rooms, lowest first. A room is a module, or a package with all its modules that have no
    room of their own.
    """
    order = {room: (floor, at) for floor, rooms in floors.items() for at, room in enumerate(rooms)}

    def place(module: str) -> tuple[int, int] | None:
        parts = module.split(".")
        names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        return next((order[name] for name in names if name in order), None)

    problems = []
    for module, targets in sorted(graph.items()):
        own = place(module)
        if own is None:
            problems.append(f"{module} has no floor")
            continue
        for target in sorted(targets):
            other = place(target)
            if other is not None and other > own:
                problems.append(f"{module} (floor {own[0]}) imports {target} (floor {other[0]})")
    return problems


def import_cycles(graph: Graph) -> list[str]:
    """The shortest import cycle through each module that is part of one, as a path."""
    cycles: dict[frozenset[str], str] = {}
    for module in sorted(graph):
        path = _shortest_way_back(graph, module)
        if path:
            cycles.setdefault(frozenset(path), " → ".join(name or "(the package)" for name in path))
    return list(cycles.values())


def long_files(folder: Path, limit: int) -> dict[str, int]:
    """The Python files below a directory that exceed a line limit, with their line counts."""
    lengths = {
        file.relative_to(folder).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in folder.rglob("*.py")
    }
    return {name: length for name, length in sorted(lengths.items()) if length > limit}


def _module_name(folder: Path, file: Path) -> str:
    parts = file.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _under_type_checking(tree: ast.AST) -> Iterable[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.body:
                yield from ast.walk(statement)


def _shortest_way_back(graph: Graph, start: str) -> list[str] | None:
    waiting = deque([[start]])
    seen: set[str] = set()
    while waiting:
        path = waiting.popleft()
        for target in sorted(graph.get(path[-1], ())):
            if target == start:
                return [*path, start]
            if target not in seen:
                seen.add(target)
                waiting.append([*path, target])
    return None

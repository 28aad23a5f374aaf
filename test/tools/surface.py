"""The public surface, a line for each name: `python -m test.tools.surface > test/tools/surface.txt`."""

from __future__ import annotations

from collections.abc import Iterator

import griffe

from test.support import ROOT

#: What these modules define or import from this package, under a name without an underscore, is public.
MODULES = ("qovery", "qovery.exceptions", "qovery.models", "qovery.sandbox", "qovery.sync")

#: These are public in modules that are not.
MORE = (
    "qovery.configuration.TOKEN_VARIABLES",
    "qovery.configuration.HOST_VARIABLE",
    "qovery.sandbox.pytest_plugin.qovery_api",
    "qovery.sandbox.pytest_plugin.qovery_sandbox",
    "qovery.sandbox.pytest_plugin.qovery_sandbox_module",
    "qovery.sandbox.pytest_plugin.qovery_sandbox_session",
)


def names() -> dict[str, griffe.Object]:
    """Every public name and what it stands for, the names of members after their class; nothing is imported."""
    package = griffe.load("qovery", search_paths=[ROOT], resolve_aliases=True)
    found: dict[str, griffe.Object] = {}
    for path in MODULES:
        module = package if path == "qovery" else package[path.partition(".")[2]]
        for name, member in module.members.items():
            if isinstance(member, griffe.Alias):
                if not member.target_path.startswith("qovery."):
                    continue
                member = member.final_target
            if not name.startswith("_") and not member.is_module and name != "TYPE_CHECKING":
                found[f"{path}.{name}"] = member
    found.update((path, package[path.partition(".")[2]]) for path in MORE)
    for target in list(found.values()):
        found.update(whole(target))
    return found


def whole(target: griffe.Object) -> Iterator[tuple[str, griffe.Object]]:
    """What is public where it is defined: for a class its own members, and its bases in this package."""
    yield target.path, target
    if isinstance(target, griffe.Class):
        for name, member in target.members.items():
            inside = name.startswith("_") and name != "__init__" and target.name != "RequestOptions"
            if not inside and not name.startswith("model_"):  # those are pydantic's
                yield f"{target.path}.{name}", member.final_target if isinstance(member, griffe.Alias) else member
        for base in target.mro():
            if base.path.startswith("qovery."):
                yield from whole(base)


def line(path: str, target: griffe.Object) -> str:
    """A name as its user sees it."""
    if path != target.path:
        return f"{path} = {target.path}"
    if isinstance(target, griffe.Function):
        return f"{path}({', '.join(map(parameter, target.parameters))}) -> {target.returns}"
    if isinstance(target, griffe.Class):
        return f"{path}: class({', '.join(map(str, target.bases))})"
    assert isinstance(target, griffe.Attribute)
    declared = target.value is not None and target.labels != {"instance-attribute"} and "property" not in target.labels
    return path + (f": {target.annotation}" if target.annotation else "") + (f" = {target.value}" if declared else "")


def parameter(one: griffe.Parameter) -> str:
    """A parameter as it is written, and whether it is given by name alone."""
    kind = one.kind or griffe.ParameterKind.positional_or_keyword
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    text = stars.get(kind, "by name " if kind is griffe.ParameterKind.keyword_only else "") + one.name
    text += "" if one.annotation is None else f": {one.annotation}"
    return text if one.default is None or kind in stars else f"{text} = {one.default}"


def text() -> str:
    """The snapshot."""
    return "".join(sorted(line(path, target) + "\n" for path, target in names().items()))


if __name__ == "__main__":
    print(text(), end="")

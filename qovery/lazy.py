"""Modules and names that are loaded when they are first used."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any


def attribute(package: str, name: str, homes: Mapping[str, str], modules: Container[str]) -> Any:
    """Return what a package has under a name: one of its `modules`, or a name of the module that `homes` gives.

    Raises:
        AttributeError: It has nothing of this name.
    """
    from importlib import import_module

    if name in modules:
        return import_module(f"{package}.{name}")
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(f"{package}.{homes[name]}"), name)


class _LazyModule:
    """Imports a module when an attribute of it is read, for a module that only annotations name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module

        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import ssl as ssl

    import urllib3 as urllib3
else:
    ssl, urllib3 = _LazyModule("ssl"), _LazyModule("urllib3")

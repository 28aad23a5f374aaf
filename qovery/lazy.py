"""Modules that annotations name, and that are imported only when somebody evaluates these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any


class _LazyModule:
    """Imports a module when an attribute of it is read."""

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

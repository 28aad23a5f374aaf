"""The libraries to install for an extra of this package.

The hint names the libraries, since `pip install 'qovery[sync]'` may install another package of this name.
"""

from __future__ import annotations


def missing(use: str, extra: str) -> str:
    """The text of the error when `use` needs an extra whose libraries are not installed."""
    import importlib.metadata  # for this error alone

    try:
        declared = importlib.metadata.requires("qovery") or []
    except importlib.metadata.PackageNotFoundError:  # in one file made by a freezer, for example
        declared = []
    parts = [text.partition(";") for text in declared]
    # Double quotes: they work in every shell, also in those of Windows.
    names = [
        f'"{name.strip()}"' for name, _, marker in parts if marker.replace("'", '"').strip() == f'extra == "{extra}"'
    ]
    return f"{use} needs the extra `{extra}`: " + (f"pip install {' '.join(names)}" if names else "install it")

"""Progress of an apply: a bar, or a callback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from qovery.exceptions import MissingExtraError
from qovery.extras import missing
from qovery.sync.report import Result

#: Called after each action with the number of finished actions, the total, and the result of the last one.
Progress = Callable[[int, int, Result], object]


@contextmanager
def reporting(progress: bool | Progress, total: int) -> Iterator[Progress]:
    """Yield the callback for each result: a bar, the caller's own, or a no-op."""
    if progress is False:
        yield lambda done, total, result: None
    elif progress is True:
        # A notebook shows stderr as if it were an error.
        file = sys.stdout if type(sys.stdout).__module__.startswith("ipykernel") else None
        disable = sys.stderr is None  # in a program without a console, where the bar would fail
        with _bar()(total=total, desc="Applying", unit=" secrets", file=file, disable=disable) as bar:
            failed = 0

            def advance(done: int, total: int, result: Result) -> None:
                nonlocal failed
                failed += result.state == "failed"
                if failed:
                    bar.set_postfix(failed=failed, refresh=False)
                bar.update()

            yield advance
    else:
        yield progress


def _bar() -> Any:
    try:
        # In a notebook without ipywidgets, tqdm.auto would warn and fall back to the same bar.
        if find_spec("ipywidgets"):
            from tqdm.auto import tqdm  # type: ignore[import-untyped]
        else:
            from tqdm import tqdm  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError(missing("progress=True", "sync")) from None
    return tqdm

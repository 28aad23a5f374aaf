"""The chart of the benchmark: the cost of each workload relative to the other contender."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from test.support.svg import Drawing

LABEL, BAR, STEP, TOP = 460, 260, 26, 84


def chart(rows: Iterable[Mapping[str, Any]]) -> str:
    """Draw the measured rows in which less is better, one bar each, as SVG. `rows` are those of `--json`."""
    drawn = [row for row in rows if row["ratio"] is not None and not row["more_is_better"]]
    scale = BAR / max(1.0, *(row["ratio"] for row in drawn))
    height = TOP + STEP * len(drawn) + 12
    title = "Cost relative to each baseline: lower is better"
    drawing = Drawing(f"{title}. " + "; ".join(f"{_label(row)}: {row['ratio']:.2f}" for row in drawn), 790, height)
    drawing.text(20, 30, title, "bold")
    drawing.text(20, 50, "python -m test.benchmark", "mono", "dim")
    equal = LABEL + scale
    drawing.line(equal, TOP - 14, equal, height - 12)
    drawing.text(equal, TOP - 20, "equal", "dim", anchor="middle")
    for number, row in enumerate(drawn):
        y = TOP + STEP * number
        drawing.text(LABEL - 12, y + 9, _label(row), anchor="end")
        drawing.box(LABEL, y - 3, row["ratio"] * scale, 16, "good" if row["ratio"] <= 1 else "bad", radius=2)
        drawing.text(LABEL + max(1, row["ratio"]) * scale + 8, y + 9, f"{row['ratio']:.2f}", "dim")
    return drawing.svg()


def _label(row: Mapping[str, Any]) -> str:
    measured = {"MiB": "", "ms": " (CPU time)", "µs": " (CPU time)"}.get(row["unit"], " (instructions)")
    work = re.sub("`|, per call|, whole process", "", row["work"])
    return f"{work}{measured} vs {row['against'].replace('`', '')}"

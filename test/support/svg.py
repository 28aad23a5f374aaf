"""SVG drawings with text, boxes and lines, in colours for light and dark pages, with the reader's fonts."""

from __future__ import annotations

from html import escape

#: The advance of a character in pixels: exact for the monospaced font, approximate for the proportional one.
MONO, WIDE, NARROW = 7.8, 9.0, 7.0

#: Colours for both schemes, and system fonts. A terminal is dark in both.
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328 }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.bold { font-weight: 600 }
.dim { fill: #59636e }
.terminal { fill: #e6edf3 }
.prompt { fill: #7ee787 }
.paper { fill: #ffffff; stroke: #d1d9e0 }
.raised { fill: #f6f8fa; stroke: #d1d9e0 }
.screen { fill: #0d1117; stroke: #3d444d }
.good { fill: #2f6fd0 }
.bad { fill: #c2601c }
.line { stroke: #d1d9e0 }
.arrow { stroke: #2f6fd0; stroke-width: 1.5; marker-end: url(#head) }
.head { fill: #2f6fd0 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.dim { fill: #9198a1 }
.paper { fill: #0d1117; stroke: #3d444d }
.raised { fill: #151b23; stroke: #3d444d }
.good, .head { fill: #6ea8ff }
.bad { fill: #f0883e }
.line { stroke: #3d444d }
.arrow { stroke: #6ea8ff }
}
""".strip()

HEAD = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
HEAD += '<path class="head" d="M0 0 8 4 0 8z"/></marker>'


def text_width(text: str) -> float:
    """The approximate width of a text in the proportional font, in which capitals are wider."""
    return sum(WIDE if character.isupper() or character in "_%" else NARROW for character in text)


class Drawing:
    """A drawing to add elements to; `svg()` returns it. `title` is its label for screen readers."""

    def __init__(self, title: str, width: float, height: float, ground: str = "paper") -> None:
        self._title = title
        self._size = round(width), round(height)
        self._parts: list[str] = []
        self.box(0.5, 0.5, width - 1, height - 1, ground)

    def text(self, x: float, y: float, text: str, *classes: str, anchor: str = "start") -> None:
        """Add a line of text on the baseline `y`. Class `mono` keeps spaces and columns in every font."""
        mono = "mono" in classes
        length = f' textLength="{len(text) * MONO:.1f}" lengthAdjust="spacingAndGlyphs"' if mono else ""
        space = ' xml:space="preserve"' if mono else ""
        aligned = "" if anchor == "start" else f' text-anchor="{anchor}"'
        kind = f' class="{" ".join(classes)}"' if classes else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{kind}{aligned}{length}{space}>{escape(text)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kind: str, radius: int = 6) -> None:
        size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self._parts.append(f'<rect {size} rx="{radius}" class="{kind}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "line") -> None:
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def svg(self) -> str:
        width, height = self._size
        start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        start += f' viewBox="0 0 {width} {height}" role="img" aria-label="{escape(self._title)}">'
        return "\n".join([start, f"<style>\n{STYLE}\n</style>", HEAD, *self._parts, "</svg>", ""])

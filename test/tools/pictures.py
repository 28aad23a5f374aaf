"""`python -m test.tools.pictures`: draw the pictures of the documentation from what the code prints.

A test draws them again and compares. The chart comes from `docs/pictures/benchmark.json`, which the benchmark writes:
`python -m test.benchmark --json docs/pictures/benchmark.json`.
"""

from __future__ import annotations

import contextlib
import html.parser
import io
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qovery
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets, read_dotenv
from test.benchmark.chart import chart
from test.support import ROOT
from test.support.svg import MONO, Drawing, text_width

FOLDER = ROOT / "docs/pictures"

LINE, PAD = 20, 20

#: The file that the plan in the terminal is made from.
DOTENV = "API_KEY=made-up\nREGION=eu-west-3\nSTRIPE_API_KEY=sk_test_made_up\n"

PLAN = (
    'plan = plan_secrets(api, environment_id, read_dotenv("shop.env"))',
    "print(plan)",
)

LIST = "api.list_environment_secrets(environment_id)"


def draw() -> dict[str, str]:
    """Return every picture by its file name."""
    return {
        "plan.svg": _terminal("A plan in a terminal", PLAN),
        "notebook.svg": _notebook("The secrets of an environment in a notebook", LIST),
        "scopes.svg": _scopes(),
        "benchmark.svg": chart(json.loads((FOLDER / "benchmark.json").read_text(encoding="utf-8"))),
    }


# --- A terminal and a notebook ----------------------------------------------------------------------


@contextlib.contextmanager
def _names() -> Any:
    """The names that the code in the pictures uses, for the built-in seed in a mock server and the file `shop.env`."""
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        file = Path(folder, "shop.env")
        file.write_text(DOTENV, encoding="utf-8")
        with qovery.ApiClient(qovery.Configuration(host=sandbox.url, access_token="any")) as client:
            yield {
                "api": qovery.EnvironmentSecretApi(client),
                "environment_id": sandbox.environment_id,
                "plan_secrets": plan_secrets,
                "read_dotenv": lambda name: read_dotenv(Path(folder, name)),
            }


def _lasting(text: str) -> str:
    """Remove the ages, which differ in every run."""
    return re.sub(r"\b\d+ s\b", "0 s", text)


def _terminal(title: str, statements: Sequence[str]) -> str:
    """A session of an interactive interpreter."""
    lines: list[tuple[str, str]] = []
    with _names() as names:
        for statement in statements:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(statement, title, "single"), names)
            lines += [(">>> ", statement), *(("", line) for line in _lasting(printed.getvalue()).splitlines())]
    width = max(len(prompt + line) for prompt, line in lines) * MONO + 2 * PAD
    drawing = Drawing(title, width, LINE * len(lines) + 2 * PAD, "screen")
    for number, (prompt, line) in enumerate(lines):
        y = PAD + LINE * (number + 0.7)
        if prompt:
            drawing.text(PAD, y, prompt, "mono", "prompt")
        if line:
            drawing.text(PAD + len(prompt) * MONO, y, line, "mono", "terminal")
    return drawing.svg()


class _Rows(html.parser.HTMLParser):
    """The texts of a table: its caption, then its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("caption", "tr"):
            self.rows.append([])
        if tag in ("caption", "th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


def _notebook(title: str, expression: str) -> str:
    """A cell and the table under it."""
    parser = _Rows()
    with _names() as names:
        parser.feed(_lasting(eval(expression, names)._repr_html_()))
    (caption,), *rows = parser.rows
    left, gap, row_height = 70, 24, 28
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    width = left + sum(widths) + gap * len(widths) + PAD
    table = 2 * PAD + 34
    drawing = Drawing(title, width, table + row_height * (len(rows) + 1) + PAD)
    drawing.box(left, PAD, width - left - PAD, 34, "raised")
    drawing.text(left - 8, PAD + 22, "[1]:", "mono", "dim", anchor="end")
    drawing.text(left + 12, PAD + 22, expression, "mono")
    drawing.text(left - 8, table + 18, "[1]:", "mono", "dim", anchor="end")
    drawing.text(left + 12, table + 18, caption)
    for number, row in enumerate(rows, 1):
        y, x = table + row_height * number, left + 12.0
        for cell, column in zip(row, widths, strict=True):
            if cell:
                drawing.text(x, y + 18, cell, *(["bold"] if number == 1 else []))
            x += column + gap
        drawing.line(left, y + row_height - 1, width - PAD, y + row_height - 1)
    return drawing.svg()


# --- Scopes -----------------------------------------------------------------------------------------


def _scopes() -> str:
    """The scopes that an environment sees, with an alias and an override, as a list shows them."""
    with _names() as names:
        api, env = names["api"], names["environment_id"]
        target = {secret.key: secret.id for secret in api.list_environment_secrets(env).results}
        database = next(key for key in target if key.endswith("DATABASE_URL"))
        api.create_environment_secret_alias(env, target[database], {"key": "DATABASE_URL"})
        api.create_environment_secret_override(env, target["STRIPE_API_KEY"], {"value": "made-up"})
        secrets = {(one.scope.value, one.key): one for one in api.list_environment_secrets(env).results}
    columns = [
        [("BUILT_IN", database), ("ENVIRONMENT", "DATABASE_URL")],
        [("PROJECT", "STRIPE_API_KEY"), ("ENVIRONMENT", "STRIPE_API_KEY")],
        [("ENVIRONMENT", "SESSION_SECRET")],
    ]
    return _bands([[(*place, _relation(secrets[place])) for place in column] for column in columns])


def _relation(secret: Any) -> str:
    """The relation of the secret to the one above it."""
    if secret.aliased_secret:
        return "alias: another key for the same value"
    if secret.overridden_secret:
        return "override: another value for the same key"
    return "its own secret" if secret.scope.value == "ENVIRONMENT" else "inherited by the environment"


BANDS: Mapping[str, str] = {
    "BUILT_IN": "from Qovery, for a database or a service",
    "PROJECT": "for every environment in it",
    "ENVIRONMENT": "for this environment",
}


def _bands(columns: Sequence[Sequence[tuple[str, str, str]]]) -> str:
    """A band for each scope, the highest on top; an arrow from each alias and override to its target."""
    band, height, gap = 96, 46, 24
    widths = [max(max(len(key) * MONO, text_width(relation)) for _, key, relation in column) + 24 for column in columns]
    width = sum(widths) + gap * (len(columns) + 1)
    drawing = Drawing("An alias and an override of secrets of higher scopes", width, band * len(BANDS) + 12)
    tops = {scope: 12 + band * number for number, scope in enumerate(BANDS)}
    for scope, meaning in BANDS.items():
        drawing.box(12, tops[scope], width - 24, band - 12, "raised")
        drawing.text(gap, tops[scope] + 22, scope, "bold")
        drawing.text(gap + 120, tops[scope] + 22, meaning, "dim")
    x = float(gap)
    for column, wide in zip(columns, widths, strict=True):
        for number, (scope, key, relation) in enumerate(column):
            y = tops[scope] + 32
            drawing.box(x, y, wide, height, "paper")
            drawing.text(x + 10, y + 18, key, "mono")
            drawing.text(x + 10, y + 37, relation, "dim")
            if number:
                above = tops[column[0][0]] + 32 + height
                drawing.line(x + wide - 20, y, x + wide - 20, above + 2, "arrow")
        x += wide + gap
    return drawing.svg()


def main() -> None:
    for name, picture in draw().items():
        (FOLDER / name).write_text(picture, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

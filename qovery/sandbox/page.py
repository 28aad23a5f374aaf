"""The page at `/`: environments, secrets and requests as self-contained HTML that updates itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from html import escape

from qovery.sandbox.app import Route
from qovery.sandbox.http import Request, Response
from qovery.sandbox.scenario import SeenRequest
from qovery.sandbox.store import Record, Store

#: The most environments, secrets of each, and requests that are shown.
MAX_ENVIRONMENTS, MAX_SECRETS, MAX_REQUESTS = 20, 500, 50

#: Fetches the page every second and shows what has changed.
_SCRIPT = """
const follow = async () => {
  try {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    const [now, next] = [document, page].map((one) => one.querySelector("main"));
    if (next && next.innerHTML !== now.innerHTML) now.replaceChildren(...next.childNodes);
  } catch { /* the server is down: try again */ }
  setTimeout(follow, 1000);
};
setTimeout(follow, 1000);
"""

_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; "
        b"script-src 'sha256-%s'; connect-src 'self'" % b64encode(sha256(_SCRIPT.encode()).digest()),
    ),
    (b"cache-control", b"no-store"),
)

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #667085; --line: #e3e7ee; --back: #f6f7fa; --card: #fff;
  --violet: #5b3df5; --green: #0f7b4f; --blue: #1660c4; --amber: #9a5b00; --red: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #98a2b3; --line: #2c3342; --back: #12151c;
  --card: #1a1f29; --violet: #a99bff; --green: #5fd39f; --blue: #82b4ff; --amber: #f2b65c; --red: #ff8d82; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; margin: 0; } h1 span { color: var(--violet); }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
h2 small, p { color: var(--soft); font-weight: 400; margin: .2rem 0 0; }
code, td:first-child { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: .5rem .9rem; border-top: 1px solid var(--line); vertical-align: top; }
tr:first-child > th { border-top: 0; color: var(--soft); font-size: .78rem; font-weight: 600; }
td { white-space: nowrap; }
td:first-child { width: 50%; min-width: 14rem; overflow-wrap: anywhere; white-space: normal; }
.value, .note { color: var(--soft); }
.note { display: block; font: .82rem system-ui, sans-serif; }
.BUILT_IN { color: var(--amber); } .PROJECT { color: var(--blue); } .ENVIRONMENT { color: var(--green); }
.bad { color: var(--red); } .empty { padding: .9rem; color: var(--soft); }
"""


def page_route(store: Store, requests: Callable[[], list[SeenRequest]], url: Callable[[], str]) -> Route:
    """Return the route of the page. `requests` returns the requests to show, `url` the URL."""

    def respond(_request: Request, _content: bytes) -> Response:
        html = _page(store, requests(), url())
        return Response(200, html.encode(), _HEADERS, b"text/html; charset=utf-8")

    return Route("/", "GET", respond)


def _page(store: Store, requests: list[SeenRequest], url: str) -> str:
    environments = store.environments()
    sections = "".join(_environment(store, environment_id) for environment_id in environments[:MAX_ENVIRONMENTS])
    if len(environments) > MAX_ENVIRONMENTS:
        sections += f"<p>Showing {MAX_ENVIRONMENTS} of {len(environments):,} environments.</p>"
    latest: list[tuple[str, ...]] = [
        (
            f"{escape(request.method)} {escape(request.path)}",
            f'<span class="{"" if request.status and request.status < 400 else "bad"}">{_outcome(request)}</span>',
            escape(request.client),
        )
        for request in reversed(requests[-MAX_REQUESTS:])
    ]
    note = f"the last {len(latest)} of {len(requests):,}, newest first" if requests else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Qovery sandbox</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><main>
<h1><span>Qovery</span> sandbox</h1>
<p>Listening on <code>{escape(url)}</code> with the <b>{escape(store.behaviour)}</b> behaviour. Values are stored in
plain text and never shown. Do not put real secrets here.</p>
{sections or _section("Environments", "none yet", "")}
{_section("Requests", note, _table(("Request", "Status", "Client"), latest))}
</main><script>{_SCRIPT}</script></body></html>
"""


def _outcome(request: SeenRequest) -> str:
    return "no response" if request.status is None else str(request.status)


def _environment(store: Store, environment_id: str) -> str:
    from qovery.redaction.marks import MASK  # imported at the first page, since it is slow to import

    number, first = store.overview(environment_id, MAX_SECRETS)
    rows: list[tuple[str, ...]] = [
        (
            escape(secret.key) + _note(_about(secret, target)) + _note(secret.description),
            f'<span class="value">{MASK}</span>',
            f'<span class="{secret.scope}">{secret.scope}</span>',
            secret.kind,
            escape(secret.updated_at[:19].replace("T", " ")),
        )
        for secret, target in first
    ]
    title = f"Environment <code>{escape(environment_id)}</code>"
    heads = ("Key", "Value", "Scope", "Kind", "Changed (UTC)")
    note = f"{number:,} secrets" + (f", the first {MAX_SECRETS}" if number > MAX_SECRETS else "")
    return _section(title, note, _table(heads, rows))


def _about(secret: Record, target: Record | None) -> str | None:
    """Return the target of a secret, its mount path, or the service that it comes from."""
    if target is not None:
        return f"alias of {target.key}" if secret.kind == "ALIAS" else f"overrides a {target.scope} secret"
    return secret.mount_path or (secret.service_name and f"{secret.service_type} {secret.service_name}")


def _note(text: str | None) -> str:
    return f'<span class="note">{escape(text)}</span>' if text else ""


def _section(title: str, note: str, content: str) -> str:
    return f'<h2>{title} <small>{note}</small></h2><div class="card">{content}</div>'


def _table(heads: Iterable[str], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return '<div class="empty">Nothing yet.</div>'
    lines = [
        "".join(f"<th>{head}</th>" for head in heads),
        *("".join(f"<td>{cell}</td>" for cell in row) for row in rows),
    ]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"

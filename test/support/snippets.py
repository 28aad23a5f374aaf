"""Snippets of code for generated clients, and their results with a generated client and with this one.

The snippets are in `test/project/snippets/*.txt`. Each begins with a line `=== name`, or `=== name | anchor` where the
result differs here, and that section of the migration guide documents it. The result of a snippet is the value of its
last line, or the class of the error that it raises.

`python -m test.support.snippets` generates a client with OpenAPI Generator (it needs Java), runs all snippets with
it, and records the results in `test/project/snippets/generated.json`.
"""

from __future__ import annotations

import ast
import contextlib
import http.client
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from test.support import PATIENCE, ROOT
from test.support.openapi_generator import generate
from test.support.recording import SECRET, Received, RecordingServer, Response

FOLDER = ROOT / "test/project/snippets"
RECORD = FOLDER / "generated.json"

ENVIRONMENT = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"

#: A secret without the nulls that the service sends and a generated client rejects.
PLAIN = {name: value for name, value in SECRET.items() if value is not None}

#: A result: `{"value": …}` or `{"raises": the name of the class}`.
Result = dict[str, Any]


class Snippet(NamedTuple):
    """A snippet; `section` is the anchor of the section that describes the difference, empty if there is none."""

    name: str
    section: str
    code: str


def snippets() -> list[Snippet]:
    """All snippets, in the order of the files."""
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        for part in file.read_text(encoding="utf-8").split("=== ")[1:]:
            title, _, code = part.partition("\n")
            name, _, section = title.partition(" | ")
            found.append(Snippet(f"{file.stem}: {name.strip()}", section.strip(), code))
    return found


def results(*path: Path) -> dict[str, Result]:
    """The results of all snippets, with the package `qovery` that is found first in `path`."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_TOKEN"))}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", "from test.support.snippets import run; run()"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Result] = json.loads(done.stdout.splitlines()[-1])
    return found


def generated_results() -> dict[str, Result]:
    """The results of all snippets with a newly generated client."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), "qovery")
        return results(Path(folder), ROOT)


def run() -> None:
    """Print the results with the package `qovery` of this process, as JSON."""
    warnings.simplefilter("ignore")
    found = {}
    with RecordingServer(respond) as server:
        for snippet in snippets():
            server.received.clear()
            server.responses.clear()
            server.default = respond
            found[snippet.name] = run_one(snippet, server)
    print(json.dumps(found))


def respond(received: Received) -> Response:
    """The response of the service."""
    bodies: Mapping[str, tuple[int, Any]] = {
        "GET": (200, {"results": [PLAIN]}),
        "POST": (201, PLAIN),
        "PUT": (200, PLAIN),
        "DELETE": (204, b""),
    }
    return Response(*bodies[received.method])


def run_one(snippet: Snippet, server: RecordingServer) -> Result:
    """Run a snippet in its own namespace, and restore the global state that it changed."""
    import qovery

    def config(**settings: Any) -> Any:
        return qovery.Configuration(**{"host": server.url, "access_token": "a.b.c", **settings})

    namespace: dict[str, Any] = {
        "__name__": "__main__",
        "qovery": qovery,
        "server": server,
        "host": server.url,
        "Response": Response,
        "SECRET": dict(PLAIN),
        "env": ENVIRONMENT,
        "sid": SECRET["id"],
        "sent": lambda: json.loads(server.last.body),
        "config": config,
        "api": qovery.EnvironmentSecretApi(qovery.ApiClient(config())),
        "request": qovery.SecretRequest(key="TOKEN", value="hunter22"),
    }
    printed = io.StringIO()
    namespace["printed"] = printed.getvalue
    tree = ast.parse(snippet.code, snippet.name)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_", ast.Store())], last.value), last)
        ast.fix_missing_locations(tree)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            exec(compile(tree, snippet.name, "exec"), namespace)
        return {"value": plain(namespace.get("_"))}
    except Exception as error:
        return {"raises": type(error).__name__}
    finally:
        qovery.Configuration.set_default(None)
        qovery.ApiClient.set_default(None)
        http.client.HTTPConnection.debuglevel = 0
        for name in ("qovery", "urllib3"):
            logging.getLogger(name).setLevel(logging.NOTSET)


def plain(value: Any) -> Any:
    """A result as JSON; an object without a JSON form becomes the name of its class."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, UUID, datetime)):
        return f"{type(value).__name__}: {value!s}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"


if __name__ == "__main__":
    found = generated_results()
    RECORD.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")

"""The first calls of a process, which load modules and build schemas, when they are interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from qovery import models
from test.support import unmeasured
from test.support.recording import SECRET, Received, RecordingServer, Response
from test.support.scripts import run_script


def respond(got: Received) -> Response:
    environment = got.target.split("/")[2]
    if environment == "rejected":
        return Response(409, {"detail": "there is one: a-token"})
    # No time zone: pydantic rejects this form.
    return Response(200, {"results": []} if got.method == "GET" else {**SECRET, "created_at": "2024-01-01T00:00:00"})


@pytest.fixture
def answering() -> Iterator[RecordingServer]:
    with RecordingServer(respond) as server:
        yield server


CLIENT = """
import sys
import qovery

configuration = qovery.Configuration(host=sys.argv[1], access_token="a-token", retries=0)
api = qovery.EnvironmentSecretApi(qovery.ApiClient(configuration))
"""


def test_client__loads_what_calls_need(server: RecordingServer) -> None:
    """The first call with a model imports no module and builds no response schema."""
    server.default = Response(201, SECRET)
    script = """
assert qovery.models.Secret.__pydantic_complete__
assert qovery.models.SecretResponseList.__pydantic_complete__
body, loaded = qovery.SecretRequest(key="A", value="v"), set(sys.modules)
api.create_environment_secret("e", body)
print(sorted(set(sys.modules) - loaded))
"""
    assert run_script(CLIENT + script, server.url) == "[]\n"


#: Makes a call, and the same call again within each line of a module that it imports.
NESTING = """
import json

CALLS = {
    "rejected": lambda: api.create_environment_secret("rejected", {"key": "A", "value": "v"}),
    "invalid body": lambda: api.create_environment_secret("e", {"keys": "A"}),
    "invalid body of a model": lambda: qovery.SecretRequest(keys="A"),
    "invalid option": lambda: api.list_environment_secrets("e", _heeders={}),
    "time": lambda: api.create_environment_secret("e", qovery.SecretRequest(key="A", value="v")).created_at.year,
    "proxy": lambda: api.list_environment_secrets("e"),
    "token": lambda: fails.list_environment_secrets("e"),
}
call, nested = CALLS[sys.argv[2]], []
other = qovery.Configuration(host=sys.argv[1], access_token=lambda: 1 / 0)
fails = qovery.EnvironmentSecretApi(qovery.ApiClient(other))
if sys.argv[2] in {"invalid body of a model", "time"}:
    qovery.SecretRequest
if sys.argv[2] == "proxy":
    configuration.no_proxy, configuration.proxy = "127.0.0.1", "http://127.0.0.1:1"
    sys.modules.pop("urllib.request", None)
    configuration._routes._last = None

def outcome():
    try:
        return ["returned", str(call())]
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("qovery.")]
        return [kinds[0] if "OpenApiException" in kinds else repr(error), str(error)]

def trace(frame, event, _):
    if frame.f_code.co_name != "<module>" or frame.f_globals["__name__"] != sys.argv[3]:
        return None
    if event == "line":
        nested.append(outcome())
    return trace

sys.settrace(trace)
outer = outcome()
sys.settrace(None)
print(json.dumps([outer, nested, outcome()]))
"""

#: A call, the module that it imports, how it ends, and how it ends where that module is half imported.
ENDS = [
    ("rejected", "qovery.models.secret_request", "ConflictException", "ApiValueError"),
    ("rejected", "qovery.redaction.text_mask", "ConflictException", "ConflictException"),
    ("rejected", "qovery.redaction.decoders", "ConflictException", "ConflictException"),
    ("rejected", "html", "ConflictException", "ConflictException"),
    ("token", "qovery.redaction.text_mask", "ApiException", "ApiException"),
    ("invalid body", "qovery.models.request_model", "ApiValidationError", "ApiValueError"),
    ("invalid body of a model", "qovery.redaction.validation", "ApiValidationError", "ApiValueError"),
    ("invalid option", "qovery.nearest", "ApiTypeError", "ApiTypeError"),
    ("invalid option", "difflib", "ApiTypeError", "ApiTypeError"),
    ("time", "dateutil.parser.isoparser", "returned", "ApiDecodeError"),
    ("proxy", "urllib.request", "returned", "ApiValueError"),
]


@pytest.mark.parametrize(("call", "module", "end", "nested_end"), ENDS)
def test_nested__while_a_module_is_imported(
    answering: RecordingServer, call: str, module: str, end: str, nested_end: str
) -> None:
    """A call nested in one that imports a module ends with a result or a typed error, without details at worst."""
    seen = run_script(CLIENT + NESTING, answering.url, call, module, environment=unmeasured())
    outer, nested, later = json.loads(seen)
    assert (outer[0], later) == (end, outer)
    assert nested_end in {kind for kind, _ in nested} <= {end, nested_end}
    assert not [text for _, text in nested if "a-token" in text]


INTERRUPTED = """
import signal

def handler(*_):
    raise TimeoutError("the limit")

def trace(frame, event, _):
    if frame.f_code.co_name == "__set_name__" and frame.f_globals["__name__"].startswith("pydantic."):
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, handler)
sys.settrace(trace)
try:
    api.create_environment_secret("e", {"key": "A", "value": "v"})
except TimeoutError as error:
    print(error)
print(api.create_environment_secret("e", {"key": "A", "value": "v"}).key)
"""


def test_signal_handler__that_raises_while_a_class_is_made(answering: RecordingServer) -> None:
    """An exception that interrupts the loading of a request's model propagates unchanged; the next call loads it."""
    assert run_script(CLIENT + INTERRUPTED, answering.url) == f"the limit\n{SECRET['key']}\n"
    assert len(answering.received) == 1


def functions(schema: Any) -> Iterator[Any]:
    """All functions in a core schema."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "function" and callable(value):
                yield value
            yield from functions(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from functions(value)


@pytest.mark.parametrize("name", ["SecretRequest", "SecretEditRequest", "Key", "Value"])
def test_schema__names_its_functions(name: str) -> None:
    """No build of a request's schema calls a `repr`, where pydantic_core replaces an exception of a signal handler."""
    model = getattr(models, name)
    model.model_rebuild()
    found = list(functions(model.__pydantic_core_schema__))
    assert found
    assert all(hasattr(function, "__name__") for function in found)

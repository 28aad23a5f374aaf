"""Observability: log records, and the spans of OpenTelemetry's own instrumentation."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qovery import ApiException
from test.support import ROOT
from test.support.clients import client_for
from test.support.hostile import HostileServer, Step, http_response, read, reset, send
from test.support.recording import SECRET

VALUE = "canary-of-the-value"
TOKEN = "canary-of-the-token"
DONE = json.dumps(SECRET)

Spans = Callable[[], tuple[ReadableSpan, ...]]


@pytest.fixture
def spans() -> Iterator[Spans]:
    """The spans that have ended so far."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = URLLib3Instrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter.get_finished_spans
    instrumentor.uninstrument()


def create(server: HostileServer) -> None:
    api = client_for(server, access_token=TOKEN)
    with api.api_client:
        api.create_environment_secret("e", {"key": "A", "value": VALUE}, _request_timeout=10)


def test_spans__of_a_call(spans: Spans) -> None:
    """A call is a span with method, URL and status, and propagates the trace to the service."""
    with HostileServer([read, send(http_response(201, DONE))]) as server:
        create(server)
        assert b"\r\ntraceparent: 00-" in server.requests[0]
        url = f"{server.url}/environment/e/secret"
    (span,) = spans()
    assert span.attributes is not None
    assert span.attributes["http.url"] == url
    assert (span.attributes["http.method"], span.attributes["http.status_code"]) == ("POST", 201)


@pytest.mark.parametrize(
    "last",
    [
        send(http_response(201, DONE)),
        send(http_response(400, f'{{"detail": "{VALUE} {TOKEN}"}}', reason=f"{VALUE} {TOKEN}")),
        send(f"{VALUE} {TOKEN}\r\n".encode()),
        send(f"HTTP/{TOKEN}/{VALUE} 200 OK\r\n\r\n".encode()),
        send(f"HTTP/1.1 200 OK\r\n{VALUE}: {TOKEN}\r\n{TOKEN}\r\nContent-Length: 99\r\n\r\n{VALUE}".encode()),
        reset,
    ],
    ids=["created", "rejected", "no HTTP", "unknown version", "cut off", "reset"],
)
def test_spans__show_no_secret(spans: Spans, last: Step) -> None:
    """No span, event or recorded exception contains a value or token, whatever the server sends."""
    with HostileServer([read, last]) as server, contextlib.suppress(ApiException):
        create(server)
    assert spans()
    for span in spans():
        text = span.to_json()
        assert "canary" not in text, text[max(0, text.find("canary") - 300) :][:600]


def test_log__has_the_fields_of_the_page(caplog: pytest.LogCaptureFixture) -> None:
    """A log record has exactly the fields that the page documents."""
    caplog.set_level(logging.DEBUG, "qovery")
    with HostileServer([read, send(http_response(201, DONE))]) as server:
        create(server)
    (record,) = caplog.records
    page = (ROOT / "docs/guides/observability.md").read_text(encoding="utf-8")
    rows = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `qovery_"))
    assert {name for name in record.__dict__ if name.startswith("qovery_")} == set(re.findall(r"qovery_\w+", rows))

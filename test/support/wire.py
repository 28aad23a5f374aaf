"""A process with instrumented HTTP traffic: prints everything that is recorded, as JSON.

sentry-sdk (breadcrumbs and spans of http.client), OpenTelemetry's instrumentation of urllib3, and the log records of
all libraries. They patch classes permanently, so they run in their own process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import sentry_sdk
import urllib3
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qovery import OpenApiException, SecretRequest, retry
from test.support.hostile import HostileServer, Step, http_response, read, reset, send
from test.support.recorders import Kept
from test.support.recording import SECRET
from test.support.things import TOKEN, VALUE, client

BODY = json.dumps(SECRET)
SECRETS = f"{TOKEN} {VALUE} canary-header"


def raw(text: str) -> Step:
    return send(text.replace("\n", "\r\n").encode())


def responses(secrets: str) -> dict[str, Step]:
    """Responses of a server to a request, and of a proxy to CONNECT."""
    return {
        "reason of a success": send(http_response(201, BODY, reason=secrets)),
        "reason of a failure": send(http_response(400, "{}", reason=secrets)),
        "reason of a retryable failure": send(http_response(503, "{}", reason=secrets)),
        "interim reason": raw(f"HTTP/1.1 103 {secrets}\nX: {secrets}\n\nHTTP/1.1 201 {secrets}\nContent-Length: 0\n\n"),
        "interim header": raw(f"HTTP/1.1 103 Early\n{secrets}\n\nHTTP/1.1 201 Done\nContent-Length: 0\n\n"),
        "malformed header": raw(f"HTTP/1.1 201 Done\n{secrets}\nX: y\nContent-Length: {len(BODY)}\n\n{BODY}"),
        "malformed header of a failure": raw(f"HTTP/1.1 500 Done\nX: y\n{secrets}\nContent-Length: 0\n\n"),
        "malformed status": raw(f"HTTP/1.1 {TOKEN} {VALUE}\n\n"),
        "malformed version": raw(f"HTTP/{TOKEN} 200 {VALUE}\n\n"),
        "not HTTP": raw(f"{secrets}\n\n"),
        "malformed Retry-After": send(http_response(503, "", f"Retry-After: {secrets}")),
        "malformed length": raw(f"HTTP/1.1 200 Done\nContent-Length: {TOKEN}\n\n"),
        "malformed encoding": send(
            http_response(201, BODY, f"Content-Encoding: {TOKEN}", f"Transfer-Encoding: {VALUE}")
        ),
        "redirect": send(http_response(307, "", f"Location: http://{TOKEN}@127.0.0.1:1/{VALUE}")),
        "redirect to nowhere": send(http_response(307, "", f"Location: http://[{TOKEN}")),
        "reset": reset,
    }


POLICIES: dict[str, Any] = {
    "ours": 1,
    "Retry": urllib3.Retry(1, allowed_methods=None, status_forcelist=[500, 503], backoff_factor=0),
}


class Records(logging.Handler):
    """A log handler that keeps every record with its arguments and traceback."""

    def __init__(self) -> None:
        super().__init__(0)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(f"{record.getMessage()} {vars(record)} {logging.Formatter().format(record)}")


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Calls that get each of the responses, with each policy, directly and through a proxy."""
    for policy_name, policy in POLICIES.items():
        for way in ("direct", "forwarded", "tunnel"):
            secrets = SECRETS if way == "direct" else f"{SECRETS} canary-password"
            for name, step in responses(secrets).items():
                yield f"{name}, {way}, {policy_name}", lambda: call(step, way, policy)  # noqa: B023 - called immediately


def call(step: Step, way: str, policy: Any) -> None:
    with HostileServer([read, step]) as server:
        host = {"direct": server.url, "forwarded": "http://api.localhost", "tunnel": "https://api.localhost"}[way]
        api = client(host, None if way == "direct" else server.url)
        api.api_client.configuration.retries = policy
        with api.api_client, contextlib.suppress(OpenApiException, ValueError):  # ValueError comes from OpenTelemetry
            api.create_environment_secret("e", SecretRequest(key="A", value=VALUE), _request_timeout=20)


def planted() -> Iterator[tuple[str, Callable[[], Any]]]:
    """The same requests with urllib3 alone."""
    for name, step in responses(SECRETS).items():
        for way in ("direct", "tunnel"):
            yield f"{name}, {way}", lambda: plain(step, way)  # noqa: B023 - called immediately


def plain(step: Step, way: str) -> None:
    """Send a plain urllib3 request."""
    with HostileServer([read, step]) as server, contextlib.suppress(urllib3.exceptions.HTTPError, ValueError):
        pools = urllib3.PoolManager() if way == "direct" else urllib3.ProxyManager(server.url)
        url = server.url if way == "direct" else "https://api.localhost"
        pools.request("POST", url, retries=urllib3.Retry(1, allowed_methods=None, redirect=False), timeout=20)


def main() -> None:
    records, exporter, provider, kept = Records(), InMemorySpanExporter(), TracerProvider(), Kept()
    logging.basicConfig(level=0, handlers=[records], force=True)
    sentry_sdk.init("http://key@127.0.0.1:1/1", transport=kept, traces_sample_rate=1.0, max_breadcrumbs=1000)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    URLLib3Instrumentor().instrument(tracer_provider=provider)
    retry.BACKOFF_BASE = 0.001
    everything = {}
    for name, run in planted() if sys.argv[1:] else calls():
        records.kept, kept.sent = [], []
        exporter.clear()
        with sentry_sdk.isolation_scope(), sentry_sdk.start_transaction(name="call"):
            run()
            sentry_sdk.capture_message("the breadcrumbs")
        spans = [span.to_json() for span in exporter.get_finished_spans()]
        everything[name] = json.dumps([records.kept, spans, kept.sent], default=repr)
    print(json.dumps(everything))


if __name__ == "__main__":
    main()

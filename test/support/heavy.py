"""A process with logfire or ddtrace, which import and patch a lot: prints what they record, as JSON.

`python -m test.support.heavy logfire|ddtrace [planted]`
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel

from qovery import OpenApiException, SecretRequest
from test.support.hostile import HostileServer, http_response, respond
from test.support.things import TOKEN, VALUE, client, inside


class Control(BaseModel):
    value: str


def objects(url: str, planted: bool) -> dict[str, Any]:
    if planted:
        return {"control": Control(value=VALUE), "mapping": {"a": TOKEN}}
    return dict(inside(client(url)))


def fail(url: str, planted: bool) -> None:
    if planted:
        raise OpenApiException(TOKEN)
    api = client(url)
    with api.api_client:
        api.create_environment_secret("e", SecretRequest(key="A", value=VALUE))


def logfire(url: str, planted: bool) -> str:
    """Log attributes, validations recorded by logfire's pydantic plugin, and errors."""
    import logfire
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(exporter)],
        scrubbing=False,
    )
    logfire.instrument_pydantic(record="all")
    for name, thing in objects(url, planted).items():
        logfire.info("{thing} {text}", thing=thing, text=repr(thing), name=name)
    if not planted:
        SecretRequest.from_dict({"key": "A", "value": VALUE})
    else:

        class Recorded(BaseModel):
            value: str

        Recorded.model_validate({"value": VALUE})
    try:
        with logfire.span("call"):
            fail(url, planted)
    except OpenApiException:
        logfire.exception("failed")
    return "".join(str(span.to_json()) for span in exporter.get_finished_spans())


def ddtrace(url: str, planted: bool) -> str:
    """Spans of urllib3 and http.client, with headers and errors."""
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    kept: list[Any] = []

    class Keep(TraceFilter):
        def process_trace(self, trace: Any) -> None:
            kept.extend(trace)

    tracer.configure(trace_processors=[Keep()])
    ddtrace.patch(urllib3=True, httplib=True, logging=True)
    try:
        with tracer.trace("call") as span:
            for name, thing in objects(url, planted).items():
                span.set_tag(name, thing)
            fail(url, planted)
    except OpenApiException:
        pass
    return repr([(span.get_tags(), span.resource, span.name) for span in kept])


def main(tool: str, planted: bool) -> None:
    with HostileServer(list(respond(http_response(400, f"{TOKEN} {VALUE}", f"X: {TOKEN}", reason=TOKEN)))) as server:
        print(json.dumps({"logfire": logfire, "ddtrace": ddtrace}[tool](server.url, planted)))


if __name__ == "__main__":
    main(sys.argv[1], "planted" in sys.argv)

"""Log handlers and filters that fail in ways that leave no frame of a caller, or at unusual moments."""

from __future__ import annotations

import contextlib
import io
import logging
import operator
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from qovery import ApiConnectionError
from test.support.calls import CALLS, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, read, reset, respond
from test.support.routes import Routes
from test.support.tls import Authority


class Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise LookupError("of a handler")


def on_a_closed_stream() -> logging.Handler:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    stream.close()
    return handler


def with_a_filter_in_c() -> logging.Handler:
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(operator.attrgetter("request_id"))
    return handler


HANDLERS = {"closed stream": on_a_closed_stream, "no emit": logging.Handler, "filter in C": with_a_filter_in_c}


@contextlib.contextmanager
def listening(logger: str, handler: logging.Handler) -> Iterator[None]:
    log = logging.getLogger(logger)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("logger", ["urllib3", "qovery"])
def test_log__that_fails_without_a_frame(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, logger: str, handler: str
) -> None:
    """A handler or filter that fails inside `logging` or in C does not change the result or the error of a call."""
    broken = io.StringIO()
    broken.close()
    with listening(logger, HANDLERS[handler]()), HostileServer(list(respond(GOOD["create"])), [read, reset]) as server:
        api = connect(server)
        monkeypatch.setattr(sys, "stderr", broken)  # where `logging` reports a failed handler
        CALLS["create"](api)
        api.api_client.close()
        with pytest.raises(ApiConnectionError) as lost:
            CALLS["create"](api)
        monkeypatch.undo()
        assert lost.value.outcome_unknown
        assert len(server.requests) == 2


@pytest.mark.parametrize("name", ["list", "create"])
def test_log__that_fails_with_a_replaced_connection(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A handler that raises does not change the result of a call over a recorder's connection."""

    class Fake(urllib3.connection.HTTPConnection):
        pass

    Fake.__module__ = "recorder"
    with HostileServer(list(respond(GOOD[name]))) as server, listening("urllib3.connectionpool", Raising()):
        api = connect(server)
        monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Fake)
        CALLS[name](api)
        assert len(server.requests) == 1


@pytest.mark.parametrize("route", ["https", "CONNECT", "https proxy"])
def test_log__that_fails_about_a_host_name(connect: Connect, routes: Routes, tls: Authority, route: str) -> None:
    """A handler that raises when urllib3 logs a certificate for another name does not change the error."""
    ends: list[Any] = []
    for handler in (logging.NullHandler(), Raising()):
        with (
            tls.server() as server,
            listening("urllib3.connection", handler),
            pytest.raises(ApiConnectionError, match="set assert_hostname or tls_server_name") as caught,
        ):
            CALLS["create"](connect(server, assert_hostname="other.test", **routes.settings(route)))
        ends.append((caught.value.reason, caught.value.attempts, caught.value.outcome_unknown))
    assert ends[0] == ends[1]
    assert ends[0][1:] == (1, False)

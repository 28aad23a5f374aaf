"""Stateful fault injection: the client's knowledge of the service is checked against what the service did.

`TEST_PROFILE=nightly python -m pytest test/faults/test_machine.py` runs more and longer scripts.
"""

from __future__ import annotations

import itertools
import json
import logging
import socket
import ssl
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import pytest
import urllib3
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from qovery import ApiClient, ApiException, NotFoundException
from test.support import NIGHTLY, PATIENCE
from test.support.clients import client_for
from test.support.hostile import HostileServer, http_response, trickle
from test.support.routes import ROUTES, Routes

LOG = logging.getLogger("qovery")
#: The number of scripts played over plain HTTP, and over TLS or through a proxy.
EXAMPLES = 400 if NIGHTLY else 5
EXAMPLES_ELSEWHERE = 100 if NIGHTLY else 1
POOL = 6  # one connection per concurrent call, so that none waits for another's fault


class Fault(NamedTuple):
    """The fault injected into one request.

    Attributes:
        reply: The response: a status, or a key of the table below.
        ran: Whether the service applies the request; `late` applies it after the client hung up.
        retry_after: The value of the Retry-After header.
        down: How many attempts the service then refuses; 0 if it stays up.
    """

    reply: int | str
    ran: bool | str = False
    retry_after: str | None = None
    down: int = 0


LOST = ["reset", "reset in the head", "hang up", "hang up in the body", "not HTTP", "reset before the body"]
DID_NOT_RUN = [425, 429, 503]
MAY_HAVE_RUN = [408, 500, 502, 504, 507, 520]
REJECTED = [307, 400, 403, 409, 501]
TOKEN_IS_OLD = 401
UNREADABLE = ["HTML", "empty", "broken gzip"]
BOTH = [False, True]
WAITS = [None, "0", "86400"]


def faults(
    replies: Sequence[int | str],
    ran: Sequence[bool | str],
    retry_after: Sequence[str | None] = (None,),
    down: Sequence[int] = (0,),
) -> st.SearchStrategy[Fault]:
    return st.builds(Fault, *map(st.sampled_from, (replies, ran, retry_after, down)))


LOST_RESPONSES = faults(LOST, BOTH)
RESPONSES = st.one_of(
    faults(MAY_HAVE_RUN, BOTH, WAITS),
    faults(DID_NOT_RUN, [False], WAITS),
    faults(REJECTED, [False]),
    faults([TOKEN_IS_OLD], [False]),
    faults([*UNREADABLE, "interim responses", "goodbye"], [True]),
)
#: Faults that use up the deadline, or affect all calls in flight.
GRAVE = st.one_of(
    faults(["stall", "trickle"], [*BOTH, "late"]),
    faults(LOST, BOTH, down=[1, 2, 99]),
    faults(["the client is closed"], BOTH),
)
# Not one_of, which would merge equal strategies.
FAULTS = st.sampled_from([LOST_RESPONSES] * 5 + [RESPONSES] * 6 + [GRAVE]).flatmap(lambda kind: kind)
OPERATIONS = ["list", "create", "edit", "delete", "alias", "override"]
CALLS = st.tuples(
    st.sampled_from(OPERATIONS),
    st.integers(0, 9),  # which secret
    st.lists(FAULTS, min_size=1, max_size=4),
    st.sampled_from([0.4, (0.3, 0.1)]),  # a budget; or limits for each attempt, in the budget of the client
    st.sampled_from([1, 300_000]),  # the size of the value
)


class Service(logging.Handler):
    """A model of the service: its secrets, what it did for each call, and the faults to inject.

    It is also a handler of the client's log. Each attempt is one record, which lets it count the refused ones.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(logging.DEBUG)
        self.context = context
        self.secrets = {f"id-{n}": (f"KEY_{n}", "old") for n in range(POOL)}  # key and value by id
        self.ran: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.listed: defaultdict[str, list[list[str]]] = defaultdict(list)  # the keys in each response to a call
        self.scripts: dict[str, Iterator[Fault]] = {}  # of the calls in flight
        self.client: ApiClient
        self.changed = threading.Condition()
        self.connections = 0
        self.busy = 0
        # Keeps the port while the service is down.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port: int = self.place.getsockname()[1]
        self.servers: list[HostileServer] = []
        self.refusing = 0
        self.go_up()

    # --- Up and down ------------------------------------------------------------------------------

    def go_up(self) -> None:
        self.refusing = 0
        self.servers.append(HostileServer([self.serve], context=self.context, port=self.port).__enter__())

    def go_down(self, attempts: int) -> None:
        with self.changed:
            if attempts and not self.refusing:
                self.refusing = attempts
                self.servers[-1].shut_down()

    def emit(self, record: logging.LogRecord) -> None:
        with self.changed:
            if self.refusing:
                self.refusing -= 1
                if not self.refusing:
                    self.go_up()

    def stop(self) -> None:
        self.client.close()
        for server in self.servers:
            server.__exit__()
        self.place.close()

    # --- Requests ---------------------------------------------------------------------------------

    def count(self, connections: int, busy: int) -> None:
        with self.changed:
            self.connections += connections
            self.busy += busy
            self.changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait until the service has finished its work and seen the end of closed connections."""
        with self.changed:
            assert self.changed.wait_for(lambda: not self.busy and self.connections <= POOL, PATIENCE), (
                "connections leak"
            )

    def serve(self, sock: socket.socket, _: list[bytes]) -> None:
        self.count(1, 0)
        try:
            with sock.makefile("rb") as stream:
                while line := stream.readline():
                    self.count(0, 1)
                    try:
                        if not self.exchange(sock, stream, line.decode()):
                            break
                    finally:
                        self.count(0, -1)
        finally:
            self.count(-1, 0)

    def exchange(self, sock: socket.socket, stream: BinaryIO, line: str) -> bool:
        """Play the next fault; False ends the connection."""
        headers = {}
        while header := stream.readline().strip():
            name, _, text = header.decode().partition(":")
            headers[name.lower()] = text.strip()
        call = headers["x-call"]
        with self.changed:
            script = self.scripts.get(call)
            if script is None:  # given up before it was read
                return False
            self.received[call] += 1
            fault = next(script, Fault("fine", True))
        body = b""
        if fault.reply != "reset before the body" or fault.ran:
            length = int(headers.get("content-length", 0))
            body = stream.read(length)
            if len(body) < length:
                return False
        method, path, _ = line.split()
        good = self.run(call, method, path.split("/")[3:], body) if fault.ran is True else None
        try:
            return self.reply(sock, fault, good)
        finally:
            if fault.ran == "late":
                self.run(call, method, path.split("/")[3:], body)
            self.go_down(fault.down)

    def run(self, call: str, method: str, path: list[str], content: bytes) -> bytes:
        """Apply the request, and return the response."""
        body = json.loads(content or b"{}")
        with self.changed:
            target = path[1] if len(path) > 1 else None
            if target is not None and target not in self.secrets:
                return http_response(404)
            self.ran[call] += 1
            if method == "GET":
                self.listed[call].append([key for key, _ in self.secrets.values()])
                return http_response(
                    200, json.dumps({"results": [_secret(n, *held) for n, held in self.secrets.items()]})
                )
            if method == "DELETE":
                del self.secrets[str(target)]
                return http_response(204, b"", "Content-Length: 0")
            made = target if method == "PUT" and target else f"id-{call}-{self.ran[call]}"
            self.secrets[made] = (body.get("key") or f"{call}", body.get("value") or "")
            return http_response(200 if method == "PUT" else 201, json.dumps(_secret(made, *self.secrets[made])))

    def reply(self, sock: socket.socket, fault: Fault, good: bytes | None) -> bool:
        """Send the response with the fault applied; False ends the connection."""
        kind = fault.reply
        good = good or http_response(500)
        if isinstance(kind, int):
            headers = [] if fault.retry_after is None else [f"Retry-After: {fault.retry_after}"]
            sock.sendall(http_response(kind, "{}", *headers))
            return True
        if kind == "the client is closed":
            self.client.close()
        if kind == "trickle":
            trickle(good, 0.02)(sock, [])
        elif kind == "stall":
            while sock.recv(65536):
                pass
        else:
            sock.sendall(SENT[kind](good))
        if "reset" in kind:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return kind in {"fine", "interim responses", "the client is closed"}


INTERIM = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"

#: The bytes to send instead of a good response.
SENT: dict[str, Callable[[bytes], bytes]] = {
    "fine": lambda good: good,
    "goodbye": lambda good: good,
    "the client is closed": lambda good: good,
    "interim responses": lambda good: INTERIM + good,
    "HTML": lambda good: http_response(200, "<html>"),
    "empty": lambda good: http_response(200),
    "broken gzip": lambda good: http_response(200, b"not gzip", "Content-Encoding: gzip"),
    "not HTTP": lambda good: b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "hang up": lambda good: b"",
    "hang up in the body": lambda good: good[:-1] if good[-1:] == b"}" else good[: good.index(b"\r\n")],
    "reset": lambda good: b"",
    "reset in the head": lambda good: good[:20],
    "reset before the body": lambda good: b"",
}


def _secret(secret_id: str, key: str, value: str) -> dict[str, str]:
    return {"id": secret_id, "created_at": "2024-01-01T00:00:00Z", "key": key, "scope": "ENVIRONMENT"}


class Client(RuleBasedStateMachine):
    """A client, and its knowledge of the secrets."""

    retries: int | urllib3.Retry
    route: str
    routes: Routes

    def __init__(self) -> None:
        super().__init__()
        self.service = Service(self.routes.context(self.route))
        LOG.addHandler(self.service)
        LOG.setLevel(logging.DEBUG)
        tokens = map("token-{}".format, itertools.count())
        self.api = client_for(
            self.service.servers[-1].url,
            access_token=lambda: next(tokens),
            retries=self.retries,
            total_timeout=0.6,
            connection_pool_maxsize=POOL,
            **self.routes.settings(self.route),
        )
        self.service.client = self.api.api_client
        self.calls = 0
        # The value by id, None if unknown.
        self.there: dict[str, str | None] = dict.fromkeys(self.service.secrets)
        self.gone: set[str] = set()
        self.perhaps: set[str] = set()  # ids that may exist
        self.perhaps_made: set[str] = set()  # keys that may exist under unknown ids

    def teardown(self) -> None:
        LOG.removeHandler(self.service)
        LOG.setLevel(logging.NOTSET)
        self.service.stop()
        with self.service.changed:
            assert self.service.changed.wait_for(lambda: not self.service.connections, PATIENCE), "a connection is left"

    @rule(calls=st.lists(CALLS, min_size=3, max_size=POOL), down=st.sampled_from([0, 0, 0, 1, 3, 99]))
    def call(self, calls: list[tuple[Any, ...]], down: int) -> None:
        """Make concurrent calls, each for a different secret, to a service that may be down at first."""
        free = sorted({*self.there, *self.perhaps}) + sorted(self.gone)
        threads = []
        self.service.go_down(down)
        for operation, which, script, timeout, size in calls:
            self.calls += 1
            name = f"CALL_{self.calls}"
            target = free.pop(which % len(free))
            self.service.scripts[name] = iter(script)
            threads.append(Call(self, operation, name, target, timeout, str(self.calls) * size))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the call does not end"
        with self.service.changed:
            self.service.scripts.clear()
            if self.service.refusing:
                self.service.go_up()
        self.service.wait_until_idle()
        for thread in threads:
            self.learn(thread)

    def learn(self, call: Call) -> None:
        """Check the reported outcome of a call against what the service did, and record it."""
        error, ran = call.error, self.service.ran[call.name]
        note(f"{call.name}: {call.operation} of {call.target} ran {ran} times and ended with {error!r}")
        if isinstance(error, ApiException):
            assert error.attempts >= self.service.received[call.name]
            assert error.operation == call.method
        elif error is not None:
            raise error
        unknown = error is not None and error.outcome_unknown
        if call.operation not in {"list", "edit", "delete"} and isinstance(self.retries, int):
            assert ran <= 1, "ran twice"
        if call.operation == "list":
            self.learn_list(call, unknown)
        elif error is not None and not unknown:
            assert ran == 0, "it was applied"
            self.learn_failure(call)
        else:
            learn = {"edit": self.learn_edit, "delete": self.learn_delete}.get(call.operation, self.learn_new)
            learn(call, unknown, ran)

    def learn_list(self, call: Call, unknown: bool) -> None:
        assert not unknown
        if call.error is None:
            assert [secret.key for secret in call.result.results] in self.service.listed[call.name]

    def learn_failure(self, call: Call) -> None:
        if isinstance(call.error, NotFoundException):
            self.forget(call.target)
            self.gone.add(call.target)

    def learn_delete(self, call: Call, unknown: bool, ran: int) -> None:
        self.forget(call.target)
        (self.perhaps if unknown else self.gone).add(call.target)

    def learn_edit(self, call: Call, unknown: bool, ran: int) -> None:
        if not unknown:
            assert ran
            self.forget(call.target)
            self.there[call.target] = call.value
        elif call.target in self.there:
            self.there[call.target] = None

    def learn_new(self, call: Call, unknown: bool, ran: int) -> None:
        if unknown:
            self.perhaps_made.add(call.name)
            return
        assert ran
        assert call.result.key == call.name
        self.there[call.result.id] = None if call.operation == "alias" else call.value
        if ran > 1:  # retried by the caller's policy
            self.perhaps_made.add(call.name)

    def forget(self, secret_id: str) -> None:
        self.there.pop(secret_id, None)
        self.perhaps.discard(secret_id)
        self.gone.discard(secret_id)

    @invariant()
    def beliefs_hold(self) -> None:
        held = self.service.secrets
        for secret_id, value in self.there.items():
            assert secret_id in held
            assert value is None or held[secret_id][1] == value
        assert not self.gone & held.keys()
        for secret_id in held.keys() - self.there.keys() - self.perhaps:
            assert held[secret_id][0] in self.perhaps_made


class Call(threading.Thread):
    """One call and its outcome."""

    def __init__(self, client: Client, operation: str, name: str, target: str, timeout: Any, value: str) -> None:
        super().__init__(daemon=True)
        self.operation, self.name, self.target, self.value = operation, name, target, value
        api, options = client.api, {"_request_timeout": timeout, "_headers": {"X-Call": name}}
        plain, body = {"key": name, "value": value}, {"key": name}
        self.method, self.ids, self.body = {
            "list": ("list_environment_secrets", ("e",), None),
            "create": ("create_environment_secret", ("e",), plain),
            "edit": ("edit_environment_secret", ("e", target), plain),
            "delete": ("delete_environment_secret", ("e", target), None),
            "alias": ("create_environment_secret_alias", ("e", target), body),
            "override": ("create_environment_secret_override", ("e", target), {"value": value}),
        }[operation]
        self.send = lambda: getattr(api, self.method)(*self.ids, *([self.body] if self.body else []), **options)
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.send()
        except BaseException as error:
            self.error = error


# Before Python 3.13 a TLS socket is leaked if its connection is reset before the handshake.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.needs_posix  # keeps the port while the service is down
@pytest.mark.parametrize(
    "retries",
    [
        3,
        urllib3.Retry(
            2,
            status_forcelist=[500, 503],
            allowed_methods=None,
            backoff_factor=0.01,
            respect_retry_after_header=False,
        ),
    ],
    ids=["ours", "caller's policy"],
)
@pytest.mark.parametrize("route", ROUTES)
def test_machine(routes: Routes, route: str, retries: int | urllib3.Retry) -> None:
    """Under any fault a call returns or raises a typed error, and its outcome matches what the service did."""
    run_state_machine_as_test(
        type("Machine", (Client,), {"retries": retries, "route": route, "routes": routes}),
        settings=settings(
            max_examples=EXAMPLES if route == "http" else EXAMPLES_ELSEWHERE,
            stateful_step_count=4,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # shrinking takes minutes, and a run depends on timing
            database=None,
        ),
    )

"""Foreign exceptions that propagate through a call: from signal handlers, fakes and retry policies."""

from __future__ import annotations

import ctypes
import functools
import json
import signal
import socket
import threading
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import HTTPError

from qovery import ApiConnectionError, InsecureWarning
from test.support import NIGHTLY, PATIENCE, wait_until
from test.support.calls import CALLS, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, Step, http_response, read, reset, respond, send, stall
from test.support.recording import SECRET, RecordingServer, Response
from test.support.scripts import run_script


class SocketBlockedError(RuntimeError):
    """An error like the one pytest-socket raises."""


class Limit(Exception):  # noqa: N818 - the usual name of such a class
    """A soft time limit, as a task worker raises it in a signal handler."""


class OwnTimeout(TimeoutError):  # noqa: N818 - as above
    """An `OSError` that no library defines, such as one that is thrown into a greenlet."""


FOREIGN = [
    AssertionError,
    SocketBlockedError,
    OwnTimeout,
    MemoryError,
    Limit,
    LookupError,
    ValueError,
    KeyboardInterrupt,
]


@pytest.mark.parametrize("at", ["connect", "sendall", "recv_into"])
@pytest.mark.parametrize("raised", FOREIGN)
def test_foreign_error__of_a_fake_socket(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], at: str
) -> None:
    """A fake socket's error propagates unchanged after at most one request, and the client stays usable."""
    here, armed = threading.get_ident(), [True]

    class Fake(socket.socket):
        pass

    def fail(self: socket.socket, *args: Any) -> Any:
        if armed and threading.get_ident() == here:
            armed.clear()
            if at == "connect":
                self.close()  # urllib3 does not do this
            raise raised("of the fake")
        return getattr(super(Fake, self), at)(*args)

    setattr(Fake, at, fail)
    monkeypatch.setattr(socket, "socket", Fake)
    api = connect(server, connection_pool_maxsize=1)
    server.default = Response(201, SECRET)
    with pytest.raises(raised, match="of the fake") as caught:
        CALLS["create"](api)
    assert type(caught.value) is raised
    CALLS["create"](api)
    wait_until(lambda: len(server.received) == 1 + (at == "recv_into"))


class Policy(urllib3.Retry):
    """A retry policy that raises."""

    raised: type[BaseException] = LookupError

    def increment(self, *_: Any, **__: Any) -> Any:
        raise self.raised("of the policy")


@pytest.mark.parametrize(
    "raised", [LookupError, ValueError, AssertionError, MemoryError, Limit, BrokenPipeError, TimeoutError, HTTPError]
)
def test_foreign_error__of_a_policy(connect: Connect, raised: type[BaseException]) -> None:
    """An error raised by a caller's `Retry` propagates unchanged after one request."""
    kind = type("Mine", (Policy,), {"raised": raised})
    with HostileServer([read, reset], list(respond(GOOD["create"]))) as server:
        api = connect(server, retries=kind(3), connection_pool_maxsize=1)
        with pytest.raises(raised, match="of the policy"):
            CALLS["create"](api)
        assert len(server.requests) == 1
        CALLS["create"](api)


@pytest.mark.needs_posix
@pytest.mark.parametrize("raised", [Limit, TimeoutError, ConnectionError, ValueError, HTTPError])
@pytest.mark.parametrize("policy", [3, urllib3.Retry(3, allowed_methods=None, backoff_factor=0)], ids=["ours", "own"])
@pytest.mark.parametrize("phase", ["connecting", "waiting", "reading", "delayed", "asking"])
def test_signal_handler__that_raises(
    connect: Connect, phase: str, policy: Any, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A soft time limit of any class propagates unchanged after one request, and the client stays usable."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(_: socket.socket, __: list[bytes]) -> None:
        signal.pthread_kill(main, signal.SIGUSR1)

    def handler(*_: Any) -> None:
        raise raised("the limit")

    half = GOOD["create"][:-5]
    busy = http_response(503, b"", "Retry-After: 100")
    scripts: dict[str, list[Step]] = {
        "waiting": [read, interrupt, stall],
        "reading": [read, send(half), interrupt, stall],
        "delayed": [read, send(busy), interrupt, *respond(GOOD["create"])],
    }
    if phase == "delayed" and policy != 3:
        policy = urllib3.Retry(3, allowed_methods=None, status_forcelist=[503])
    asked: list[None] = []

    def token() -> str:
        asked.append(None)
        if phase == "asking" and len(asked) == 1:
            signal.raise_signal(signal.SIGUSR1)
        return "t"

    if phase == "connecting":
        look_up = socket.getaddrinfo

        def looked_up(host: str, *args: Any, **options: Any) -> Any:
            if not asked[1:]:
                asked.append(None)
                signal.raise_signal(signal.SIGUSR1)
            return look_up(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    before = signal.signal(signal.SIGUSR1, handler)
    good = list(respond(GOOD["create"]))
    try:
        with HostileServer(*([scripts[phase], good] if phase in scripts else [good])) as server:
            api = connect(server, retries=policy, connection_pool_maxsize=1, access_token=token, total_timeout=1000)
            with pytest.raises(raised, match="the limit") as caught:
                CALLS["create"](api)
            assert type(caught.value) is raised
            assert len(server.requests) == (phase in scripts)
            CALLS["create"](api)
    finally:
        signal.signal(signal.SIGUSR1, before)


def limit(text: str, *_: Any) -> None:
    raise TimeoutError(text)


def one_shot(number: int, _: Any) -> None:
    signal.signal(number, signal.SIG_DFL)
    limit("the limit")


@pytest.mark.needs_posix
@pytest.mark.parametrize("handler", [functools.partial(limit, "the limit"), one_shot], ids=["partial", "one shot"])
def test_signal_handler__that_is_no_function_or_no_longer_set(connect: Connect, handler: Any) -> None:
    """The exception of any handler propagates unchanged, without a retry."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(_: socket.socket, __: list[bytes]) -> None:
        signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with HostileServer([read, interrupt, stall]) as server, pytest.raises(TimeoutError, match="the limit"):
            CALLS["list"](connect(server))
        assert len(server.requests) == 1
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.needs_posix
def test_signal_handler__that_raises_while_connecting_to_one_of_two_addresses(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption does not count as a failed address: the next address is not tried."""
    real = socket.socket.connect
    tried: list[Any] = []

    def connect_to(self: socket.socket, address: Any) -> None:
        tried.append(address)
        if len(tried) == 1:
            signal.raise_signal(signal.SIGUSR1)
        real(self, address)

    def handler(*_: Any) -> None:
        raise TimeoutError("the limit")

    class Fake(socket.socket):
        connect = connect_to

    monkeypatch.setattr(socket, "socket", Fake)
    look_up = socket.getaddrinfo

    def two(host: str, port: int, *args: Any) -> Any:
        names = ("127.0.0.1", "127.0.0.2") if host == "two.test" else (host,)
        return [entry for name in names for entry in look_up(name, port, *args)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(TimeoutError, match="the limit"), pytest.warns(InsecureWarning):
            CALLS["list"](connect(f"http://two.test:{server.port}"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(tried) == 1


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a socket closed by the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_thread__that_is_interrupted_from_outside(connect: Connect, server: RecordingServer) -> None:
    """An exception set by another thread propagates unchanged from any point, and the client stays usable."""
    api = connect(server, connection_pool_maxsize=1)
    set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
    ends: list[type[BaseException]] = []

    def call() -> None:
        try:
            while True:
                api.list_environment_secrets("e")
        except BaseException as error:
            ends.append(type(error))

    for number in range(1, 21):
        received = len(server.received)
        thread = threading.Thread(target=call)
        thread.start()
        wait_until(lambda received=received: len(server.received) > received)  # type: ignore[misc] # called immediately
        set_exception(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Limit))
        thread.join(PATIENCE)
        assert ends == [Limit] * number
        api.list_environment_secrets("e", _request_timeout=PATIENCE)


#: Makes calls, each interrupted by a signal handler at a different instruction of the package, urllib3 or http.client.
INTERRUPTING = """
import collections, json, signal, sys
import urllib3
from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi

url, name, step = sys.argv[1], sys.argv[2], int(sys.argv[4])
raised = TimeoutError if sys.argv[3] == "TimeoutError" else type("Limit", (Exception,), {})
#: A finalizer cannot let an exception leave.
finalizers = {"_close_pool_connections", "_close_all", "__del__", "isclosed", "closed", "close", "flush"}
at = None

def handler(*_):
    raise raised("the limit")

def trace(frame, event, _):
    global left, at
    if frame.f_globals.get("__name__", "").partition(".")[0] not in {"qovery", "urllib3", "http"}:
        return None
    frame.f_trace_opcodes = True
    if event in {"line", "opcode"} and at is None:  # Python 3.12 omits some opcodes
        left -= 1
        if left < 0:
            at = frame.f_code.co_name
            signal.raise_signal(signal.SIGUSR1)
    return trace

def run(api):
    if name == "list":
        api.list_environment_secrets("e")
    else:
        api.create_environment_secret("e", {"key": "A", "value": "v"})

signal.signal(signal.SIGUSR1, handler)
sys.unraisablehook = lambda _: None
problems, rounds = [], 0
for used in (False, True):
    start = 0
    while True:
        tokens = iter(range(100))
        configuration = Configuration(host=url, connection_pool_maxsize=1, access_token=lambda: f"token-{next(tokens)}")
        with ApiClient(configuration) as client:
            api = EnvironmentSecretApi(client)
            if used:
                run(api)
            left, at, caught = start, None, None
            sys.settrace(trace)
            try:
                run(api)
            except BaseException as error:
                caught = type(error)
            finally:
                sys.settrace(None)
            if at is None:
                break
            if caught is not raised and not (caught is None and at in finalizers):
                problems.append((start, at, str(caught)))
            try:
                for _ in range(2):  # a mark that was left, a slot that was lost
                    api.list_environment_secrets("e", _request_timeout=5)
            except ApiException as error:
                problems.append((start, at, "afterwards", str(error)))
        start, rounds = start + step, rounds + 1
print(json.dumps([rounds, problems]))
"""


@pytest.mark.needs_posix
@pytest.mark.parametrize("raised", ["Limit", "TimeoutError"])
@pytest.mark.parametrize("name", ["list", "create"])
def test_signal_handler__that_raises_at_any_instruction(name: str, raised: str) -> None:
    """An interruption at any instruction propagates unchanged, and the only connection can be used again."""
    with RecordingServer(lambda got: Response(200, {"results": []} if got.method == "GET" else SECRET)) as server:
        rounds, problems = json.loads(run_script(INTERRUPTING, server.url, name, raised, "1" if NIGHTLY else "97"))
        assert problems == []
        assert rounds > 50


@pytest.mark.needs_posix
@pytest.mark.parametrize("phase", ["waiting", "delayed"])
def test_signal_handler__that_closes(connect: Connect, phase: str) -> None:
    """A signal handler may close the client mid-call: the call ends, and later calls work."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(_: socket.socket, __: list[bytes]) -> None:
        signal.pthread_kill(main, signal.SIGUSR1)

    busy = http_response(503, b"", "Retry-After: 100")
    script: list[Step] = [read, interrupt, stall] if phase == "waiting" else [read, send(busy), interrupt, stall]
    with HostileServer(script, list(respond(GOOD["create"]))) as server:
        api = connect(server, total_timeout=1000, connection_pool_maxsize=1)
        before = signal.signal(signal.SIGUSR1, lambda *_: api.api_client.close())
        try:
            with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
                CALLS["create"](api)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (1, phase == "waiting")
        CALLS["create"](api)


@pytest.mark.needs_posix
def test_fork__while_another_thread_makes_the_first_call(server: RecordingServer) -> None:
    """Locks held by a parent's thread at the fork do not block the child."""
    out = run_script(
        """
        import os, sys, threading
        from qovery import ApiClient, Configuration, EnvironmentSecretApi

        asked, go = threading.Event(), threading.Event()

        def token():
            if os.getpid() == parent:
                asked.set()
                go.wait()
            return "t"

        parent = os.getpid()
        api = EnvironmentSecretApi(ApiClient(Configuration(host=sys.argv[1], access_token=token)))
        first = threading.Thread(target=api.list_environment_secrets, args=("e",))
        first.start()
        asked.wait()
        lock = api.api_client.rest_client._open_session()._lock
        held, release = threading.Event(), threading.Event()

        def hold():
            with lock:
                held.set()
                release.wait()

        threading.Thread(target=hold).start()
        held.wait()
        child = os.fork()
        if child == 0:
            api.list_environment_secrets("e")
            api.api_client.close()
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        release.set()
        go.set()
        first.join()
        api.api_client.close()
        """,
        server.url,
    )
    assert out.strip() == "0"
    assert len(server.received) == 2

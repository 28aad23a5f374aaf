"""One client shared by threads and by processes, and what is left of it when it is closed."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import queue
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qovery import ApiClient, ApiConnectionError, ApiDecodeError, Configuration, EnvironmentSecretApi
from test.misbehaving import Misbehaving, answers, read, silence
from test.recording import EMPTY, SECRET, TLS, Received, Recorder, Reply
from test.test_faults import EMPTY_LIST

THREADS = 32


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder(EMPTY) as recorder:
        yield recorder


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """What `work` returned or raised in each of the threads, which begin together."""
    begin = threading.Barrier(THREADS)
    ends: list[Any] = [None] * THREADS

    def run(number: int) -> None:
        begin.wait()
        try:
            ends[number] = work(number)
        except Exception as error:
            ends[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return ends


def echo(received: Received) -> Reply:
    """After 5 ms, one secret whose key is the environment that was asked for."""
    time.sleep(0.005)
    return Reply(200, {"results": [{**SECRET, "key": received.target.split("/")[2]}]})


# --- Threads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, THREADS])
def test_threads__get_their_own_answers(server: Recorder, size: int) -> None:
    """Each thread gets the answers to its own calls, over no more connections than allowed, each opened once."""
    server.otherwise = echo
    with ApiClient(Configuration(host=server.url, connection_pool_maxsize=size)) as client:
        api = EnvironmentSecretApi(client)

        def work(number: int) -> None:
            for call in range(8):
                environment = f"e-{number}-{call}"
                assert [secret.key for secret in api.list_environment_secrets(environment).results or ()] == [
                    environment
                ]

        assert in_threads(work) == [None] * THREADS
    assert len(server.received) == THREADS * 8
    assert server.connections <= size


def test_threads__rejected_at_once(server: Recorder) -> None:
    """When all threads get a 401 the callable is asked once more, by one of them, and each call is repeated once."""
    rejected = threading.Barrier(THREADS)
    asked_by: list[int] = []

    def judge(received: Received) -> Reply:
        if received.headers["Authorization"] != "Bearer old":
            return EMPTY
        rejected.wait(30)  # until everybody has sent the old one
        return Reply(401)

    def ask() -> str:
        asked_by.append(threading.get_ident())
        time.sleep(0.05)  # time for the others to come
        return "old" if len(asked_by) == 1 else "new"

    server.otherwise = judge
    with ApiClient(Configuration(host=server.url, access_token=ask, connection_pool_maxsize=THREADS)) as client:
        api = EnvironmentSecretApi(client)
        ends = in_threads(lambda number: api.list_environment_secrets(f"e-{number}").results)
    assert ends == [[]] * THREADS
    assert len(asked_by) == 2
    assert set(Counter(received.target for received in server.received).values()) == {2}
    assert Counter(received.headers["Authorization"] for received in server.received) == {
        "Bearer old": THREADS,
        "Bearer new": THREADS,
    }


# --- Closing --------------------------------------------------------------------------------------


def waiting_for_a_connection() -> int:
    """How many threads stand in the queue of a pool."""
    callers = [frame.f_back for frame in sys._current_frames().values()]
    return sum(caller is not None and caller.f_code is queue.Queue.get.__code__ for caller in callers)


def test_close__ends_calls_under_way() -> None:
    """Calls that wait for an answer, and those that wait for a connection, end and say why; a later one opens again."""
    with Misbehaving(*[[read, silence]] * 4, list(answers(EMPTY_LIST))) as server:
        client = ApiClient(Configuration(host=server.url, connection_pool_maxsize=4))
        api = EnvironmentSecretApi(client)

        def close() -> None:
            while len(server.requests) < 4 or waiting_for_a_connection() < THREADS - 4:
                time.sleep(0.01)
            client.close()

        closer = threading.Thread(target=close, daemon=True)
        closer.start()
        started = time.monotonic()
        ends = in_threads(lambda _: api.create_environment_secret("e", {"key": "A", "value": "v"}))
        assert time.monotonic() - started < 20  # a call has a minute
        closer.join()
        assert all(type(end) is ApiConnectionError and "the client was closed" in str(end) for end in ends)
        assert Counter(end.outcome_unknown for end in ends) == {True: 4, False: THREADS - 4}
        assert (server.connections, len(server.requests)) == (4, 4)
        assert api.list_environment_secrets("e").results == []
        client.close()


# --- Processes ------------------------------------------------------------------------------------

#: What the scripts below begin with: one call of `client` says in a header which process it is from.
COMMON = """
import multiprocessing, os, sys, threading
from qovery import ApiClient, ApiConnectionError, ApiDecodeError, Configuration, EnvironmentSecretApi

client = ApiClient(Configuration(host=sys.argv[1], ca_cert_data=sys.argv[2] or None, access_token=lambda: "t"))
api = EnvironmentSecretApi(client)

def call(name="e"):
    secrets = api.list_environment_secrets(name, _headers={"X-Process": str(os.getpid())}).results
    assert [secret.key for secret in secrets] == [name]

def in_threads(number, work):
    errors, begin = [], threading.Barrier(number)
    def run():
        begin.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors

def ended(*children):
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

#: name -> the script, in which the parent makes the last call, and how many processes call.
FORKS = {
    "a child": (
        """
        call()
        child = os.fork()
        if child == 0:
            call(); call()
            sys.exit()  # with everything that runs at an end
        ended(child)
        call()
        """,
        2,
    ),
    "a grandchild": (
        """
        call()
        child = os.fork()
        if child == 0:
            call()
            grandchild = os.fork()
            if grandchild == 0:
                call()
                sys.exit()
            ended(grandchild)
            call()
            sys.exit()
        ended(child)
        call()
        """,
        3,
    ),
    "a child that closes": (
        """
        with client:
            call()
            child = os.fork()
            if child == 0:
                client.close()
                call()
                client.close()
                sys.exit()
            ended(child)
            call()
        """,
        2,
    ),
    "before the first call": (
        """
        child = os.fork()
        call()
        if child:
            ended(child)
            call()
        """,
        2,
    ),
    "multiprocessing": (
        """
        call()
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=call) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
        call()
        """,
        4,
    ),
    "a server that forks its workers": (
        """
        sys.setswitchinterval(1e-6)
        call()
        workers = []
        for _ in range(3):
            workers.append(os.fork())
            if workers[-1] == 0:
                with client:
                    in_threads(8, lambda: [call(), call()])
                sys.exit()
        ended(*workers)
        call()
        client.close()
        """,
        4,
    ),
    "during a call": (
        """
        call()
        slow = threading.Thread(target=call, args=("slow",))
        slow.start()
        call("when-slow-has-come")
        child = os.fork()
        if child == 0:
            in_threads(2, call)
            call("let-slow-go")
            sys.exit()
        slow.join()
        ended(child)
        call()
        """,
        2,
    ),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", FORKS)
def test_fork__shares_no_connection(tls: TLS, name: str, scheme: str) -> None:
    """Parent and child never speak over one socket; each gets its answers, and the parent keeps its connection."""
    script, processes = FORKS[name]
    come, go = threading.Event(), threading.Event()

    def reply(received: Received) -> Reply:
        environment = received.target.split("/")[2]
        if environment == "slow":
            come.set()
            assert go.wait(30)
        elif environment == "when-slow-has-come":
            assert come.wait(30)
        elif environment == "let-slow-go":
            go.set()
        return Reply(200, {"results": [{**SECRET, "key": environment}]})

    with Recorder(reply, tls.context() if scheme == "https" else None) as server:
        command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c"]
        run = subprocess.run(
            [*command, COMMON + textwrap.dedent(script), server.url, tls.ca_text if scheme == "https" else ""],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (run.returncode, run.stderr) == (0, "")
    speakers = defaultdict(list)
    for received in server.received:
        speakers[received.peer].append(received.headers["X-Process"])
    assert all(len(set(pids)) == 1 for pids in speakers.values())
    assert len({pid for pids in speakers.values() for pid in pids}) == processes
    last = server.received[-1]
    parents = [received for received in server.received if received.headers["X-Process"] == last.headers["X-Process"]]
    assert (len(parents) > 1, parents[0].peer) == (True, last.peer)


# --- What is left ---------------------------------------------------------------------------------


def sockets() -> set[str]:
    """The sockets that this process has open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the folder's own, closed since
            links.append(os.readlink(descriptor))
    return {link for link in links if link.startswith("socket:")}


def leave_unread(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets_without_preload_content("e")


def leave_half_read(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets_without_preload_content("e").read(1)


def leave_in_the_pool(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets("e")


def leave_by_an_error(api: EnvironmentSecretApi) -> None:
    with contextlib.suppress(ApiDecodeError), api.api_client:
        api.create_environment_secret("e", {"key": "A", "value": "v"})


def leave_after_another_use(api: EnvironmentSecretApi) -> None:
    leave_in_the_pool(api)
    leave_unread(api)


def leave_unclosed(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets("e")
    api.list_environment_secrets_without_preload_content("e")


LEAVE = (leave_unread, leave_half_read, leave_in_the_pool, leave_by_an_error, leave_after_another_use, leave_unclosed)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list open files there")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("leave", LEAVE)
def test_sockets__none_is_left(tls: TLS, leave: Callable[[EnvironmentSecretApi], None], scheme: str) -> None:
    """However a client is left, the server sees the end of every connection and no socket stays open."""
    before = sockets()
    with Recorder(EMPTY, tls.context() if scheme == "https" else None) as server:
        leave(EnvironmentSecretApi(ApiClient(Configuration(host=server.url, ca_cert_data=tls.ca_text))))
        gc.collect()
        for _ in range(server.connections):
            server.closed.get(timeout=30)
        assert server.connections > 0
    assert sockets() <= before


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_close__of_a_client_with_an_unread_answer(tls: TLS, scheme: str) -> None:
    """The server sees the end of the connection although somebody still holds the answer."""
    with Recorder(EMPTY, tls.context() if scheme == "https" else None) as server:
        with ApiClient(Configuration(host=server.url, ca_cert_data=tls.ca_text)) as client:
            response = EnvironmentSecretApi(client).list_environment_secrets_without_preload_content("e")
        server.closed.get(timeout=30)
        response.close()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
def test_copy__opens_its_own_connections(server: Recorder, twin: Callable[[ApiClient], ApiClient]) -> None:
    """A client that has been used can be copied, and sent to another process; connections stay where they are."""
    with ApiClient(Configuration(host=server.url, access_token="a-token", connection_pool_maxsize=1)) as client:
        EnvironmentSecretApi(client).list_environment_secrets("e")
        with twin(client) as other:
            EnvironmentSecretApi(other).list_environment_secrets("e")
            assert server.last.headers["Authorization"] == "Bearer a-token"
        EnvironmentSecretApi(client).list_environment_secrets("e")
    first, second, third = (received.peer for received in server.received)
    assert first == third != second

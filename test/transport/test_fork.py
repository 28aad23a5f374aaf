"""Fork safety: a forked child opens its own connections."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
import threading
from collections import defaultdict

import pytest

from test.support import NIGHTLY, PATIENCE, ROOT
from test.support.recording import SECRET, Received, RecordingServer, Response
from test.support.routes import PROXIED, ROUTES, SCRIPT, Routes
from test.support.scripts import run_script

#: The start of each script below. `call` makes one call of `client` and names its process in a header.
COMMON = """
import multiprocessing, os, sys, threading
from qovery import ApiClient, ApiConnectionError, ApiDecodeError, Configuration, EnvironmentSecretApi

client = ApiClient(Configuration(**{**settings, "access_token": lambda: "t"}))
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
#: Name -> the script, in which the parent makes the last call, and the number of processes that make calls.
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


@pytest.mark.needs_posix
@pytest.mark.parametrize(
    ("route", "name"),
    [
        (route, name)
        for route, name in itertools.product(ROUTES, FORKS)
        if NIGHTLY or route == "http" or name == ("a child" if route in PROXIED else "during a call")
    ],
)
def test_fork__shares_no_connection(routes: Routes, name: str, route: str) -> None:
    """Parent and child never share a socket; each gets its own responses, and the parent keeps its connection."""
    script, processes = FORKS[name]
    come, go = threading.Event(), threading.Event()

    def reply(received: Received) -> Response:
        environment = received.target.split("/")[2]
        if environment == "slow":
            come.set()
            assert go.wait(PATIENCE)
        elif environment == "when-slow-has-come":
            assert come.wait(PATIENCE)
        elif environment == "let-slow-go":
            go.set()
        return Response(200, {"results": [{**SECRET, "key": environment}]})

    with RecordingServer(reply, routes.context(route)) as server:
        command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c"]
        run = subprocess.run(
            [*command, SCRIPT + COMMON + textwrap.dedent(script), routes.arguments(route, server.url)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (run.returncode, run.stderr) == (0, "")
    speakers = defaultdict(list)
    for received in server.received:
        speakers[received.peer].append(received.headers["X-Process"])
    assert all(len(set(pids)) == 1 for pids in speakers.values())
    assert len({pid for pids in speakers.values() for pid in pids}) == processes
    *earlier, last = server.received
    # Either of them: whichever of two overlapping calls comes first takes the idle connection.
    assert last.peer in {one.peer for one in earlier if one.headers["X-Process"] == last.headers["X-Process"]}


@pytest.mark.needs_posix
def test_fork__in_a_token_callable(server: RecordingServer) -> None:
    """A child that continues its parent's call opens its own connection too."""
    run_script(
        """
        import os, sys
        from qovery import ApiClient, Configuration, EnvironmentSecretApi

        configuration = Configuration(host=sys.argv[1], access_token="before")
        api = EnvironmentSecretApi(ApiClient(configuration))
        api.list_environment_secrets("e")
        children = []

        def token():
            children.append(os.fork())
            return f"of {children[0]}"

        configuration.access_token = token
        api.list_environment_secrets("e")
        if children[0]:
            assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
        api.api_client.close()
        """,
        server.url,
    )
    before, *after = server.received
    peers = {received.headers["Authorization"] == "Bearer of 0": received.peer for received in after}
    assert peers[False] == before.peer != peers[True]


@pytest.mark.needs_posix
def test_fork__into_a_pid_namespace() -> None:
    """A child that has the process id of its parent opens its own connection, and waits for no lock of the parent."""
    with RecordingServer(Response(200, {"results": []})) as server:
        run_script(
            """
            import os, sys, threading
            os.getpid = lambda: 1  # as of the first process in each PID namespace
            from qovery import ApiClient, Configuration, EnvironmentSecretApi

            def token():
                asked.set()
                assert forked.wait(60)
                return "t"

            def call(api):
                api.list_environment_secrets("e", _request_timeout=30)

            asked, forked = threading.Event(), threading.Event()
            api = EnvironmentSecretApi(ApiClient(Configuration(host=sys.argv[1])))
            other = EnvironmentSecretApi(ApiClient(Configuration(host=sys.argv[1], access_token=token)))
            call(api)
            asking = threading.Thread(target=call, args=(other,))
            asking.start()
            assert asked.wait(60)
            child = os.fork()
            forked.set()
            call(api)
            if child == 0:
                call(other)
                os._exit(0)
            asking.join()
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            """,
            server.url,
        )
    assert len(server.received) == 5
    assert server.connections == 4

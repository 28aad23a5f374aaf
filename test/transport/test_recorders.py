"""vcrpy and pytest-recording: recording, replay, and the client after the recorder is removed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import vcr
import vcr.stubs.urllib3_stubs
from vcr.errors import CannotOverwriteExistingCassetteException

from qovery import (
    ApiConnectionError,
    ApiDecodeError,
    ApiException,
    ApiValueError,
    EnvironmentSecretApi,
    ServiceException,
)
from qovery.transport.fakes import Replacements
from test.support import PATIENCE, ROOT, wait_until
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import HostileServer, read, reset
from test.support.proxies import SocksProxy
from test.support.pytest_run import run_pytest
from test.support.recording import SECRET, Received, RecordingServer, Response
from test.support.threads import THREADS, in_threads
from test.support.tls import Authority

pytestmark = pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")


def reply(received: Received) -> Response:
    """Return a successful response to any of the six operations."""
    if received.method == "GET":
        return Response(200, {"results": [SECRET]})
    return {"POST": Response(201, SECRET), "PUT": Response(200, SECRET), "DELETE": Response(204)}[received.method]


def results(api: EnvironmentSecretApi) -> dict[str, Any]:
    return {name: call(api) for name, call in CALLS.items()}


@contextlib.contextmanager
def running_socks_proxy() -> Iterator[int]:
    """Run a SOCKS proxy, and return its port."""
    with SocksProxy(("127.0.0.1", 0), SocksProxy.RequestHandlerClass) as socks:
        thread = threading.Thread(target=socks.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield socks.server_address[1]
        socks.shutdown()
    thread.join()


Use = Callable[..., contextlib.AbstractContextManager[Any]]


@pytest.fixture
def use(tmp_path: Path) -> Use:
    """Open a cassette: `use(name, record_mode)`."""
    return lambda name="cassette.yaml", mode="once", **options: vcr.use_cassette(
        str(tmp_path / name), record_mode=mode, **options
    )


@pytest.fixture(params=["http", "https", "http proxy", "https in a tunnel"])
def place(request: pytest.FixtureRequest, tls: Authority) -> Iterator[tuple[RecordingServer, str, dict[str, Any]]]:
    """A server, its URL, and the client settings for the route."""
    kind = request.param
    with RecordingServer(reply, tls.context() if kind.startswith("https") else None) as server:
        if kind == "https in a tunnel":
            with RecordingServer() as proxy:
                yield server, f"https://localhost:{server.port}", {"proxy": proxy.url}
        elif kind == "http proxy":
            yield server, "http://api.test", {"proxy": server.url}
        else:
            yield server, server.url, {}


def test_vcr__records_and_replays(
    connect: Connect, use: Use, place: tuple[RecordingServer, str, dict[str, Any]]
) -> None:
    """All six operations are recorded, and replayed without a connection, for new and used clients."""
    server, url, settings = place
    api = connect(url, connection_pool_maxsize=1, **settings)
    api.list_environment_secrets("e")
    with use() as cassette:
        recorded = results(api)
    assert len(cassette) == len(server.received) - 1 == len(CALLS)
    connections = server.connections
    for client in (api, connect(url, connection_pool_maxsize=1, **settings)):
        with use(mode="none") as cassette:
            assert results(client) == recorded
            assert cassette.play_count == len(CALLS)
        assert (len(server.received), server.connections) == (1 + len(CALLS), connections)
    assert results(api) == recorded
    assert len(server.received) == 1 + 2 * len(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_vcr__nothing_recorded(connect: Connect, use: Use, name: str) -> None:
    """A request that is not in the cassette raises vcrpy's own error without a retry, and is not sent."""
    with RecordingServer(reply) as server:
        api = connect(server, connection_pool_maxsize=1)
        api.list_environment_secrets("e")
        with use(mode="none") as cassette:
            for _ in range(2):
                with pytest.raises(CannotOverwriteExistingCassetteException):
                    CALLS[name](api)
        assert len(server.received) == 1
        assert cassette.play_count == 0
        CALLS[name](api)
        assert len(server.received) == 2


def test_vcr__replay_in_threads(connect: Connect, use: Use) -> None:
    """With `record_mode="none"`, threads share a client and send nothing."""
    with RecordingServer(reply) as server:
        api = connect(server)
        with use():
            CALLS["create"](api)
        for client in (api, connect(server)):
            with use(mode="none", allow_playback_repeats=True) as cassette:
                ends = in_threads(lambda _, client=client: [CALLS["create"](client).key for _ in range(5)])
            assert ends == [[SECRET["key"]] * 5] * THREADS
            assert cassette.play_count == 5 * THREADS
        assert len(server.received) == 1


def test_replacement__put_back_while_it_is_constructed(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call does not use urllib3's class while a recorder puts it back to construct its own in another thread."""
    pool = urllib3.HTTPConnectionPool
    own, ended = pool.ConnectionCls, threading.Event()

    def waits() -> bool:
        codes = {frame.f_code for top in sys._current_frames().values() for frame in frames(top)}
        return Replacements.alone.__wrapped__.__code__ in codes  # type: ignore[attr-defined] # of `contextmanager`

    class Fake(urllib3.connection.HTTPConnection):
        calls = 0

        def __init__(self, **options: Any) -> None:
            Fake.calls += 1
            if Fake.calls == 1:
                pool.ConnectionCls = own
                other.start()
                wait_until(lambda: ended.is_set() or waits())
                pool.ConnectionCls = Fake
            super().__init__(**options)

        def request(self, *args: Any, **options: Any) -> None:
            """Send nothing."""

        def getresponse(self) -> Any:
            return urllib3.HTTPResponse(b'{"results": []}', status=200)

    with RecordingServer(reply) as server:
        api = connect(server)
        CALLS["list"](api)
        other = threading.Thread(target=lambda: [CALLS["list"](api), ended.set()])
        monkeypatch.setattr(pool, "ConnectionCls", Fake)
        assert CALLS["list"](api).results == []
        other.join()
        assert (Fake.calls, len(server.received)) == (2, 1)


def frames(frame: Any) -> Iterator[Any]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def test_vcr__nested(connect: Connect, use: Use) -> None:
    """The innermost cassette records; the outer one resumes after it."""
    with RecordingServer(reply) as server:
        api = connect(server, connection_pool_maxsize=1)
        with use("outer.yaml") as outer:
            CALLS["list"](api)
            with use("inner.yaml") as inner:
                CALLS["create"](api)
                assert (len(outer), len(inner)) == (1, 1)
            CALLS["edit"](api)
        assert [request.method for request in outer.requests] == ["GET", "PUT"]
        assert [request.method for request in inner.requests] == ["POST"]
        CALLS["delete"](api)
        assert [received.method for received in server.received] == ["GET", "POST", "PUT", "DELETE"]
        with use("outer.yaml", "none"), use("inner.yaml", "none"):
            CALLS["create"](api)
        assert len(server.received) == 4


FIRST = """
import sys, vcr
from qovery import ApiClient, Configuration, EnvironmentSecretApi

url, proxy, folder, ca = sys.argv[1:]
def api():
    settings = Configuration(host=url, access_token="t", connection_pool_maxsize=1, ca_cert_data=ca or None)
    settings.proxy = proxy or None
    return EnvironmentSecretApi(ApiClient(settings))

first = api()
with vcr.use_cassette(folder + "/cassette.yaml"):
    first.list_environment_secrets("e")
with vcr.use_cassette(folder + "/cassette.yaml", record_mode="none"):
    first.list_environment_secrets("e")
for client in (first, first, api()):
    client.list_environment_secrets("e")
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_vcr__first_call_of_a_process(tls: Authority, scheme: str, tmp_path: Path) -> None:
    """A cassette around the first call of a process does not affect later calls."""
    with RecordingServer(reply, tls.context() if scheme == "https" else None) as server:
        done = subprocess.run(
            [sys.executable, "-c", FIRST, server.url, "", str(tmp_path), tls.ca_text if scheme == "https" else ""],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (0, "")
    recorded, *direct = server.received
    assert (len(direct), len({received.peer for received in direct})) == (3, 2)  # the two clients
    assert recorded.peer not in {received.peer for received in direct}


@pytest.mark.parametrize("name", CALLS)
def test_vcr__response_lost(connect: Connect, use: Use, name: str) -> None:
    """A recorder cannot tell what was sent, so only idempotent operations are retried."""
    with HostileServer([read, reset]) as server:
        api = connect(server, connection_pool_maxsize=1, retries=2)
        with use(), pytest.raises(ApiConnectionError) as caught:
            CALLS[name](api)
        idempotent = name in {"list", "edit", "delete"}
        assert len(server.requests) == caught.value.attempts == (3 if idempotent else 1)
        assert caught.value.outcome_unknown == (name != "list")


def test_vcr__own_policy(connect: Connect, use: Use) -> None:
    """Attempts of a caller's own retry policy through a recorder are counted."""
    with HostileServer([read, reset]) as server:
        api = connect(server, connection_pool_maxsize=1, retries=urllib3.Retry(2, allowed_methods=None))
        with use(), pytest.raises(ApiConnectionError) as caught:
            CALLS["create"](api)
        assert (len(server.requests), caught.value.attempts, caught.value.outcome_unknown) == (3, 3, True)


def test_vcr__unreachable(connect: Connect, use: Use, nowhere: str) -> None:
    """The outcome of a create through a recorder is unknown even if the connection was refused."""
    with use(), pytest.raises(ApiConnectionError) as caught:
        CALLS["create"](connect(nowhere))
    assert (caught.value.attempts, caught.value.outcome_unknown) == (1, True)


@pytest.mark.parametrize("mode", ["once", "none"])
def test_vcr__errors(connect: Connect, use: Use, mode: str) -> None:
    """Replayed errors are retried and raised as the client's own, and none keeps a connection."""
    with RecordingServer(reply) as server:
        api = connect(server, connection_pool_maxsize=1, retries=1, max_response_size=1000, read_timeout=PATIENCE)

        def all_errors() -> None:
            with pytest.raises(ApiException, match="404"):
                CALLS["edit"](api)
            with pytest.raises(ServiceException):
                CALLS["list"](api)
            with pytest.raises(ApiDecodeError):
                CALLS["delete"](api)
            response = api.list_environment_secrets_without_preload_content("unread")  # 503, then 200
            assert response.status == 200
            response.close()
            api.list_environment_secrets_without_preload_content("dropped")
            assert api.list_environment_secrets("e").results

        good = Response(200, {"results": [SECRET]})
        server.responses = [
            Response(404, {"detail": "none"}),
            *[Response(503)] * 2,
            Response(200, b"x" * 2000),
            Response(503),
            *[good] * 3,
        ]
        with use():
            all_errors()
        sent = len(server.received)
        if mode == "none":
            with use(mode="none"):
                all_errors()
        assert len(server.received) == sent
        server.responses = []
        CALLS["list"](api)


def test_vcr__socks(connect: Connect, use: Use) -> None:
    """Calls through a SOCKS proxy are recorded."""
    with RecordingServer(reply) as server, running_socks_proxy() as port:
        api = connect(server, proxy=f"socks5h://u:p@127.0.0.1:{port}", connection_pool_maxsize=1)
        if not hasattr(vcr.stubs.urllib3_stubs, "VCRRequestsSOCKSConnection"):  # vcrpy before 9
            with use(), pytest.raises(ApiValueError, match="unset proxy"):
                results(api)
            return
        with use():
            recorded = results(api)
        with use(mode="none"):
            assert results(api) == recorded
        assert len(server.received) == len(CALLS)
        assert results(api) == recorded


RECORDED = """
import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi

USED = EnvironmentSecretApi(ApiClient(Configuration(host={url!r}, access_token="canary", connection_pool_maxsize=1)))


@pytest.fixture
def vcr_config():
    return {{"filter_headers": ["authorization"]}}


def test_unmarked():
    assert USED.list_environment_secrets("e").results


@pytest.mark.vcr
def test_marked():
    assert USED.list_environment_secrets("e").results
    assert USED.create_environment_secret("e", {{"key": "A", "value": "b"}}).key


@pytest.mark.block_network
def test_blocked():
    with pytest.raises(RuntimeError, match="Network is disabled") as caught:
        USED.create_environment_secret("e", {{"key": "A", "value": "b"}})
    assert type(caught.value) is RuntimeError


def test_afterwards():
    assert USED.list_environment_secrets("e").results
"""


def test_pytest_recording(tmp_path: Path) -> None:
    """A marked test is recorded, then replayed; `block_network` also blocks a client with an open connection."""
    plugins = ["pytest_recording.plugin"]
    with RecordingServer(reply) as server:
        (tmp_path / "test_recorded.py").write_text(RECORDED.format(url=server.url))
        outcomes, printed = run_pytest("--record-mode=once", folder=tmp_path, plugins=plugins)
        assert (outcomes, len(server.received)) == ({"passed": 4}, 4), printed
        outcomes, printed = run_pytest("--record-mode=none", folder=tmp_path, plugins=plugins)
        assert (outcomes, len(server.received)) == ({"passed": 4}, 6), printed
    (cassette,) = tmp_path.rglob("*.yaml")
    assert "canary" not in cassette.read_text()

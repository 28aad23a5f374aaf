"""The listening socket of the mock server."""

from __future__ import annotations

import inspect
import socket
import subprocess
import sys
import threading

import pytest
import urllib3
import uvicorn

from qovery import ApiValueError
from qovery.sandbox import Sandbox
from test.support import PATIENCE


def test_connection__has_no_delay(sandbox: Sandbox) -> None:
    """TCP_NODELAY is set; without it each small response on a kept-alive connection takes 40 ms."""
    assert sandbox._listener is not None
    assert sandbox._listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("name", ["startup", "main_loop", "on_tick", "shutdown", "handle_exit"])
def test_server__overrides_what_uvicorn_has(name: str) -> None:
    """uvicorn still has and calls the methods that the server overrides or calls."""
    assert callable(getattr(uvicorn.Server, name))
    assert f".{name}" in inspect.getsource(inspect.getmodule(uvicorn.Server) or uvicorn)


def test_stop__without_a_client() -> None:
    """A sandbox stops without waiting for an idle connection, and can be stopped twice."""
    sandbox = Sandbox().start()
    with urllib3.PoolManager() as idle:
        assert idle.request("GET", sandbox.url).status == 200  # this connection stays open
        sandbox.stop()
        sandbox.stop()
    assert not any(thread.name == "qovery-sandbox" and not thread.daemon for thread in threading.enumerate())


@pytest.mark.parametrize("port", [-1, 65_536])
def test_port__out_of_range(port: int) -> None:
    """A port out of range raises an error that names the valid range."""
    with pytest.raises(ApiValueError, match="0 and 65535"):
        Sandbox(port=port).start()


def test_start__loads_only_what_it_needs() -> None:
    """A sandbox serves lists without importing pydantic and the client, which take longer to import than the rest."""
    program = """
import sys, urllib.request
from qovery.sandbox import Sandbox

with Sandbox() as sandbox:
    url = f"{sandbox.url}/environment/{sandbox.environment_id}/secret"
    request = urllib.request.Request(url, headers={"Authorization": "Token t"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
        assert response.status == 200
print({"pydantic", "urllib3", "starlette", "qovery.models", "qovery.api"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("set()\n", "")

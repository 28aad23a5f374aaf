"""Steps of a call that replace or ignore an error: the exception of a signal handler propagates from each."""

from __future__ import annotations

import json

import pytest

from test.support.recording import RecordingServer, Response
from test.support.scripts import run_script
from test.support.tls import Authority

#: Makes calls, each interrupted at another instruction of the named functions, and prints how it ended.
SCRIPT = """
import builtins, collections, json, signal, sys
from qovery import ApiClient, Configuration, EnvironmentSecretApi

url, ca = sys.argv[1:3]
steps, raised = set(sys.argv[3].split()), type("Limit", (getattr(builtins, sys.argv[4]),), {})
at, ended = None, collections.Counter()

def handler(*_):
    raise raised("the limit")

def trace(frame, event, _):
    global left, at
    name = frame.f_globals.get("__name__", "").partition(".")[0]
    if name != "qovery" or frame.f_code.co_name not in steps:
        return None
    frame.f_trace_opcodes = True
    if event in {"line", "opcode"} and at is None:  # Python 3.12 omits some opcodes
        left -= 1
        if left < 0:
            at = frame.f_code.co_name
            signal.raise_signal(signal.SIGUSR1)
    return trace

def create(host, **settings):
    with ApiClient(Configuration(host, retries=0, access_token="a-token", **settings)) as client:
        EnvironmentSecretApi(client).create_environment_secret("e", {"key": "A", "value": "value"})

def other(host):
    with ApiClient(Configuration(host, retries=0)) as client:
        client.configuration.socket_options = [(6, 1, 1)]
        try:
            EnvironmentSecretApi(client).list_environment_secrets("e", _retry=1)
        except TypeError as error:
            if type(error) is raised:
                raise
        client.rest_client.request("POST", f"{host}/v1", {"Content-Type": "application/json"}, {"key": "A"})

CALLS = [
    lambda: create(url),
    lambda: create("https://127.0.0.1:9", ca_cert_data=ca),
    lambda: create("http://localhost:9", proxy="http://me:secret@127.0.0.1:9"),
    lambda: create("http://localhost:9", proxy="socks5://127.0.0.1:9"),
    lambda: other(url),
]
signal.signal(signal.SIGUSR1, handler)
for call in CALLS:
    start, end = 0, None
    while True:
        left, at = start, None
        sys.settrace(trace)
        try:
            call()
        except Exception as error:
            end = error
        finally:
            sys.settrace(None)
        if at is None:
            break
        ended[f"{at}: {type(end).__name__}"] += 1
        start, end = start + 1, None
print(json.dumps(ended))
"""

STEPS = {
    "json_bytes",
    "_without_input",
    "tls_options",
    "manager",
    "_socks_manager",
    "_is_proxy_url",
    "_content",
    "host_url",
    "socket_options",
    "name_hint",
    "_masked_body",
    "_text",
    "_text_in_base64",
    "_retry_after",
}


@pytest.mark.needs_posix
@pytest.mark.parametrize("raised", ["ValueError", "TypeError", "TimeoutError", "ImportError"])
def test_signal_handler__that_raises_where_errors_are_replaced(tls: Authority, raised: str) -> None:
    """An exception of any class propagates unchanged from each instruction of a function that replaces errors."""
    body = {"detail": "the token a-token is taken: YS10b2tlbg=="}
    with RecordingServer(lambda _: Response(409, body, {"Retry-After": "soon"})) as server:
        ended = json.loads(run_script(SCRIPT, server.url, tls.ca_text, " ".join(STEPS), raised))
    assert set(ended) == {f"{step}: Limit" for step in STEPS}

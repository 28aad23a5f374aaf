"""Errors in a process without free file descriptors, which cannot load the modules and codecs that only errors need."""

from __future__ import annotations

import json

import pytest

from test.support.recording import EMPTY, SECRET, Received, RecordingServer, Response
from test.support.scripts import run_script

pytestmark = pytest.mark.needs_posix

CANARY = "canary-value"
WIDE = "секрет"

#: Makes one call after the descriptors have run out, and prints its error.
SCRIPT = """
import contextlib, json, os, resource, sys
from qovery import ApiClient, Configuration, EnvironmentSecretApi, OpenApiException, SecretRequest

url, case, canary = sys.argv[1:]
calls = {
    "option": lambda: api.list_environment_secrets("e", _headerz={}),
    "argument": lambda: ApiClient(hedaer_name=canary),
    "invalid": lambda: SecretRequest(key=[canary]),
}

def token():
    raise RuntimeError(canary)

api = EnvironmentSecretApi(ApiClient(Configuration(host=url, access_token="a-token", retries=0)))
api.create_environment_secret("e", {"key": "A", "value": canary})
if case.startswith("second"):
    with contextlib.suppress(OpenApiException):
        api.create_environment_secret("rejected", {"key": "A", "value": "plain"})
if case == "refused":
    api.api_client.close()
elif case == "token":
    api.api_client.configuration.access_token = token
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
seen = []
try:
    calls.get(case, lambda: api.create_environment_secret(case, {"key": "A", "value": canary}))()
except OpenApiException as error:
    seen += [type(error).__name__, getattr(error, "outcome_unknown", None), str(error)]
    seen.append(f"{vars(error)} {error.__cause__!r} {error.__context__!r}")
finally:
    for one in held:
        os.close(one)
print(json.dumps(seen))
api.api_client.close()
"""

#: The errors by case: class, whether the outcome is unknown, and a part of the text.
ERRORS = {
    "refused": ("ApiConnectionError", False, "Too many open files"),
    "lost": ("ApiConnectionError", True, "the service may have applied it"),
    "rejected": ("BadRequestException", False, "400"),
    "unreadable": ("ApiDecodeError", True, "the response cannot be read"),
    "second-codec": ("BadRequestException", False, "400 Reason"),
    "second-wide": ("BadRequestException", False, "400"),
    "token": ("ApiException", False, "the callable for access_token failed"),
    "option": ("ApiTypeError", None, "_headerz"),
    "argument": ("ApiTypeError", None, "has no argument 'hedaer_name'"),
    "invalid": ("ApiValueError", None, "SecretRequest is not valid"),
}


def reply(received: Received) -> Response:
    case = received.target.split("/")[2]
    if case == "lost":
        raise ConnectionError
    if case == "rejected":
        return Response(400, {"detail": CANARY}, {"X-Echo": CANARY}, CANARY)
    if case.startswith("second"):
        return Response(
            400, f"{CANARY} {WIDE}".encode("koi8-r"), {"Content-Type": "text/plain; charset=koi8-r"}, "Reason"
        )
    if case == "unreadable":
        return Response(201, CANARY)
    return EMPTY if received.method == "GET" else Response(201, SECRET)


@pytest.mark.parametrize("case", ERRORS)
def test_error__without_free_descriptors(case: str) -> None:
    """The error is a typed one, and shows no secret; the first one of the process has no details."""
    canary = WIDE if case == "second-wide" else CANARY
    with RecordingServer(reply) as server:
        kind, outcome_unknown, text, everything = json.loads(run_script(SCRIPT, server.url, case, canary))
    assert (kind, outcome_unknown) == ERRORS[case][:2]
    assert ERRORS[case][2] in text
    assert canary not in text + everything

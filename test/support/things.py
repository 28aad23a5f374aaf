"""All public objects that hold a secret or have received one, with canaries as secrets."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import SecretStr

import qovery
from qovery import ApiClient, Configuration, EnvironmentSecretApi, SecretEditRequest, SecretRequest, Value
from qovery.redaction.marks import Masked
from qovery.sync import EnvironmentSecrets, StateFile, plan_secrets, read_dotenv
from test.support.hostile import HostileServer, http_response, read, reset, send
from test.support.recording import SECRET, Received, RecordingServer, Response

VALUE = "canary-of-the-value"
TOKEN = "canary-of-the-token"

#: Masked, because some tools show the values of names on a line of code.
_VALUE, _TOKEN = Masked(VALUE), Masked(TOKEN)

#: The canary in base64, at each of the three alignments.
_IN_BASE64 = [base64.b64encode(bytes(at) + b"canary")[2 * (at > 0) : 7].decode() for at in range(3)]


def leak(text: str) -> str | None:
    """The text around the first canary, or None."""
    for form in ("canary", *_IN_BASE64):
        at = text.find(form)
        if at >= 0:
            return f"…{text[max(0, at - 200) : at + 100]}…"
    return None


def echo(got: Received) -> Response:
    """Accept a request, or reject it if its key names a status, and echo all of it."""
    text = f"{got.headers} {got.body.decode()}"
    status = next((status for status in STATUSES if f'"K{status}"'.encode() in got.body), None)
    if got.method == "GET":
        return Response(200, {"results": [SECRET]})
    if status is None:
        return Response(201, {**SECRET, "echo": text})
    headers = {"X-Echo": got.headers.get("Authorization", ""), "Location": f"/{TOKEN}"}
    return Response(status, {"detail": text, text: text}, headers, f"No {TOKEN}")


STATUSES = (204, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503)

#: Broken responses by name.
BROKEN: dict[str, list[Any]] = {
    "reset": [read, reset],
    "not HTTP": [read, send(f"{VALUE} {TOKEN}\r\n\r\n".encode())],
    "malformed headers": [read, send(f"HTTP/1.1 500 No\r\nBearer {TOKEN}\r\nContent-Length: 9\r\n\r\n".encode())],
    "malformed chunk": [read, send(f"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n{TOKEN}\r\n".encode())],
    "not JSON": [read, send(http_response(201, f"{TOKEN} {VALUE}"))],
    "not compressed": [read, send(http_response(201, f"{TOKEN} {VALUE}", "Content-Encoding: gzip", f"X: {TOKEN}"))],
}

#: Credentials of every kind.
SIGNED: dict[str, dict[str, Any]] = {
    "token": {"access_token": TOKEN},
    "SecretStr": {"access_token": SecretStr(TOKEN)},
    "callable": {"access_token": lambda: "".join(["canary", "-of-the-token"])},
    "key": {"api_key": {"ApiKeyAuth": TOKEN}},
}


def client(url: str, proxy: str | None = None, **settings: Any) -> EnvironmentSecretApi:
    """An API with a canary in every setting that can hold a secret."""
    signed = settings or SIGNED["token"]
    configuration = Configuration(
        host=url,
        proxy=None if proxy is None else proxy.replace("//", "//canary-user:canary-password@"),
        proxy_headers={"X-Proxy": "canary-of-the-proxy"},
        retries=0,
        **signed,
    )
    return EnvironmentSecretApi(ApiClient(configuration, "X-Auth", "canary-header", cookie="session=canary-cookie"))


def inside(api: EnvironmentSecretApi) -> Iterator[tuple[str, Any]]:
    """The parts of an API and its client, by name."""
    configuration = api.api_client.configuration
    yield from {
        "api": api,
        "client": api.api_client,
        "default_headers": api.api_client.default_headers,
        "rest_client": api.api_client.rest_client,
        "configuration": configuration,
        "api_key": configuration.api_key,
        "proxy_headers": configuration.proxy_headers,
        "auth_settings": configuration.auth_settings(),
        "snapshot": configuration._snapshot(),
        "route": configuration._snapshot().route,
        "credentials": configuration._snapshot().credentials,
        "sessions": list(api.api_client.rest_client._sessions.values()),
    }.items()


def models() -> Iterator[tuple[str, Any]]:
    """Requests, including a subclass that redeclares the value."""

    class Declared(SecretRequest):
        value: str  # type: ignore[assignment]

    yield "SecretRequest", SecretRequest(key="A", value=VALUE)
    yield "SecretEditRequest", SecretEditRequest(key="A", value=SecretStr(VALUE))  # type: ignore[arg-type]
    yield "Value", Value(value=VALUE)
    yield "from_json", SecretRequest.from_json(f'{{"key": "A", "value": "{VALUE}"}}')
    yield "model_construct", SecretRequest.model_construct(key="A", value=VALUE)
    yield "model_copy", SecretRequest(key="A").model_copy(update={"value": VALUE})
    yield "dotenv", read_dotenv(io.StringIO(f"A={VALUE}"))
    yield "StateFile", StateFile("state.json", VALUE)


def catch(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except (qovery.OpenApiException, OSError) as error:
        return error
    raise AssertionError("nothing was raised")


def results(api: EnvironmentSecretApi) -> Iterator[tuple[str, Any]]:
    """The results of calls, and the errors raised by calls and by invalid arguments."""
    request = SecretRequest(key="A", value=VALUE)
    yield "Secret", api.create_environment_secret("e", request)
    yield "SecretResponseList", api.list_environment_secrets("e")
    yield from rejections(api)
    for name, script in BROKEN.items():
        with HostileServer(script) as server, client(server.url).api_client as broken:
            other = EnvironmentSecretApi(broken)
            yield name, catch(lambda: other.create_environment_secret("e", request))  # noqa: B023 - called immediately
    yield "ApiValidationError", catch(lambda: SecretRequest(value=[_VALUE.reveal()]))  # type: ignore[call-arg,arg-type]
    yield (
        "rejected header",
        catch(lambda: api.create_environment_secret("e", request, _headers={"X": f"{_TOKEN.reveal()}\nX: y"})),
    )
    yield "dotenv", catch(lambda: read_dotenv(io.StringIO(f"A=b\n{_VALUE.reveal()}")))
    yield "dotenv by content", catch(lambda: read_dotenv(f"A={_VALUE.reveal()}\n"))


def rejections(api: EnvironmentSecretApi) -> Iterator[tuple[str, Any]]:
    for status in STATUSES[1:]:
        request = SecretRequest(key=f"K{status}", value=VALUE)
        yield str(status), catch(lambda: api.create_environment_secret("e", request))  # noqa: B023 - called immediately


def sync(api: EnvironmentSecretApi) -> Iterator[tuple[str, Any]]:
    """A plan with an action for every outcome, and the results of applying it."""
    plan = plan_secrets(
        api, "e", {"A": VALUE, "K400": SecretStr(VALUE), "TOKEN": SecretRequest(key="TOKEN", value=VALUE)}
    )
    yield "Plan", plan
    yield "actions", plan.actions
    report = plan.apply(max_workers=1)
    yield "Report", report
    yield "applied Plan", plan
    yield "results", report.results
    yield "ApplyError", catch(report.raise_for_failures)
    secrets = EnvironmentSecrets(api, "e")
    yield "EnvironmentSecrets", secrets
    yield "rejected EnvironmentSecrets.set", catch(lambda: secrets.set("K400", _VALUE.reveal()))
    yield "PlanConflictError", catch(lambda: secrets.override("A", _VALUE.reveal()))


@contextlib.contextmanager
def things() -> Iterator[dict[str, Any]]:
    """All objects by name, created before and after calls, directly and through a proxy."""
    found: dict[str, Any] = dict(models())
    with RecordingServer(echo) as server, contextlib.ExitStack() as stack:
        for kind, signed in SIGNED.items():
            api = client(server.url, server.url if kind in {"callable", "key"} else None, **signed)
            stack.enter_context(api.api_client)
            if kind == "key":
                found |= {f"{name}, before a call": thing for name, thing in inside(api)}
            list(rejections(api))
            found |= {f"{name}, {kind}": thing for name, thing in inside(api)}
        found |= dict(results(api))
        found |= dict(sync(api))
        response = api.create_environment_secret_with_http_info("e", SecretRequest(key="A", value=VALUE))
        found["ApiResponse.data"] = response.data
        yield found

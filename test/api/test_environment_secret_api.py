"""The eighteen methods: the bytes that they send and the models that they return."""

from __future__ import annotations

import gc
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import urllib3

from qovery import (
    ApiDecodeError,
    ApiResponse,
    EnvironmentSecretApi,
    Key,
    Secret,
    SecretEditRequest,
    SecretRequest,
    SecretResponseList,
    Value,
    __version__,
)
from qovery.api.environment_secret_api import OPERATIONS
from test.support.clients import Connect
from test.support.recording import SECRET, RecordingServer, Response

ENVIRONMENT = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"
SECRET_ID = "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f01"


class Case(NamedTuple):
    """A call of a method, and the expected request and response."""

    name: str
    arguments: tuple[Any, ...]
    method: str
    path: str
    body: bytes | None
    status: int

    @property
    def content(self) -> Any:
        if self.name == "delete_environment_secret":
            return None
        return {"results": [SECRET]} if self.name == "list_environment_secrets" else SECRET

    @property
    def response(self) -> Response:
        return Response(self.status, b"" if self.content is None else self.content)


CASES = [
    Case(
        "create_environment_secret",
        (ENVIRONMENT, SecretRequest(key="TOKEN", value="é\n\"'", mount_path=None)),
        "POST",
        f"/environment/{ENVIRONMENT}/secret",
        '{"key":"TOKEN","value":"é\\n\\"\'","mount_path":null}'.encode(),
        201,
    ),
    Case(
        "create_environment_secret_alias",
        (ENVIRONMENT, SECRET_ID, Key(key="SHORT")),
        "POST",
        f"/environment/{ENVIRONMENT}/secret/{SECRET_ID}/alias",
        b'{"key":"SHORT"}',
        201,
    ),
    Case(
        "create_environment_secret_override",
        (ENVIRONMENT, SECRET_ID, Value(value="other", description="why", enable_interpolation_in_file=True)),
        "POST",
        f"/environment/{ENVIRONMENT}/secret/{SECRET_ID}/override",
        b'{"value":"other","description":"why","enable_interpolation_in_file":true}',
        201,
    ),
    Case(
        "delete_environment_secret",
        (ENVIRONMENT, SECRET_ID),
        "DELETE",
        f"/environment/{ENVIRONMENT}/secret/{SECRET_ID}",
        None,
        204,
    ),
    Case(
        "edit_environment_secret",
        (ENVIRONMENT, SECRET_ID, SecretEditRequest(key="TOKEN", value="")),
        "PUT",
        f"/environment/{ENVIRONMENT}/secret/{SECRET_ID}",
        b'{"key":"TOKEN","value":""}',
        200,
    ),
    Case("list_environment_secrets", (ENVIRONMENT,), "GET", f"/environment/{ENVIRONMENT}/secret", None, 200),
]
FORMS = ["", "_with_http_info", "_without_preload_content"]
each_operation = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_form = pytest.mark.parametrize("form", FORMS, ids=["plain", "with_http_info", "without_preload_content"])


@pytest.fixture
def api(server: RecordingServer, connect: Connect) -> EnvironmentSecretApi:
    return connect(server, api_key={"ApiKeyAuth": "qov_x"}, retries=0)


def test_cases__cover_the_table() -> None:
    """The cases cover every operation of the table, and no other."""
    assert [case.name for case in CASES] == [operation.name for operation in OPERATIONS]
    for case, operation in zip(CASES, OPERATIONS, strict=True):
        assert (case.method, case.status) == (operation.method, operation.status)


def test_methods__are_eighteen() -> None:
    """Each operation has three methods, and the class has no other public ones."""
    public = {name for name in vars(EnvironmentSecretApi) if not name.startswith("_")}
    assert public == {case.name + form for case, form in itertools.product(CASES, FORMS)}


@each_form
@each_operation
def test_request__is_exact(server: RecordingServer, api: EnvironmentSecretApi, case: Case, form: str) -> None:
    """Method, path, headers and body are exactly the bytes that the service expects."""
    server.default = case.response
    result = getattr(api, case.name + form)(*case.arguments)
    if form == "_without_preload_content":
        result.release_conn()
    headers = {
        "Host": f"127.0.0.1:{server.port}",
        "Accept-Encoding": "identity",
        "User-Agent": f"qovery-python/{__version__}",
        "Authorization": "Token qov_x",
    }
    if case.content is not None:
        headers["Accept"] = "application/json"
    if case.body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(case.body))}
    assert len(server.received) == 1
    assert server.last[:4] == (case.method, case.path, headers, case.body or b"")


@each_operation
def test_plain__returns_the_model(server: RecordingServer, api: EnvironmentSecretApi, case: Case) -> None:
    """The plain method returns the model of the response; the delete returns None."""
    server.default = case.response
    result = getattr(api, case.name)(*case.arguments)
    expected = {"delete_environment_secret": type(None), "list_environment_secrets": SecretResponseList}
    assert type(result) is expected.get(case.name, Secret)
    if result is not None:
        assert json.loads(result.to_json())  # a complete model
        assert result == type(result).from_dict(case.content)


@each_operation
def test_with_http_info__describes_the_response(server: RecordingServer, api: EnvironmentSecretApi, case: Case) -> None:
    """`ApiResponse` holds status, case-insensitive headers, the bytes of the body, and the plain method's result."""
    server.default = case.response._replace(headers={"X-Request-Id": "r-1"})
    response = getattr(api, case.name + "_with_http_info")(*case.arguments)
    assert isinstance(response, ApiResponse)
    assert response.status_code == case.status
    assert response.headers["x-request-id"] == response.headers["X-REQUEST-ID"] == "r-1"
    assert response.raw_data == (b"" if case.content is None else json.dumps(case.content).encode())
    assert response.data == getattr(api, case.name)(*case.arguments)
    assert str(case.status) in repr(response)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 500, 503])
@each_operation
def test_without_preload_content__raises_for_no_status(
    server: RecordingServer, api: EnvironmentSecretApi, case: Case, status: int
) -> None:
    """The raw form returns the unread response, whatever its status."""
    body = b"" if status == 204 else b"not JSON"
    server.default = Response(status, body)
    response = getattr(api, case.name + "_without_preload_content")(*case.arguments)
    assert isinstance(response, urllib3.BaseHTTPResponse)
    assert response.status == status
    assert response.read() == body
    response.release_conn()


def test_without_preload_content__is_unread(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """No part of the body is read before the caller reads it, in chunks if wanted."""
    server.default = Response(200, b"0123456789")
    response = api.list_environment_secrets_without_preload_content(ENVIRONMENT)
    assert response.tell() == 0
    assert (response.read(4), response.read()) == (b"0123", b"456789")
    response.release_conn()
    api.list_environment_secrets_without_preload_content(ENVIRONMENT).close()
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
@each_operation
def test_success__of_another_status(
    server: RecordingServer, api: EnvironmentSecretApi, case: Case, status: int
) -> None:
    """An undocumented 2xx is read like the documented one."""
    server.default = Response(status, case.content)
    response = getattr(api, case.name + "_with_http_info")(*case.arguments)
    assert response.status_code == status
    assert (response.data is None) == (case.content is None)


@each_operation
def test_success__without_a_body(server: RecordingServer, api: EnvironmentSecretApi, case: Case) -> None:
    """An empty success is an error that says so, except for the delete."""
    server.default = Response(204)
    if case.content is None:
        assert getattr(api, case.name)(*case.arguments) is None
    else:
        with pytest.raises(ApiDecodeError, match="empty"):
            getattr(api, case.name)(*case.arguments)


@each_form
@each_operation
def test_ids__as_uuid(server: RecordingServer, api: EnvironmentSecretApi, case: Case, form: str) -> None:
    """An id may be a `UUID`, and results in the same path."""
    server.default = case.response
    ids = [UUID(part) if isinstance(part, str) else part for part in case.arguments]
    result = getattr(api, case.name + form)(*ids)
    if form == "_without_preload_content":
        result.release_conn()
    assert server.last.target == case.path


@pytest.mark.parametrize("kind", [dict, lambda body: FrozenMapping(body)], ids=["dict", "Mapping"])
@pytest.mark.parametrize("case", [case for case in CASES if case.body], ids=lambda case: case.name)
def test_body__as_mapping(server: RecordingServer, api: EnvironmentSecretApi, case: Case, kind: Any) -> None:
    """A mapping of the fields results in the same bytes as the model."""
    server.default = case.response
    *ids, model = case.arguments
    getattr(api, case.name)(*ids, kind(model.to_dict()))
    assert server.last.body == case.body


class FrozenMapping(Mapping[str, Any]):
    """A mapping that is not a `dict`."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


@pytest.mark.parametrize("name", [name for name in (case.name for case in CASES) if name.startswith("create")])
def test_body__left_out(server: RecordingServer, api: EnvironmentSecretApi, name: str) -> None:
    """An optional body that is left out is not sent."""
    server.default = Response(201, SECRET)
    ids = [ENVIRONMENT] if name == "create_environment_secret" else [ENVIRONMENT, SECRET_ID]
    getattr(api, name)(*ids)
    assert server.last.body == b""
    assert "Content-Type" not in server.last.headers
    assert server.last.headers["Content-Length"] == "0"


def test_response__large(server: RecordingServer, api: EnvironmentSecretApi) -> None:
    """A list of thousands of secrets is read completely, whether the garbage collector is on or off."""
    server.default = Response(200, {"results": [{**SECRET, "key": f"K{number}"} for number in range(2000)]})
    for switch in (gc.enable, gc.disable, gc.enable):
        switch()
        was = gc.isenabled()
        results = api.list_environment_secrets(ENVIRONMENT).results
        assert gc.isenabled() is was
        assert results is not None
        assert [secret.key for secret in results] == [f"K{number}" for number in range(2000)]


def test_host__with_a_path(connect: Connect, server: RecordingServer) -> None:
    """A path in the host precedes the path of the operation."""
    connect(f"{server.url}/api/v1/").list_environment_secrets(ENVIRONMENT)
    assert server.last.target == f"/api/v1/environment/{ENVIRONMENT}/secret"

"""What the eighteen methods put on the wire, and what they make of the answers."""

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
    ApiClient,
    ApiDecodeError,
    ApiResponse,
    ApiTypeError,
    ApiValidationError,
    ApiValueError,
    Configuration,
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
from test.recording import EMPTY, SECRET, Recorder, Reply

ENVIRONMENT = "0f4bd6a4-6b5b-4d2f-b7f4-5d0f7b8ea001"
SECRET_ID = "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f01"


class Case(NamedTuple):
    """How a method is called, and what must be on the wire."""

    name: str
    arguments: tuple[Any, ...]
    method: str
    path: str
    body: bytes | None
    status: int

    @property
    def answer(self) -> Any:
        if self.name == "delete_environment_secret":
            return None
        return {"results": [SECRET]} if self.name == "list_environment_secrets" else SECRET

    @property
    def reply(self) -> Reply:
        return Reply(self.status, b"" if self.answer is None else self.answer)


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
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def api(server: Recorder) -> Iterator[EnvironmentSecretApi]:
    with ApiClient(Configuration(host=server.url, api_key={"ApiKeyAuth": "qov_x"}, retries=0)) as client:
        yield EnvironmentSecretApi(client)


def test_cases__cover_the_table() -> None:
    """The cases below are the operations of the table, no more and no fewer."""
    assert [case.name for case in CASES] == [operation.name for operation in OPERATIONS]
    for case, operation in zip(CASES, OPERATIONS, strict=True):
        assert (case.method, case.status) == (operation.method, operation.status)


def test_methods__are_eighteen() -> None:
    """Each operation has its three methods, and the class has no other public ones."""
    public = {name for name in vars(EnvironmentSecretApi) if not name.startswith("_")}
    assert public == {case.name + form for case, form in itertools.product(CASES, FORMS)}


@each_form
@each_operation
def test_request__is_exact(server: Recorder, api: EnvironmentSecretApi, case: Case, form: str) -> None:
    """Method, path, headers and the bytes of the body are what the service expects, and nothing else."""
    server.otherwise = case.reply
    result = getattr(api, case.name + form)(*case.arguments)
    if form == "_without_preload_content":
        result.release_conn()
    headers = {
        "Host": f"127.0.0.1:{server.port}",
        "Accept-Encoding": "identity",
        "User-Agent": f"qovery-python/{__version__}",
        "Authorization": "Token qov_x",
    }
    if case.answer is not None:
        headers["Accept"] = "application/json"
    if case.body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(case.body))}
    assert len(server.received) == 1
    assert server.last[:4] == (case.method, case.path, headers, case.body or b"")


@each_operation
def test_plain__returns_the_model(server: Recorder, api: EnvironmentSecretApi, case: Case) -> None:
    """The plain method returns the model of the answer; the delete returns None."""
    server.otherwise = case.reply
    result = getattr(api, case.name)(*case.arguments)
    expected = {"delete_environment_secret": type(None), "list_environment_secrets": SecretResponseList}
    assert type(result) is expected.get(case.name, Secret)
    if result is not None:
        assert json.loads(result.to_json())  # a whole model
        assert result == type(result).from_dict(case.answer)


@each_operation
def test_with_http_info__describes_the_answer(server: Recorder, api: EnvironmentSecretApi, case: Case) -> None:
    """`ApiResponse` holds the status, the headers in any case, the body's bytes, and what the plain method gives."""
    server.otherwise = case.reply._replace(headers={"X-Request-Id": "r-1"})
    response = getattr(api, case.name + "_with_http_info")(*case.arguments)
    assert isinstance(response, ApiResponse)
    assert response.status_code == case.status
    assert response.headers["x-request-id"] == response.headers["X-REQUEST-ID"] == "r-1"
    assert response.raw_data == (b"" if case.answer is None else json.dumps(case.answer).encode())
    assert response.data == getattr(api, case.name)(*case.arguments)
    assert str(case.status) in repr(response)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 500, 503])
@each_operation
def test_without_preload_content__raises_for_no_status(
    server: Recorder, api: EnvironmentSecretApi, case: Case, status: int
) -> None:
    """The raw form hands over the unread answer, whatever its status."""
    body = b"" if status == 204 else b"not JSON"
    server.otherwise = Reply(status, body)
    response = getattr(api, case.name + "_without_preload_content")(*case.arguments)
    assert isinstance(response, urllib3.BaseHTTPResponse)
    assert response.status == status
    assert response.read() == body
    response.release_conn()


def test_without_preload_content__is_unread(server: Recorder, api: EnvironmentSecretApi) -> None:
    """Nothing of the body is read before the caller reads it, in pieces if they like."""
    server.otherwise = Reply(200, b"0123456789")
    response = api.list_environment_secrets_without_preload_content(ENVIRONMENT)
    assert response.tell() == 0
    assert (response.read(4), response.read()) == (b"0123", b"456789")
    response.release_conn()
    api.list_environment_secrets_without_preload_content(ENVIRONMENT).close()
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
@each_operation
def test_success__of_another_status(server: Recorder, api: EnvironmentSecretApi, case: Case, status: int) -> None:
    """A 2xx that the documentation does not name is read like the one it names."""
    server.otherwise = Reply(status, case.answer)
    response = getattr(api, case.name + "_with_http_info")(*case.arguments)
    assert response.status_code == status
    assert (response.data is None) == (case.answer is None)


@each_operation
def test_success__without_a_body(server: Recorder, api: EnvironmentSecretApi, case: Case) -> None:
    """An empty success is an error that says so, except for the delete."""
    server.otherwise = Reply(204)
    if case.answer is None:
        assert getattr(api, case.name)(*case.arguments) is None
    else:
        with pytest.raises(ApiDecodeError, match="empty"):
            getattr(api, case.name)(*case.arguments)


@each_form
@each_operation
def test_ids__as_uuid(server: Recorder, api: EnvironmentSecretApi, case: Case, form: str) -> None:
    """An id may be a `UUID`; it makes the same path."""
    server.otherwise = case.reply
    ids = [UUID(part) if isinstance(part, str) else part for part in case.arguments]
    result = getattr(api, case.name + form)(*ids)
    if form == "_without_preload_content":
        result.release_conn()
    assert server.last.target == case.path


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a/../b", "a%2F..%2Fb"),
        ("../..", "..%2F.."),
        ("...", "..."),
        ("a.b", "a.b"),
        ("%2e%2e", "%252e%252e"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b\tc", "a%20b%09c"),
        ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
        ("é€", "%C3%A9%E2%82%AC"),
        ("a;b=c&d+e@f:g", "a%3Bb%3Dc%26d%2Be%40f%3Ag"),
        ("a\\b", "a%5Cb"),
        ("A-z_0~9", "A-z_0~9"),
        ("{environmentId}", "%7BenvironmentId%7D"),
    ],
)
def test_ids__stay_one_segment(server: Recorder, api: EnvironmentSecretApi, text: str, segment: str) -> None:
    """Whatever an id holds, it is one segment of the path, encoded."""
    server.otherwise = Reply(204)
    api.delete_environment_secret(text, text)
    assert server.last.target == f"/environment/{segment}/secret/{segment}"


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("text", ["", " ", "\t\n", ".", "..", "a\ud800"])
def test_ids__that_are_none(server: Recorder, api: EnvironmentSecretApi, text: str, position: int) -> None:
    """An empty id, a dot segment and what UTF-8 cannot hold are refused before anything is sent."""
    ids = [ENVIRONMENT, SECRET_ID]
    ids[position] = text
    with pytest.raises(ApiValueError, match=["environment_id", "secret_id"][position]):
        api.delete_environment_secret(*ids)
    assert server.received == []


@pytest.mark.parametrize("value", [None, 5, b"abc", ["a"], object()], ids=lambda value: type(value).__name__)
def test_ids__of_another_type(server: Recorder, api: EnvironmentSecretApi, value: Any) -> None:
    """An id that is neither `str` nor `UUID` is refused before anything is sent."""
    with pytest.raises(ApiTypeError, match=f"environment_id must be a str or a UUID, not {type(value).__name__}"):
        api.list_environment_secrets(value)
    assert server.received == []


@pytest.mark.parametrize("kind", [dict, lambda body: FrozenMapping(body)], ids=["dict", "Mapping"])
@pytest.mark.parametrize("case", [case for case in CASES if case.body], ids=lambda case: case.name)
def test_body__as_mapping(server: Recorder, api: EnvironmentSecretApi, case: Case, kind: Any) -> None:
    """A mapping of the fields makes the same bytes as the model."""
    server.otherwise = case.reply
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
def test_body__left_out(server: Recorder, api: EnvironmentSecretApi, name: str) -> None:
    """Where the documentation lets the body out, none is sent."""
    server.otherwise = Reply(201, SECRET)
    ids = [ENVIRONMENT] if name == "create_environment_secret" else [ENVIRONMENT, SECRET_ID]
    getattr(api, name)(*ids)
    assert server.last.body == b""
    assert "Content-Type" not in server.last.headers
    assert server.last.headers["Content-Length"] == "0"


@pytest.mark.parametrize(
    "body", ["text", b"bytes", 5, ["TOKEN"], Key(key="a"), Secret.from_dict(SECRET), SecretRequest], ids=repr
)
def test_body__of_another_type(server: Recorder, api: EnvironmentSecretApi, body: Any) -> None:
    """A body that is neither the model nor a mapping is refused before anything is sent."""
    with pytest.raises(ApiTypeError, match="takes a SecretRequest or a mapping of its fields, not a"):
        api.create_environment_secret(ENVIRONMENT, body)
    assert server.received == []


def test_body__missing_where_required(server: Recorder, api: EnvironmentSecretApi) -> None:
    """An edit without a body is refused before anything is sent."""
    with pytest.raises(ApiTypeError, match="edit_environment_secret needs a body"):
        api.edit_environment_secret(ENVIRONMENT, SECRET_ID, None)  # type: ignore[arg-type] # what is tested
    assert server.received == []


def test_body__that_does_not_fit(server: Recorder, api: EnvironmentSecretApi) -> None:
    """A mapping with a misspelt field is refused before anything is sent."""
    with pytest.raises(ApiValidationError, match="valeu"):
        api.create_environment_secret(ENVIRONMENT, {"key": "a", "valeu": "b"})
    assert server.received == []


def test_body__that_json_cannot_hold(server: Recorder, api: EnvironmentSecretApi) -> None:
    """A lone surrogate is refused before anything is sent, and not shown."""
    with pytest.raises(ApiValueError, match="cannot hold") as caught:
        api.create_environment_secret(ENVIRONMENT, SecretRequest.model_construct(key="a", value="hush\ud800"))
    assert "hush" not in str(caught.value)
    assert server.received == []


def test_body__of_a_megabyte(server: Recorder, api: EnvironmentSecretApi) -> None:
    """A value of a megabyte goes out whole."""
    value = "ß" * (512 * 1024)
    api.create_environment_secret(ENVIRONMENT, SecretRequest(key="BIG", value=value))
    assert json.loads(server.last.body) == {"key": "BIG", "value": value}


def test_answer__large(server: Recorder, api: EnvironmentSecretApi) -> None:
    """A list of thousands of secrets is read whole, whether the garbage collector is on or off."""
    server.otherwise = Reply(200, {"results": [{**SECRET, "key": f"K{number}"} for number in range(2000)]})
    for switch in (gc.enable, gc.disable, gc.enable):
        switch()
        was = gc.isenabled()
        results = api.list_environment_secrets(ENVIRONMENT).results
        assert gc.isenabled() is was
        assert results is not None
        assert [secret.key for secret in results] == [f"K{number}" for number in range(2000)]


def test_host__with_a_path(server: Recorder) -> None:
    """A path in the host comes before the operation's."""
    with ApiClient(Configuration(host=f"{server.url}/api/v1/")) as client:
        server.otherwise = EMPTY
        EnvironmentSecretApi(client).list_environment_secrets(ENVIRONMENT)
    assert server.last.target == f"/api/v1/environment/{ENVIRONMENT}/secret"


def test_connection__is_kept(server: Recorder, api: EnvironmentSecretApi) -> None:
    """Calls one after another share a connection."""
    for case in CASES:
        server.otherwise = case.reply
        getattr(api, case.name)(*case.arguments)
    assert server.connections == 1

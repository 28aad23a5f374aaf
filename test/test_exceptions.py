"""The exception hierarchy: classes by status, attributes, copying and pickling."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

import qovery
from qovery import (
    ApiAttributeError,
    ApiConnectionError,
    ApiDecodeError,
    ApiException,
    ApiImportError,
    ApiKeyError,
    ApiTimeoutError,
    ApiTypeError,
    ApiValidationError,
    ApiValueError,
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    OpenApiException,
    SecretRequest,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from qovery.exceptions import exception_class
from qovery.rest import ApiException as FromRest

PARENTS: dict[type[Exception], tuple[type[Exception], ...]] = {
    ApiTypeError: (OpenApiException, TypeError),
    ApiValueError: (OpenApiException, ValueError),
    ApiValidationError: (ApiValueError,),
    ApiAttributeError: (OpenApiException, AttributeError),
    ApiKeyError: (OpenApiException, KeyError),
    ApiImportError: (OpenApiException, ImportError),
    ApiException: (OpenApiException,),
    BadRequestException: (ApiException,),
    UnauthorizedException: (ApiException,),
    ForbiddenException: (ApiException,),
    NotFoundException: (ApiException,),
    ConflictException: (ApiException,),
    UnprocessableEntityException: (ApiException,),
    TooManyRequestsException: (ApiException,),
    ServiceException: (ApiException,),
    ApiConnectionError: (ApiException,),
    ApiTimeoutError: (ApiConnectionError,),
    ApiDecodeError: (ApiException,),
}

STATUSES = {
    301: ApiException,
    400: BadRequestException,
    401: UnauthorizedException,
    402: ApiException,
    403: ForbiddenException,
    404: NotFoundException,
    409: ConflictException,
    418: ApiException,
    422: UnprocessableEntityException,
    429: TooManyRequestsException,
    500: ServiceException,
    503: ServiceException,
    599: ServiceException,
}


def invalid() -> ApiValidationError:
    with pytest.raises(ApiValidationError) as caught:
        SecretRequest.from_dict({"value": "canary", "x": 1})
    return caught.value


def failed() -> ApiException:
    return ConflictException(
        409,
        "Conflict",
        body='{"detail": "exists"}',
        data={"detail": "exists"},
        headers=urllib3.HTTPHeaderDict({"X-Request-Id": "r1"}),
        operation="create_environment_secret",
        attempts=2,
        retry_after=1.5,
        outcome_unknown=True,
    )


ERRORS: dict[str, Callable[[], Exception]] = {
    "type": lambda: ApiTypeError("wrong", ["a", 0]),
    "value": lambda: ApiValueError("wrong"),
    "attribute": lambda: ApiAttributeError("wrong"),
    "key": lambda: ApiKeyError("wrong"),
    "validation": invalid,
    "exception": failed,
}


@pytest.mark.parametrize("error", PARENTS)
def test_class__parents(error: type[Exception]) -> None:
    """Every class has the documented parents, and is exported by the package."""
    assert all(issubclass(error, parent) for parent in PARENTS[error])
    assert getattr(qovery, error.__name__) is error


@pytest.mark.parametrize("status", STATUSES)
def test_status__class(status: int) -> None:
    """Every status has one class, which `from_response` raises too."""
    assert exception_class(status) is STATUSES[status]
    response = SimpleNamespace(status=status, reason="Reason", headers={"A": "b"})
    with pytest.raises(STATUSES[status]) as caught:
        ApiException.from_response(http_resp=response, body="text", data=None)
    error = caught.value
    assert (error.status, error.reason, error.body, error.headers) == (status, "Reason", "text", {"A": "b"})


def from_json(error: Exception) -> Exception:
    """Rebuild an error as Celery's JSON serializer does, from its class and its `args`."""
    return type(error)(*json.loads(json.dumps(error.args)))


def raised_in_a_child(error: Exception) -> Exception:
    """Raise an error in a pool's child process. Return it as the parent gets it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(type(error)) as caught:
        pool.apply(raise_it, (error,))
    return caught.value


def raise_it(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("make", "travel"),
    [
        (failed, from_json),
        (lambda: ApiTimeoutError(reason="late"), from_json),
        (lambda: NotFoundException(404), from_json),
        (failed, raised_in_a_child),
    ],
)
def test_exception__leaves_its_process(make: Callable[[], Any], travel: Callable[[Any], Any]) -> None:
    """An ApiException keeps its class, text and attributes across a JSON serializer and a process pool."""
    error = make()
    twin = travel(error)
    assert (type(twin), str(twin), twin.status) == (type(error), str(error), error.status)
    vars(twin).pop("__cause__", None)
    assert vars(twin) == {**vars(error), "headers": error.headers and dict(error.headers)}


def test_exception__args_follow_the_attributes() -> None:
    """`args` reflects the current attributes; `args` that are set explicitly are kept, as for any exception."""
    error = ApiException(400, "Bad")
    error.operation = "list_environment_secrets"
    assert error.args[:2] == (400, "Bad")
    assert error.args[2]["operation"] == "list_environment_secrets"
    error.args = ("more",)
    assert error.args == ("more",)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("data", "body"), [(b"text", "text"), ("é".encode(), "é"), (b"\xff", "\ufffd"), (None, None), ("text", None)]
)
def test_exception__body_of_a_response(data: Any, body: str | None) -> None:
    """An exception built from a response has its text as `body`, unless a body is passed."""
    response = SimpleNamespace(status=418, reason="a\nb", headers={"A": "b"}, data=data)
    error = ApiException(http_resp=response)
    assert (error.status, error.reason, error.headers, error.body) == (418, "a\\nb", {"A": "b"}, body)
    assert ApiException(500, "Reason", response, body="mine").body == "mine"


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_error__travels(make: Callable[[], Exception], travel: Callable[[Any], Any]) -> None:
    """Copies and pickles keep the class, the text and all attributes."""
    error = make()
    twin = travel(error)
    assert type(twin) is type(error)
    assert (str(twin), repr(twin), twin.args, vars(twin)) == (str(error), repr(error), error.args, vars(error))


def test_argument_error__text() -> None:
    """The text includes the path in the argument, and the text of a KeyError has no quotes."""
    assert str(ApiTypeError("wrong", ["a", 0])) == "wrong at ['a'][0]"
    assert str(ApiKeyError("wrong")) == "wrong"


def test_validation_error__says_where_and_not_what() -> None:
    """The error names every problem and contains no input."""
    error = invalid()
    assert [problem["loc"] for problem in error.errors()] == [("key",), ("x",)]
    assert (error.error_count(), error.title) == (2, "SecretRequest")
    assert "key: Field required" in str(error)
    assert "canary" not in f"{error!r} {error.errors()} {error.json()} {error.__cause__} {error.__context__}"


def test_exception__text() -> None:
    """The text has the operation, the status, the service's message, and what to do."""
    assert str(failed()) == (
        "create_environment_secret failed: 409 Conflict: exists (after 2 attempts) [request r1]; "
        "the service may have applied it, so list the secrets before you retry it"
    )
    assert str(ApiTimeoutError()) == "call failed: ApiTimeoutError"
    assert (failed().detail, failed().request_id) == ("exists", "r1")


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({"detail": "a", "message": "b"}, "a"),
        ({"message": "b"}, "b"),
        ({"detail": 5}, None),
        (["a"], None),
        (None, None),
    ],
)
def test_exception__detail(data: Any, detail: str | None) -> None:
    """`detail` is the service's `detail`, or else its `message`."""
    assert ApiException(400, data=data).detail == detail


def test_rest__has_the_base() -> None:
    """Generated code imports `ApiException` from `qovery.rest`."""
    assert FromRest is ApiException

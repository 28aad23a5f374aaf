"""The admin API: the methods of `Sandbox` over HTTP, for tests in any language.

`POST /_sandbox/<name>` calls the command of that name, with the JSON object in the body as its arguments, and
responds with its result. It requires the admin token. The real service has no such API.
"""

from __future__ import annotations

import functools
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from qovery.exceptions import ApiKeyError, ApiValueError
from qovery.sandbox.app import Route
from qovery.sandbox.http import Request, Response, invalid_fields, json_response
from qovery.sandbox.store import RejectedError

#: The path of the admin API.
PATH = "/_sandbox/"

#: The largest request body, in bytes; a seed may be long.
MAX_BODY = 64 * 1024 * 1024


def admin_route(commands: Mapping[str, Callable[..., Any]], admin_token: str) -> Route:
    """Return the route of the admin API.

    Args:
        commands: The commands by name. Arguments are checked against the annotations.
        admin_token: The token that every request must send.
    """
    checked = functools.cache(lambda: _checked(commands))

    def respond(request: Request, content: bytes) -> Response:
        if not hmac.compare_digest(request.token.encode(), admin_token.encode()):
            raise RejectedError(401, "the admin token is missing or invalid: send Authorization: Bearer TOKEN")
        command = checked().get(request.path.removeprefix(PATH))
        if command is None:
            raise RejectedError(404, f"unknown command; use one of {', '.join(commands)}")
        return _call(command, _arguments(content))

    return Route(PATH, "POST", respond, MAX_BODY)


def _checked(commands: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    from pydantic import ConfigDict, validate_call  # imported at the first request, since it is slow to import

    check = validate_call(config=ConfigDict(hide_input_in_errors=True, strict=True))
    return {name: check(command) for name, command in commands.items()}


def _call(command: Callable[..., Any], arguments: dict[str, Any]) -> Response:
    from pydantic import ValidationError
    from pydantic_core import to_jsonable_python

    try:
        result = command(**arguments)
    except ValidationError as error:
        problems: Any = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_fields(problems) from None
    except (ApiKeyError, ApiValueError) as error:
        raise RejectedError(404 if isinstance(error, ApiKeyError) else 400, str(error)) from None
    return json_response(204 if result is None else 200, to_jsonable_python(result))


def _arguments(content: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        raise RejectedError(400, "body: invalid JSON") from None
    if not isinstance(arguments, dict):
        raise RejectedError(400, "body: must be an object with the arguments")
    return arguments

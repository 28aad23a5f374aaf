"""The admin API: what `Sandbox` offers to tests in Python, over HTTP for every language.

`POST /_sandbox/<name>` calls the command of that name, with the JSON object in the body as its arguments, and
responds with what it returns. It needs the admin token. The real service has nothing like it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qovery.exceptions import ApiKeyError, ApiValueError
from qovery.redaction.validation import ApiValidationError
from qovery.sandbox.app import error_response, invalid_fields, json_response, read_json, rejection, token_of
from qovery.sandbox.store import RejectedError

#: The path of the admin API.
PATH = "/_sandbox"

#: The largest request body, in bytes; a seed may be long.
MAX_BODY = 64 * 1024 * 1024


def admin_route(commands: Mapping[str, Callable[..., Any]], admin_token: str) -> Route:
    """The route of the admin API.

    Args:
        commands: What can be called, by name. Arguments are checked against the annotations.
        admin_token: The token that every request needs.
    """
    check = validate_call(config=ConfigDict(hide_input_in_errors=True, strict=True))
    checked = {name: check(command) for name, command in commands.items()}

    async def respond(request: Request) -> Response:
        try:
            if not hmac.compare_digest(token_of(request).encode(), admin_token.encode()):
                raise RejectedError(401, "the admin token is missing or invalid: send Authorization: Bearer TOKEN")
            command = checked.get(request.path_params["name"])
            if command is None:
                raise RejectedError(404, f"unknown command; use one of {', '.join(checked)}")
            result = command(**await _arguments(request))
        except RejectedError as rejected:
            return rejection(rejected)
        except ValidationError as error:
            return error_response(400, invalid_fields(ApiValidationError.without_input(error)).detail)
        except ApiValidationError as error:
            return error_response(400, invalid_fields(error).detail)
        except (ApiKeyError, ApiValueError) as error:
            return error_response(404 if isinstance(error, ApiKeyError) else 400, str(error))
        return json_response(204 if result is None else 200, result)

    return Route(f"{PATH}/{{name}}", respond, methods=["POST"])


async def _arguments(request: Request) -> dict[str, Any]:
    content = await read_json(request, MAX_BODY)
    try:
        arguments = from_json(content) if content else {}
    except ValueError:
        raise RejectedError(400, "body: invalid JSON") from None
    if not isinstance(arguments, dict):
        raise RejectedError(400, "body: must be an object with the arguments")
    return arguments

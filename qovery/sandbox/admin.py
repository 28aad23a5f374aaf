"""The admin API: what a test in any language tells a sandbox. The real service has nothing like it.

`POST /_sandbox/<name>` calls the method of `Sandbox` of that name, with the JSON object in the body as its
arguments, and answers what it returns. `load` takes the content of a seed file as `seed`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError, validate_call
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from qovery.exceptions import ApiKeyError, ApiValidationError, ApiValueError
from qovery.redaction import validation_error
from qovery.sandbox.app import json_answer, problem, read_json, refusal, token_of
from qovery.sandbox.store import Behaviour, RejectedError

if TYPE_CHECKING:
    from qovery.sandbox.server import Sandbox

#: Where the admin API lives.
PATH = "/_sandbox"

#: The largest body that is read, in bytes; a seed may be long.
MAX_BODY = 64 * 1024 * 1024


def admin_route(sandbox: Sandbox, lets_in: Callable[[str], bool]) -> Route:
    """The route of the admin API; `lets_in` says of a token, empty if there is none, whether it may use it."""
    check = validate_call(config=ConfigDict(hide_input_in_errors=True, strict=True))
    commands = {name: check(command) for name, command in _commands(sandbox).items()}

    async def answer(request: Request) -> Response:
        try:
            if not lets_in(token_of(request)):
                raise RejectedError(401, "access token is missing or invalid")
            command = commands.get(request.path_params["name"])
            if command is None:
                raise RejectedError(404, f"there is {', '.join(commands)}")
            arguments = _arguments(await read_json(request, MAX_BODY))
            result = command(**arguments)
        except RejectedError as refused:
            return problem(refused.status, refused.detail)
        except ValidationError as error:
            return problem(400, refusal(validation_error(error)).detail)
        except ApiValidationError as error:
            return problem(400, refusal(error).detail)
        except (ApiKeyError, ApiValueError) as error:
            return problem(404 if isinstance(error, ApiKeyError) else 400, str(error))
        return json_answer(204 if result is None else 200, result)

    endpoint: Callable[[Request], Awaitable[Response]] = answer
    return Route(f"{PATH}/{{name}}", endpoint, methods=["POST"])


def _commands(sandbox: Sandbox) -> dict[str, Callable[..., Any]]:
    def behaviour(behaviour: Behaviour) -> None:
        sandbox.behaviour = behaviour

    def load(seed: dict[str, Any]) -> list[str]:
        return sandbox.load(seed)

    def requests() -> list[Mapping[str, Any]]:
        return [request._asdict() for request in sandbox.requests]

    methods = (
        sandbox.add_environment, sandbox.add_secret, sandbox.delay, sandbox.drop_reply, sandbox.environments,
        sandbox.fail, sandbox.rate_limit, sandbox.read_only, sandbox.reset, sandbox.reset_connection,
        sandbox.revoke, sandbox.secrets, sandbox.value, behaviour, load, requests,
    )  # fmt: skip
    return {method.__name__: method for method in methods}


def _arguments(content: bytes) -> dict[str, Any]:
    try:
        arguments = from_json(content) if content else {}
    except ValueError:
        raise RejectedError(400, "body: invalid JSON") from None
    if not isinstance(arguments, dict):
        raise RejectedError(400, "body: must be an object with the arguments")
    return arguments

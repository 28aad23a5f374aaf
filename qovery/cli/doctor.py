"""`doctor`: check the URL, the token and the environment, and say what to do."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from qovery.cli.arguments import ENVIRONMENT_VARIABLE, ERROR, add_environment, new_command
from qovery.cli.output import show_table
from qovery.exceptions import ApiConnectionError, ApiDecodeError, ApiException, ApiValueError, OpenApiException
from qovery.printable import printable

if TYPE_CHECKING:
    from qovery import Configuration
    from qovery.cli.arguments import Commands

#: The id that stands in for one that is missing: no environment has it, so the response tells of the token.
_NOBODY = "00000000-0000-0000-0000-000000000000"

#: The seconds for the request, retries included.
_PATIENCE = 20.0

_WHERE = "The id is in the URL of the environment in the console"

OK, FAIL, UNKNOWN = "ok", "FAIL", "-"


class Finding(NamedTuple):
    """The result of a check.

    Attributes:
        state: `ok`, `FAIL`, or `-` if it could not be checked.
        what: What was checked.
        text: What is so, and what to do.
    """

    state: str
    what: str
    text: str


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = new_command(
        commands,
        run,
        "doctor",
        "Check the URL, the token and the environment, and say what to do. It sends one list request.",
        ["{} doctor", "{} doctor --environment 5a9d0bfa-0000-4000-8000-000000000001"],
        {0: "no problem was found", ERROR: "at least one check failed"},
    )
    add_environment(parser)


def run(options: Namespace) -> int:
    """Check, and print what was found."""
    findings = list(_examine(options.environment))
    rows = [f"{state:<5} {what:<12} {printable(text)}" for state, what, text in findings]
    show_table("\n".join(rows), [finding.state for finding in findings], sys.stdout)
    return 0 if all(finding.state == OK for finding in findings) else ERROR


def _examine(given: str | None) -> Iterator[Finding]:
    from qovery import Configuration
    from qovery.configuration import HOST_VARIABLE, TOKEN_VARIABLES

    variable = next((name for name in TOKEN_VARIABLES if os.environ.get(name, "").strip()), None)
    environment = os.environ.get(ENVIRONMENT_VARIABLE, "").strip() if given is None else given
    try:
        configuration = Configuration.from_env()
        failure, problem = _list(configuration, environment)
    except OpenApiException as error:  # nothing was sent
        variables = f"{HOST_VARIABLE}, {variable or 'the token'} and the proxy variables"
        yield Finding(FAIL, "settings", f"{error}. Check {variables}")
        return
    yield _url(configuration, failure)
    yield _token(variable, failure)
    yield _environment(environment, problem, failure)


def _list(configuration: Configuration, environment: str) -> tuple[ApiException | None, str | None]:
    """The error of a list request, and what is wrong with the id.

    Raises:
        OpenApiException: Another setting cannot be used.
    """
    from qovery import ApiClient, EnvironmentSecretApi

    problem = None
    with ApiClient(configuration) as client:
        api = EnvironmentSecretApi(client)
        try:
            try:
                api.list_environment_secrets(environment, _request_timeout=_PATIENCE)
            except ApiValueError as unusable:
                problem = str(unusable)
                api.list_environment_secrets(_NOBODY, _request_timeout=_PATIENCE)
        except ApiException as error:
            return error, problem
    return None, problem


def _url(configuration: Configuration, error: ApiException | None) -> Finding:
    from qovery.configuration import HOST_VARIABLE

    where = configuration.host
    if configuration.proxy_for_host():
        where += ", through the proxy of the environment variables"
    if isinstance(error, ApiConnectionError):
        return Finding(FAIL, "URL", f"{where}: {error}. Check {HOST_VARIABLE}, the network and the proxy")
    if isinstance(error, ApiDecodeError) or (error is not None and not _is_of_the_api(error)):
        return Finding(FAIL, "URL", f"{where}: {error}. A server other than the API responded; check {HOST_VARIABLE}")
    if not _is_reached(error):
        return Finding(FAIL, "URL", f"{where}: {error}. The service is unavailable; try again later")
    return Finding(OK, "URL", where)


def _is_of_the_api(error: ApiException) -> bool:
    """Whether the API itself may have sent this; a web server says 404 for a wrong path, or redirects."""
    status = error.status or 0
    return status >= 400 and (status != 404 or isinstance(error.data, dict))


def _is_reached(error: ApiException | None) -> bool:
    """Whether the service has looked at the token."""
    return error is None or (error.status in {400, 401, 403, 404} and _is_of_the_api(error))


def _token(variable: str | None, error: ApiException | None) -> Finding:
    if variable is None:
        return Finding(FAIL, "token", "there is none. Set QOVERY_API_TOKEN to an API token, or to a JWT")
    if not _is_reached(error):
        return Finding(UNKNOWN, "token", f"{variable} is set, and could not be checked")
    if error is not None and error.status == 401:
        problem = f"{variable} was rejected: {error}. Create a token in the console; check for quotes and missing parts"
        return Finding(FAIL, "token", problem)
    return Finding(OK, "token", f"{variable} was accepted")


def _environment(environment: str, problem: str | None, error: ApiException | None) -> Finding:
    from qovery.configuration import HOST_VARIABLE

    if not environment:
        return Finding(FAIL, "environment", f"there is none. Set {ENVIRONMENT_VARIABLE}, or pass --environment ID")
    if problem:
        return Finding(FAIL, "environment", f"{problem}. {_WHERE}")
    if error is None:
        return Finding(OK, "environment", f"{environment} can be listed")
    if error.status in {400, 403, 404} and _is_of_the_api(error):
        text = f"{environment}: {error}. The id is wrong, or the token may not see it"
        if error.status == 404 and os.environ.get(HOST_VARIABLE):
            text += f", or {HOST_VARIABLE} has a wrong path"
        return Finding(FAIL, "environment", f"{text}. {_WHERE}")
    return Finding(UNKNOWN, "environment", f"{environment} could not be checked")

"""The client of a command, whose settings come from environment variables."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qovery.cli.arguments import ENVIRONMENT_VARIABLE, STATE_KEY_VARIABLE
from qovery.exceptions import ApiValueError

if TYPE_CHECKING:
    from qovery import EnvironmentSecretApi
    from qovery.sync import StateFile


@contextmanager
def connected() -> Iterator[EnvironmentSecretApi]:
    """Yield the API for the token and the URL from environment variables.

    Raises:
        ApiValueError: There is no token, or one of them cannot be used.
    """
    from qovery import ApiClient, Configuration, EnvironmentSecretApi

    configuration = Configuration.from_env()
    if not configuration.api_key and configuration.access_token is None:
        raise ApiValueError("no token: set QOVERY_API_TOKEN")
    with ApiClient(configuration) as client:
        yield EnvironmentSecretApi(client)


def environment_id(options: Namespace) -> str:
    """The id of the option, or that of the environment variable.

    Raises:
        ApiValueError: There is none.
    """
    given: str | None = options.environment
    found = given if given is not None else os.environ.get(ENVIRONMENT_VARIABLE, "").strip()
    if not found:
        raise ApiValueError(f"no environment: set {ENVIRONMENT_VARIABLE}, or pass --environment ID")
    return found


def state_file(options: Namespace) -> StateFile | None:
    """The state file of the option, with the key of the environment variable.

    Raises:
        ApiValueError: There is no key, or one of them cannot be used.
    """
    from qovery.sync import StateFile

    if options.state is None:
        return None
    key = os.environ.get(STATE_KEY_VARIABLE, "").strip()
    if not key:
        raise ApiValueError(f"--state needs a key: set {STATE_KEY_VARIABLE}")
    return StateFile(options.state, key)

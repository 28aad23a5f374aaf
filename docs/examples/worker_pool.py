"""A pool of worker processes that write secrets, as Celery workers do.

    python worker_pool.py --environment ID < secrets.env

The token is read from QOVERY_API_TOKEN. Each process creates its client once, in its initializer (Celery's signal
`worker_process_init`), and uses it for all its jobs. Jobs are idempotent, since queues may deliver one twice. The exit
status is 0 if all jobs are done, 1 if not, and 2 for a wrong command line. To write secrets in bulk without a queue,
use `qovery.sync`.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from pydantic import SecretStr

from qovery import (
    ApiClient,
    ApiException,
    Configuration,
    ConflictException,
    EnvironmentSecretApi,
    OpenApiException,
    Secret,
)
from qovery.sync import read_dotenv

DONE = "done"

#: The API client of this worker process.
api: EnvironmentSecretApi


def start_worker(configuration: Configuration) -> None:
    global api
    api = EnvironmentSecretApi(ApiClient(configuration))


def write(environment_id: str, key: str, value: SecretStr) -> str:
    """Create a secret, or edit it if it exists. Returns the outcome."""
    unknown = False
    try:
        own = find(environment_id, key)
        if own is None:
            try:
                api.create_environment_secret(environment_id, {"key": key, "value": value})
                return DONE
            except ApiException as error:
                # The client never retries a create with an unknown outcome. If the response was lost, or another
                # process created the key first, the secret exists now, and an idempotent edit sets its value.
                if not error.outcome_unknown and not isinstance(error, ConflictException):
                    raise
                unknown = error.outcome_unknown
                own = find(environment_id, key)
                if own is None:
                    raise
        if own.variable_type in ("ALIAS", "FILE") or own.aliased_secret or own.owned_by not in (None, "QOVERY"):
            return "was not done: the key is an alias, a file, or managed elsewhere"
        # The description is sent too: it is not documented whether an edit without one keeps it.
        edit = {"key": key, "value": value, "description": own.description}
        api.edit_environment_secret(environment_id, own.id, edit)
        return DONE
    except OpenApiException as error:
        unknown = unknown or (isinstance(error, ApiException) and error.outcome_unknown)
        return f"{'may have been done' if unknown else 'was not done'}: {error}"


def find(environment_id: str, key: str) -> Secret | None:
    """The environment's own secret with this key, or None."""
    secrets = api.list_environment_secrets(environment_id).results or []
    return next((secret for secret in secrets if secret.key == key and secret.scope == "ENVIRONMENT"), None)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="write the secrets from standard input with several processes")
    parser.add_argument("--environment", required=True, metavar="ID", help="the environment to write to")
    environment_id = parser.parse_args(arguments).environment
    try:
        jobs = read_dotenv(sys.stdin)  # not the command line, which every user of the machine can read
        configuration = Configuration.from_env()
    except OpenApiException as error:
        print(error, file=sys.stderr)
        return 1
    # Spawned workers share nothing with this process. ProcessPoolExecutor fails when a worker dies;
    # multiprocessing.Pool would wait for its job forever.
    spawn = multiprocessing.get_context("spawn")
    futures = {}
    with (
        ProcessPoolExecutor(4, spawn, start_worker, (configuration,)) as pool,
        contextlib.suppress(BrokenProcessPool),
    ):
        for key, value in jobs.items():
            futures[key] = pool.submit(write, environment_id, key, value)
    outcomes = {key: outcome(futures.get(key)) for key in sorted(jobs)}
    for key, text in outcomes.items():
        print(f"{key}: {text}")
    return 0 if set(outcomes.values()) == {DONE} else 1


def outcome(future: Future[str] | None) -> str:
    """The outcome of a job. If its worker died, put the job into the queue again."""
    if future is None:
        return "was not done: a worker died before it started"
    error = future.exception()
    return future.result() if error is None else f"may have been done: a worker died ({type(error).__name__})"


if __name__ == "__main__":
    sys.exit(main())

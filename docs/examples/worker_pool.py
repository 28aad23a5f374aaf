"""Processes that take jobs and write secrets, as the workers of Celery do.

    python worker_pool.py < .env

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. Each process makes its client once, in its initializer (Celery's
signal `worker_process_init`), and uses it for all its jobs. A job may run twice, as queues do: running it again is
harmless. The exit status is 0 if all was done, 1 if not, 2 if the environment variables are wrong. For many secrets
at once without a queue there is `qovery.sync`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
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

#: The API of this process.
api: EnvironmentSecretApi


def start_worker(configuration: Configuration) -> None:
    global api
    api = EnvironmentSecretApi(ApiClient(configuration))


def write(environment_id: str, key: str, value: SecretStr) -> str:
    """Create a secret, or edit it if it is there. Returns what became of it."""
    unknown = False
    try:
        own = find(environment_id, key)
        if own is None:
            try:
                api.create_environment_secret(environment_id, {"key": key, "value": value})
                return DONE
            except ApiException as error:
                # The client never repeats a create. If the answer was lost, or somebody else was faster, the secret is
                # there now, and an edit, which may be repeated, makes sure of its value.
                if not error.outcome_unknown and not isinstance(error, ConflictException):
                    raise
                unknown = error.outcome_unknown
                own = find(environment_id, key)
                if own is None:
                    raise
        if own.variable_type in ("ALIAS", "FILE") or own.aliased_secret or own.owned_by not in (None, "QOVERY"):
            return "was not done: the key is an alias, a file, or managed elsewhere"
        # The description goes along: what an edit without one does to it is not documented.
        edit = {"key": key, "value": value, "description": own.description}
        api.edit_environment_secret(environment_id, own.id, edit)
        return DONE
    except OpenApiException as error:
        unknown = unknown or (isinstance(error, ApiException) and error.outcome_unknown)
        return f"{'may have been done' if unknown else 'was not done'}: {error}"


def find(environment_id: str, key: str) -> Secret | None:
    """The environment's own secret under a key."""
    secrets = api.list_environment_secrets(environment_id).results or []
    return next((secret for secret in secrets if secret.key == key and secret.scope == "ENVIRONMENT"), None)


def main(processes: int = 4) -> int:
    environment_id = os.environ.get("QOVERY_ENVIRONMENT_ID")
    if not environment_id:
        print("QOVERY_ENVIRONMENT_ID is not set", file=sys.stderr)
        return 2
    try:
        jobs = read_dotenv(sys.stdin)  # not from the command line, which every user of a machine can read
        configuration = Configuration.from_env()
    except OpenApiException as error:
        print(error, file=sys.stderr)
        return 1
    # Spawned workers share nothing with this process, not even threads that were running at a fork. And this pool ends
    # when a worker dies; `multiprocessing.Pool` would wait for its job for ever.
    spawn = multiprocessing.get_context("spawn")
    futures = {}
    with (
        ProcessPoolExecutor(processes, spawn, start_worker, (configuration,)) as pool,
        contextlib.suppress(BrokenProcessPool),
    ):
        for key, value in jobs.items():
            futures[key] = pool.submit(write, environment_id, key, value)
    outcomes = {key: outcome(futures.get(key)) for key in sorted(jobs)}
    for key, became in outcomes.items():
        print(f"{key}: {became}")
    return 0 if set(outcomes.values()) == {DONE} else 1


def outcome(future: Future[str] | None) -> str:
    """What became of a job, also if nobody is left to tell; then it is best put into the queue again."""
    if future is None:
        return "was not done: a worker died before"
    error = future.exception()
    return future.result() if error is None else f"may have been done: a worker died ({type(error).__name__})"


if __name__ == "__main__":
    sys.exit(main())

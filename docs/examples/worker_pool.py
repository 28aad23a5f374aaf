"""Processes that take jobs from a queue and write secrets, as the workers of Celery do.

    python worker_pool.py < .env

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. Each process makes its client once, in its initializer (Celery's
signal `worker_process_init`), and uses it for all its jobs. A job may run twice, as queues do: running it again
is harmless. For many secrets at once without a queue there is `qovery.sync`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

from pydantic import SecretStr

from qovery import (
    ApiClient,
    ApiException,
    Configuration,
    ConflictException,
    EnvironmentSecretApi,
    OpenApiException,
)
from qovery.sync import read_dotenv

#: The API of this process.
api: EnvironmentSecretApi


def start_worker() -> None:
    global api
    api = EnvironmentSecretApi(ApiClient(Configuration.from_env()))


def write(job: tuple[str, SecretStr]) -> tuple[str, str | None]:
    """Create a secret, or edit it if it is there. Returns its key, and what went wrong."""
    key, value = job
    environment_id = os.environ["QOVERY_ENVIRONMENT_ID"]
    try:
        try:
            if find(environment_id, key) is None:
                api.create_environment_secret(environment_id, {"key": key, "value": value})
                return key, None
        except ApiException as error:
            # Somebody else was faster, or the answer was lost: then an edit makes sure of the value.
            if not error.outcome_unknown and not isinstance(error, ConflictException):
                raise
        secret_id = find(environment_id, key)
        if secret_id is None:
            return key, "it was not created"
        api.edit_environment_secret(environment_id, secret_id, {"key": key, "value": value})
        return key, None
    except OpenApiException as error:
        return key, str(error)


def find(environment_id: str, key: str) -> str | None:
    """The id of an own secret."""
    secrets = api.list_environment_secrets(environment_id).results or []
    return next((secret.id for secret in secrets if secret.key == key and secret.scope == "ENVIRONMENT"), None)


def main(processes: int = 4) -> int:
    jobs = read_dotenv(sys.stdin).items()  # not from the command line, which every user of a machine can read
    # Spawned workers share nothing with this process, not even threads that were running at a fork.
    with multiprocessing.get_context("spawn").Pool(processes, start_worker) as pool:
        results = list(pool.imap_unordered(write, jobs))
        pool.close()
        pool.join()
    for key, problem in sorted(results):
        print(f"{key}: {'done' if problem is None else problem}")
    return int(any(problem for _, problem in results))


if __name__ == "__main__":
    sys.exit(main())

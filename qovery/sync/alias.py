"""`create_alias`: create an alias in either behaviour of the service, without leaving a plain value behind."""

from __future__ import annotations

import time
from uuid import UUID

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.exceptions import ApiException, BadRequestException, PlanHostError, SyncError
from qovery.models import Key, Secret, SecretEditRequest, SecretRequest
from qovery.operation import RequestOptions
from qovery.sync.inventory import ENVIRONMENT, Inventory, alias_description

#: The attempts, and the seconds for all of them, to remove a secret that should have become an alias. Only this can
#: extend an apply beyond its time limit.
ROUNDS, SECONDS = 3, 30.0


def create_alias(
    api: EnvironmentSecretApi, environment_id: str | UUID, key: str, target: Secret, options: RequestOptions
) -> Secret:
    """Create an alias.

    In the documented behaviour, the service rejects an alias of a secret of the environment itself. Then a secret is
    created with the key of the target as its value, which the service turns into an alias. If not, it is deleted.

    Raises:
        ApiException: The alias was rejected, and no plain secret was left behind.
        SyncError: A plain secret may be left behind, since it could not be deleted.
    """
    try:
        return api.create_environment_secret_alias(environment_id, target.id, Key(key=key), **options)
    except BadRequestException as error:
        if target.scope != ENVIRONMENT:
            raise
        rejected = error
    attempt = _Attempt(api, environment_id, key, target, options.get("_plan_host"))
    try:
        created = attempt.create(options)
    except BaseException as error:
        if isinstance(error, PlanHostError) or (isinstance(error, ApiException) and not error.outcome_unknown):
            raise
        alias = attempt.settle()
        if alias is None or not isinstance(error, ApiException):
            raise
        return alias
    if attempt.is_alias(created):
        return created
    attempt.settle(created)
    raise rejected


class _Attempt:
    """A secret that should become an alias. Its description distinguishes it from secrets that others created."""

    def __init__(
        self, api: EnvironmentSecretApi, environment_id: str | UUID, key: str, target: Secret, host: str | None
    ) -> None:
        self.api = api
        self.environment_id = environment_id
        self.key = key
        self.target = target
        self.host = host
        self.description = alias_description(target.key)

    def create(self, options: RequestOptions) -> Secret:
        request = SecretRequest(key=self.key, value=self.target.key, description=self.description)
        return self.api.create_environment_secret(self.environment_id, request, **options)

    def is_alias(self, secret: Secret) -> bool:
        return secret.aliased_secret is not None and secret.aliased_secret.id == self.target.id

    def settle(self, created: Secret | None = None) -> Secret | None:
        """Return the alias if there is one. Otherwise remove what was created, found by a list if it is None."""
        deadline = time.monotonic() + SECONDS
        problem: Exception | None = None
        for _ in range(ROUNDS):
            options: RequestOptions = {
                "_plan_host": self.host,
                "_request_timeout": max(deadline - time.monotonic(), 0.001),
            }
            try:
                secret = created or self._listed(options)
                created = None  # after a failure, find by a list what is left
                if secret is None or self.is_alias(secret):
                    return secret
                self._remove(secret, options)
                return None
            except (ApiException, PlanHostError) as error:
                problem = error
        raise SyncError(
            f"{self.key} may be left as a plain value that holds the key {self.target.key}. Delete it. {problem}"
        )

    def _listed(self, options: RequestOptions) -> Secret | None:
        listed = self.api.list_environment_secrets(self.environment_id, **options)
        secret = Inventory(listed.results or []).own.get(self.key)
        ours = secret is not None and (self.is_alias(secret) or secret.description == self.description)
        return secret if ours else None

    def _remove(self, secret: Secret, options: RequestOptions) -> None:
        try:
            self.api.delete_environment_secret(self.environment_id, secret.id, **options)
        except ApiException:
            # If it cannot be deleted, it should at least not hold the name of a key.
            emptied = SecretEditRequest(key=self.key, value="", description=self.description)
            self.api.edit_environment_secret(self.environment_id, secret.id, emptied, **options)
            self.api.delete_environment_secret(self.environment_id, secret.id, **options)

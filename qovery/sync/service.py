"""`Service`: one environment behind the API: list its secrets, and send an action."""

from __future__ import annotations

import contextlib
from uuid import UUID

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.exceptions import ApiException, BadRequestException, PlanHostError
from qovery.models import Key, Secret, SecretEditRequest, SecretRequest, Value
from qovery.redaction.sealing import sealed
from qovery.sync.action import Action
from qovery.sync.inventory import ENVIRONMENT, Inventory


class Service:
    """One environment."""

    def __init__(self, api: EnvironmentSecretApi, environment_id: str | UUID) -> None:
        self.api = api
        self.environment_id = environment_id
        self.host = api.api_client.configuration.host

    def inventory(self) -> Inventory:
        """List the secrets of the environment.

        Raises:
            PlanHostError: The client calls another host than at first.
        """
        self._check_host()
        results = self.api.list_environment_secrets(self.environment_id).results
        self._check_host()
        return Inventory(results or [])

    def _check_host(self) -> None:
        host = self.api.api_client.configuration.host
        if host != self.host:
            raise PlanHostError(f"the plan is for {self.host}, but the client calls {host}: make another plan")

    @sealed
    def send(self, action: Action, secret: Secret | None) -> Secret | None:
        """Send an action for a secret; for an alias, `secret` is its target."""
        self._check_host()
        if action.kind == "create" and action.request is not None:
            return self.api.create_environment_secret(self.environment_id, action.request)
        assert secret is not None  # noqa: S101 - for the type; an action waits for its secret
        if action.kind == "delete":
            self.api.delete_environment_secret(self.environment_id, secret.id)
            return secret
        if action.kind == "alias":
            return self._alias(action.key, secret)
        fields = (action.request or SecretRequest(key=action.key)).model_copy()
        if action.kind == "override":
            override = Value.from_dict({name: fields.to_dict()[name] for name in _common_fields(fields, Value)})
            return self.api.create_environment_secret_override(self.environment_id, secret.id, override)
        edit = SecretEditRequest.from_dict(
            {name: fields.to_dict()[name] for name in _common_fields(fields, SecretEditRequest)}
        )
        return self.api.edit_environment_secret(self.environment_id, secret.id, edit)

    def _alias(self, key: str, target: Secret) -> Secret:
        try:
            return self.api.create_environment_secret_alias(self.environment_id, target.id, Key(key=key))
        except BadRequestException as error:
            if target.scope != ENVIRONMENT:
                raise
            rejected = error
        # As documented, this works only for a target of a higher scope. For one of the same scope, a secret is
        # created whose value is the key of the target.
        created = self.api.create_environment_secret(self.environment_id, SecretRequest(key=key, value=target.key))
        if created.aliased_secret is not None and created.aliased_secret.id == target.id:
            return created
        with contextlib.suppress(ApiException):
            self.api.delete_environment_secret(self.environment_id, created.id)
        raise rejected


def _common_fields(request: SecretRequest, model: type[Value] | type[SecretEditRequest]) -> set[str]:
    """The fields that are set in a request and that the other model has."""
    return set(request.to_dict()) & set(model.model_fields)

"""`Service`: one environment behind the API: list its secrets, and send an action."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from uuid import UUID

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.exceptions import ApiTypeError, TooManyRequestsException
from qovery.models import Secret, SecretEditRequest, SecretRequest, Value
from qovery.operation import RequestOptions
from qovery.redaction.sealing import sealed
from qovery.sync.action import Action
from qovery.sync.alias import create_alias
from qovery.sync.inventory import Inventory
from qovery.sync.pace import Pace, pace_of

#: Stop waiting once the service has accepted no request for this many seconds.
PATIENCE = 300.0


class Service:
    """One environment at one host."""

    def __init__(self, api: EnvironmentSecretApi, environment_id: str | UUID) -> None:
        # A stand-in of a test will do.
        if isinstance(api, type) or not callable(getattr(api, "list_environment_secrets", None)):
            raise ApiTypeError(
                f"api must be an EnvironmentSecretApi, not {type(api).__name__}: pass EnvironmentSecretApi(client)"
            )
        self.api = api
        self.environment_id = environment_id
        self.host = api.api_client.configuration.host

    @property
    def retries(self) -> int:
        """How many times an action may be sent again, apart from rate limits."""
        retries = self.api.api_client.configuration.retries
        return retries if isinstance(retries, int) else int(retries.total or 0)

    @property
    def pace(self) -> Pace:
        """The pace of all jobs of the client; a copy of the plan uses the pace of its own client."""
        return pace_of(self.api.api_client)

    def inventory(self, deadline: float = float("inf")) -> Inventory:
        """List the secrets of the environment, as soon as the rate limit allows it.

        Args:
            deadline: The time, by `time.monotonic`, after which to give up.

        Raises:
            PlanHostError: The host of the client has changed.
        """
        patience = min(deadline, time.monotonic() + PATIENCE)
        while True:
            self._wait(patience)
            try:
                with self._telling_the_pace():
                    listed = self.api.list_environment_secrets(self.environment_id, **self._options(deadline))
            except TooManyRequestsException:
                if time.monotonic() >= patience:
                    raise
            else:
                return Inventory(listed.results or [])

    def _wait(self, patience: float) -> None:
        """Sleep until the rate limit allows a request, or until the time `patience`."""
        while (wait := self.pace.take()) and time.monotonic() < patience:
            time.sleep(min(wait, max(patience - time.monotonic(), 0)))

    def _options(self, deadline: float) -> RequestOptions:
        """Return the options that bind a call to the host, and that end it at a deadline nearer than its own."""
        options: RequestOptions = {"_plan_host": self.host}
        left = deadline - time.monotonic()
        if left < self.api.api_client.configuration.total_timeout:
            options["_request_timeout"] = max(left, 0.001)
        return options

    @contextlib.contextmanager
    def _telling_the_pace(self) -> Iterator[None]:
        """Report the request sent in the block to the pace: as throttled, or else as accepted, even if it failed."""
        sent = time.monotonic()
        try:
            yield
        except TooManyRequestsException as error:
            self.pace.throttle(sent, error.retry_after)
            raise
        except BaseException:
            self.pace.accept(sent)
            raise
        self.pace.accept(sent)

    @sealed
    def send(self, action: Action, secret: Secret | None, deadline: float) -> Secret | None:
        """Send an action for a secret once; for an alias, `secret` is its target. Report the response to the pace."""
        with self._telling_the_pace():
            return self._send(action, secret, {"_retries": 0, **self._options(deadline)})

    def _send(self, action: Action, secret: Secret | None, options: RequestOptions) -> Secret | None:
        if action.kind == "create" and action.request is not None:
            return self.api.create_environment_secret(self.environment_id, action.request, **options)
        assert secret is not None  # noqa: S101 - for the type; an action waits for its secret
        if action.kind == "delete":
            self.api.delete_environment_secret(self.environment_id, secret.id, **options)
            return secret
        if action.kind == "alias":
            return create_alias(self.api, self.environment_id, action.key, secret, options)
        fields = (action.request or SecretRequest(key=action.key)).model_copy()
        if action.kind == "override":
            override = Value.from_dict({name: fields.to_dict()[name] for name in _common_fields(fields, Value)})
            return self.api.create_environment_secret_override(self.environment_id, secret.id, override, **options)
        edit = SecretEditRequest.from_dict(
            {name: fields.to_dict()[name] for name in _common_fields(fields, SecretEditRequest)}
        )
        return self.api.edit_environment_secret(self.environment_id, secret.id, edit, **options)


def _common_fields(request: SecretRequest, model: type[Value] | type[SecretEditRequest]) -> set[str]:
    """The fields that are set in a request and that the other model has."""
    return set(request.to_dict()) & set(model.model_fields)

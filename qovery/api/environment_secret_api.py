"""`EnvironmentSecretApi`: the six operations on the secrets of an environment, and their table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from typing_extensions import Unpack

from qovery import models
from qovery.api_client import ApiClient
from qovery.api_response import ApiResponse
from qovery.exceptions import ApiTypeError
from qovery.models import Secret, SecretResponseList
from qovery.operation import Operation, RequestOptions, spell_out_options
from qovery.redaction.sealing import sealed_class
from qovery.transport.messages import RawResponse

_SECRETS = "/environment/{environmentId}/secret"
_SECRET = f"{_SECRETS}/{{secretId}}"

LIST = Operation("list_environment_secrets", "GET", _SECRETS, 200, SecretResponseList, idempotent=True)
CREATE = Operation("create_environment_secret", "POST", _SECRETS, 201, Secret, "SecretRequest")
EDIT = Operation(
    "edit_environment_secret", "PUT", _SECRET, 200, Secret, "SecretEditRequest", request_required=True, idempotent=True
)
DELETE: Operation[None] = Operation("delete_environment_secret", "DELETE", _SECRET, 204, None, idempotent=True)
CREATE_ALIAS = Operation("create_environment_secret_alias", "POST", f"{_SECRET}/alias", 201, Secret, "Key")
CREATE_OVERRIDE = Operation("create_environment_secret_override", "POST", f"{_SECRET}/override", 201, Secret, "Value")

#: Every operation, in the order of the methods.
OPERATIONS: tuple[Operation[Any], ...] = (CREATE, CREATE_ALIAS, CREATE_OVERRIDE, DELETE, EDIT, LIST)


@sealed_class
@spell_out_options
class EnvironmentSecretApi:
    """The secrets of Qovery environments.

    Each operation has three methods. The plain one returns the response as a model; `_with_http_info` returns
    an `ApiResponse` with status and headers around it; `_without_preload_content` returns the unread
    `urllib3` response: check its status, then read or close it.

    Ids may be `str` or `uuid.UUID`; a body may be a model or a mapping of its fields. Every method accepts the
    options of `qovery.RequestOptions`.

    Errors: `ApiTypeError` or `ApiValueError` before anything is sent; afterwards `ApiException` or
    one of its subclasses. `_without_preload_content` does not raise for an error status.

    Args:
        api_client: The client to call with; without one, `ApiClient.get_default()`, which reads the
            credentials from the environment (see `Configuration.from_env`).
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        if api_client is not None and not callable(getattr(api_client, "call", None)):  # a stand-in of a test will do
            raise ApiTypeError(f"api_client must be an ApiClient, not {type(api_client).__name__}")
        self.api_client = ApiClient.get_default() if api_client is None else api_client
        # Their schemas are built here, since an exception of a signal handler during a build becomes pydantic's own.
        Secret.model_rebuild()
        SecretResponseList.model_rebuild()

    def __repr__(self) -> str:
        return f"<EnvironmentSecretApi: {self.api_client!r}>"

    def create_environment_secret(
        self,
        environment_id: str | UUID,
        secret_request: models.SecretRequest | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Secret:
        """Add a secret to an environment.

        As documented, an existing key of the environment is replaced; the service was seen to respond with 409
        (`ConflictException`) instead and to change nothing. A value that equals the key of another secret may
        create an alias of it. A create is not retried after a lost response: the error then has
        `outcome_unknown` set.

        Args:
            environment_id: The environment.
            secret_request: The key, the value and other fields of the secret.
            options: See `RequestOptions`.

        Returns:
            The new secret, without its value.
        """
        return self.api_client.call(CREATE, (environment_id,), secret_request, options).data

    def create_environment_secret_with_http_info(
        self,
        environment_id: str | UUID,
        secret_request: models.SecretRequest | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[Secret]:
        """`create_environment_secret`, with the status and headers of the response."""
        return self.api_client.call(CREATE, (environment_id,), secret_request, options)

    def create_environment_secret_without_preload_content(
        self,
        environment_id: str | UUID,
        secret_request: models.SecretRequest | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`create_environment_secret`, with the unread response; does not raise for an error status."""
        return self.api_client.open(CREATE, (environment_id,), secret_request, options)

    def create_environment_secret_alias(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        key: models.Key | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Secret:
        """Add another key, at the environment, for a secret of a higher scope.

        The secret must not be an alias itself (`BadRequestException`). The alias is deleted with the secret.
        The request is not retried after a lost response: the error then has `outcome_unknown` set.

        Args:
            environment_id: The environment.
            secret_id: The secret to create an alias of.
            key: The other key.
            options: See `RequestOptions`.

        Returns:
            The alias; `aliased_secret` describes its target.
        """
        return self.api_client.call(CREATE_ALIAS, (environment_id, secret_id), key, options).data

    def create_environment_secret_alias_with_http_info(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        key: models.Key | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[Secret]:
        """`create_environment_secret_alias`, with the status and headers of the response."""
        return self.api_client.call(CREATE_ALIAS, (environment_id, secret_id), key, options)

    def create_environment_secret_alias_without_preload_content(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        key: models.Key | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`create_environment_secret_alias`, with the unread response; does not raise for an error status."""
        return self.api_client.open(CREATE_ALIAS, (environment_id, secret_id), key, options)

    def create_environment_secret_override(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        value: models.Value | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Secret:
        """Give a secret of a higher scope another value, at the environment.

        The key stays. The override is deleted with the secret. The request is not retried after a lost
        response: the error then has `outcome_unknown` set.

        Args:
            environment_id: The environment.
            secret_id: The secret to override.
            value: The other value.
            options: See `RequestOptions`.

        Returns:
            The override; `overridden_secret` describes the secret it replaces.
        """
        return self.api_client.call(CREATE_OVERRIDE, (environment_id, secret_id), value, options).data

    def create_environment_secret_override_with_http_info(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        value: models.Value | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[Secret]:
        """`create_environment_secret_override`, with the status and headers of the response."""
        return self.api_client.call(CREATE_OVERRIDE, (environment_id, secret_id), value, options)

    def create_environment_secret_override_without_preload_content(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        value: models.Value | Mapping[str, Any] | None = None,
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`create_environment_secret_override`, with the unread response; does not raise for an error status."""
        return self.api_client.open(CREATE_OVERRIDE, (environment_id, secret_id), value, options)

    def delete_environment_secret(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> None:
        """Delete a secret of an environment, and with it its aliases and overrides.

        A BUILT_IN secret cannot be deleted. A delete is retried after a lost response; if the secret is then
        not there any more, the call has succeeded.

        Args:
            environment_id: The environment.
            secret_id: The secret to delete.
            options: See `RequestOptions`.
        """
        self.api_client.call(DELETE, (environment_id, secret_id), None, options)

    def delete_environment_secret_with_http_info(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[None]:
        """`delete_environment_secret`, with the status and headers of the response."""
        return self.api_client.call(DELETE, (environment_id, secret_id), None, options)

    def delete_environment_secret_without_preload_content(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`delete_environment_secret`, with the unread response; does not raise for an error status."""
        return self.api_client.open(DELETE, (environment_id, secret_id), None, options)

    def edit_environment_secret(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        secret_edit_request: models.SecretEditRequest | Mapping[str, Any],
        **options: Unpack[RequestOptions],
    ) -> Secret:
        """Change a secret of an environment; its aliases stay.

        A BUILT_IN secret cannot be changed, nor the key of an override, nor the value of an alias, nor scope
        and mount path of any. Without a value, the stored one stays.

        Args:
            environment_id: The environment.
            secret_id: The secret to change.
            secret_edit_request: The key, and what is to change.
            options: See `RequestOptions`.

        Returns:
            The changed secret, without its value.
        """
        return self.api_client.call(EDIT, (environment_id, secret_id), secret_edit_request, options).data

    def edit_environment_secret_with_http_info(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        secret_edit_request: models.SecretEditRequest | Mapping[str, Any],
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[Secret]:
        """`edit_environment_secret`, with the status and headers of the response."""
        return self.api_client.call(EDIT, (environment_id, secret_id), secret_edit_request, options)

    def edit_environment_secret_without_preload_content(
        self,
        environment_id: str | UUID,
        secret_id: str | UUID,
        secret_edit_request: models.SecretEditRequest | Mapping[str, Any],
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`edit_environment_secret`, with the unread response; does not raise for an error status."""
        return self.api_client.open(EDIT, (environment_id, secret_id), secret_edit_request, options)

    def list_environment_secrets(
        self,
        environment_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> SecretResponseList:
        """List the secrets that an environment sees.

        These are its own, those inherited from its project, and BUILT_IN ones, with aliases and overrides, in
        no defined order and never with a value.

        Args:
            environment_id: The environment.
            options: See `RequestOptions`.

        Returns:
            All of them; there are no pages.
        """
        return self.api_client.call(LIST, (environment_id,), None, options).data

    def list_environment_secrets_with_http_info(
        self,
        environment_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> ApiResponse[SecretResponseList]:
        """`list_environment_secrets`, with the status and headers of the response."""
        return self.api_client.call(LIST, (environment_id,), None, options)

    def list_environment_secrets_without_preload_content(
        self,
        environment_id: str | UUID,
        **options: Unpack[RequestOptions],
    ) -> RawResponse:
        """`list_environment_secrets`, with the unread response; does not raise for an error status."""
        return self.api_client.open(LIST, (environment_id,), None, options)

"""`Secret`: a secret as the service describes it."""

from qovery.models.api_variable_scope_enum import APIVariableScopeEnum
from qovery.models.api_variable_type_enum import APIVariableTypeEnum
from qovery.models.base import Base
from qovery.models.linked_service_type_enum import LinkedServiceTypeEnum
from qovery.models.secret_alias import SecretAlias
from qovery.models.secret_override import SecretOverride
from qovery.models.secret_table import SecretTable


class Secret(SecretTable, Base):
    """A secret as the service describes it: everything but its value, which never comes back."""

    key: str
    """The key; case-sensitive."""
    overridden_secret: SecretOverride | None = None
    """The secret that this one overrides."""
    aliased_secret: SecretAlias | None = None
    """The secret that this one is an alias of."""
    scope: APIVariableScopeEnum
    """The scope that it belongs to."""
    variable_type: APIVariableTypeEnum | None = None
    """How it is defined, for example `VALUE`, `ALIAS` or `FILE`."""
    service_id: str | None = None
    """The id of the service that a BUILT_IN secret comes from."""
    service_name: str | None = None
    """The name of that service."""
    service_type: LinkedServiceTypeEnum | None = None
    """The type of that service."""
    owned_by: str | None = None
    """Who manages it, for example `QOVERY` or `DOPPLER`."""
    description: str | None = None
    """A free-text note."""
    enable_interpolation_in_file: bool | None = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""

    def _secrets(self) -> "list[Secret]":
        return [self]

"""`SecretAlias`: the secret that an alias stands for."""

from qovery.models.api_variable_scope_enum import APIVariableScopeEnum
from qovery.models.api_variable_type_enum import APIVariableTypeEnum
from qovery.models.response_model import ResponseModel


class SecretAlias(ResponseModel):
    """The secret that an alias stands for, as it appears in `Secret.aliased_secret`."""

    id: str
    """The id of that secret."""
    key: str
    """The key of that secret."""
    mount_path: str | None
    """Where it is found as a file; None unless it is a file."""
    scope: APIVariableScopeEnum
    """The scope that it belongs to."""
    variable_type: APIVariableTypeEnum
    """How it is defined, for example `VALUE`, `ALIAS` or `FILE`."""
    description: str | None = None
    """A free-text note."""
    enable_interpolation_in_file: bool | None = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""

"""The models of the service, one per file. Each is loaded when it is first used."""

# As in `qovery/__init__.py`.
TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from qovery.models.api_variable_scope_enum import APIVariableScopeEnum as APIVariableScopeEnum
    from qovery.models.api_variable_type_enum import APIVariableTypeEnum as APIVariableTypeEnum
    from qovery.models.base import Base as Base
    from qovery.models.key import Key as Key
    from qovery.models.linked_service_type_enum import LinkedServiceTypeEnum as LinkedServiceTypeEnum
    from qovery.models.secret import Secret as Secret
    from qovery.models.secret_alias import SecretAlias as SecretAlias
    from qovery.models.secret_edit_request import SecretEditRequest as SecretEditRequest
    from qovery.models.secret_override import SecretOverride as SecretOverride
    from qovery.models.secret_request import SecretRequest as SecretRequest
    from qovery.models.secret_response_list import SecretResponseList as SecretResponseList
    from qovery.models.value import Value as Value

_FILES = {
    "APIVariableScopeEnum": "api_variable_scope_enum",
    "APIVariableTypeEnum": "api_variable_type_enum",
    "Base": "base",
    "Key": "key",
    "LinkedServiceTypeEnum": "linked_service_type_enum",
    "Secret": "secret",
    "SecretAlias": "secret_alias",
    "SecretEditRequest": "secret_edit_request",
    "SecretOverride": "secret_override",
    "SecretRequest": "secret_request",
    "SecretResponseList": "secret_response_list",
    "Value": "value",
}

__all__ = list(_FILES)  # pyright: ignore[reportUnsupportedDunderAll] - held to the imports by a test

if not TYPE_CHECKING:  # type checkers would accept every name

    def __getattr__(name: str) -> object:
        file = _FILES.get(name, name)
        if file not in _FILES.values():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f"{__name__}.{file}")
        if name == file:
            return module
        value = getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FILES, *_FILES.values()})

"""A client for the secrets of Qovery environments.

The names below are loaded when they are first used, so `import qovery` costs next to nothing.
"""

from qovery._version import __version__ as __version__

# What type checkers take for `typing.TYPE_CHECKING`, without its import. For Jedi, no False without a type.
TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from qovery import api as api
    from qovery import api_client as api_client
    from qovery import api_response as api_response
    from qovery import configuration as configuration
    from qovery import exceptions as exceptions
    from qovery import models as models
    from qovery import rest as rest
    from qovery import sandbox as sandbox
    from qovery import sync as sync
    from qovery.api.environment_secret_api import EnvironmentSecretApi as EnvironmentSecretApi
    from qovery.api_client import ApiClient as ApiClient
    from qovery.api_response import ApiResponse as ApiResponse
    from qovery.configuration import Configuration as Configuration
    from qovery.exceptions import ApiAttributeError as ApiAttributeError
    from qovery.exceptions import ApiConnectionError as ApiConnectionError
    from qovery.exceptions import ApiDecodeError as ApiDecodeError
    from qovery.exceptions import ApiException as ApiException
    from qovery.exceptions import ApiImportError as ApiImportError
    from qovery.exceptions import ApiKeyError as ApiKeyError
    from qovery.exceptions import ApiTimeoutError as ApiTimeoutError
    from qovery.exceptions import ApiTypeError as ApiTypeError
    from qovery.exceptions import ApiValueError as ApiValueError
    from qovery.exceptions import ApplyError as ApplyError
    from qovery.exceptions import ApplyInterrupted as ApplyInterrupted
    from qovery.exceptions import BadRequestException as BadRequestException
    from qovery.exceptions import ConflictException as ConflictException
    from qovery.exceptions import DotenvError as DotenvError
    from qovery.exceptions import ForbiddenException as ForbiddenException
    from qovery.exceptions import InsecureWarning as InsecureWarning
    from qovery.exceptions import MissingExtraError as MissingExtraError
    from qovery.exceptions import NotFoundException as NotFoundException
    from qovery.exceptions import OpenApiException as OpenApiException
    from qovery.exceptions import PlanChangedError as PlanChangedError
    from qovery.exceptions import PlanConflictError as PlanConflictError
    from qovery.exceptions import PlanHostError as PlanHostError
    from qovery.exceptions import ServiceException as ServiceException
    from qovery.exceptions import SkippedError as SkippedError
    from qovery.exceptions import StateFileWarning as StateFileWarning
    from qovery.exceptions import SyncError as SyncError
    from qovery.exceptions import TooManyRequestsException as TooManyRequestsException
    from qovery.exceptions import UnauthorizedException as UnauthorizedException
    from qovery.exceptions import UnprocessableEntityException as UnprocessableEntityException
    from qovery.models import APIVariableScopeEnum as APIVariableScopeEnum
    from qovery.models import APIVariableTypeEnum as APIVariableTypeEnum
    from qovery.models import Base as Base
    from qovery.models import Key as Key
    from qovery.models import LinkedServiceTypeEnum as LinkedServiceTypeEnum
    from qovery.models import Secret as Secret
    from qovery.models import SecretAlias as SecretAlias
    from qovery.models import SecretEditRequest as SecretEditRequest
    from qovery.models import SecretOverride as SecretOverride
    from qovery.models import SecretRequest as SecretRequest
    from qovery.models import SecretResponseList as SecretResponseList
    from qovery.models import Value as Value
    from qovery.operation import RequestOptions as RequestOptions
    from qovery.redaction.validation import ApiValidationError as ApiValidationError

_HOMES = {
    "APIVariableScopeEnum": "models",
    "APIVariableTypeEnum": "models",
    "ApiAttributeError": "exceptions",
    "ApiClient": "api_client",
    "ApiConnectionError": "exceptions",
    "ApiDecodeError": "exceptions",
    "ApiException": "exceptions",
    "ApiImportError": "exceptions",
    "ApiKeyError": "exceptions",
    "ApiResponse": "api_response",
    "ApiTimeoutError": "exceptions",
    "ApiTypeError": "exceptions",
    "ApiValidationError": "redaction.validation",
    "ApiValueError": "exceptions",
    "ApplyError": "exceptions",
    "ApplyInterrupted": "exceptions",
    "BadRequestException": "exceptions",
    "Base": "models",
    "Configuration": "configuration",
    "ConflictException": "exceptions",
    "DotenvError": "exceptions",
    "EnvironmentSecretApi": "api.environment_secret_api",
    "ForbiddenException": "exceptions",
    "InsecureWarning": "exceptions",
    "Key": "models",
    "LinkedServiceTypeEnum": "models",
    "MissingExtraError": "exceptions",
    "NotFoundException": "exceptions",
    "OpenApiException": "exceptions",
    "PlanChangedError": "exceptions",
    "PlanConflictError": "exceptions",
    "PlanHostError": "exceptions",
    "RequestOptions": "operation",
    "Secret": "models",
    "SecretAlias": "models",
    "SecretEditRequest": "models",
    "SecretOverride": "models",
    "SecretRequest": "models",
    "SecretResponseList": "models",
    "ServiceException": "exceptions",
    "SkippedError": "exceptions",
    "StateFileWarning": "exceptions",
    "SyncError": "exceptions",
    "TooManyRequestsException": "exceptions",
    "UnauthorizedException": "exceptions",
    "UnprocessableEntityException": "exceptions",
    "Value": "models",
}

#: Modules that may be reached as `qovery.exceptions` and the like after a plain `import qovery`.
_MODULES = {
    "api",
    "api_client",
    "api_response",
    "configuration",
    "exceptions",
    "models",
    "rest",
    "sandbox",
    "sync",
}

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll] - held to the imports by a test

if not TYPE_CHECKING:  # type checkers would accept every name

    def __getattr__(name: str) -> object:
        if name in {"apis", "model"}:  # of 1.0.3
            import sys

            from qovery.legacy import module_problem

            raise module_problem(name, sys._getframe(1).f_code.co_name)
        if name not in _HOMES and name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])

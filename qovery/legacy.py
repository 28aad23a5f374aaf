"""Names of generated clients that this one lacks. Using one raises an error that names its section of the guide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from qovery.exceptions import ApiAttributeError, ApiImportError, ApiTypeError, OpenApiException
from qovery.origins import raise_from_signal_handler

GUIDE = "docs/guides/migration.md"


def _table(sections: Mapping[str, Mapping[str, tuple[str, ...]]]) -> dict[str, str]:
    """The names, each with what an error says about it; given by section of the guide and what to do instead."""
    return {
        name: f"{advice}; see {GUIDE}#{section}"
        for section, advices in sections.items()
        for advice, names in advices.items()
        for name in names
    }


SETTINGS = _table(
    {
        "arguments-of-configuration": {
            "the API has no basic authentication": ("username", "password", "get_basic_auth_token"),
            "set host": (
                "server_index",
                "server_variables",
                "server_operation_index",
                "server_operation_variables",
                "ignore_operation_servers",
                "get_host_settings",
                "get_host_from_settings",
            ),
            "no request has a time, no response is a file": ("datetime_format", "date_format", "temp_folder_path"),
            "requests are always checked, ids always encoded": ("client_side_validation", "safe_chars_for_path_param"),
            'set up logging.getLogger("qovery")': (
                "logger",
                "logger_file",
                "logger_file_handler",
                "logger_format",
                "logger_formatter",
                "logger_stream_handler",
            ),
        },
        "options-of-103": {
            "requests are always checked": ("discard_unknown_keys", "disabled_client_side_validations"),
        },
    }
)

CLIENT = _table(
    {
        "internal-methods": {
            "use ApiClient.call": (
                "call_api",
                "param_serialize",
                "deserialize",
                "response_deserialize",
                "parameters_to_tuples",
                "parameters_to_url_query",
                "files_parameters",
                "update_params_for_auth",
            ),
            "no operation passes through it": (
                "sanitize_for_serialization",
                "select_header_accept",
                "select_header_content_type",
            ),
        },
        "arguments-of-configuration": {"requests are always checked": ("client_side_validation",)},
        "options-of-103": {"share one client among threads of your own": ("pool_threads",)},
    }
)

REST_CLIENT = _table(
    {
        "internal-methods": {
            "no operation passes through it": ("request",),
            "use request": ("GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"),
        },
        "pool": {"use the settings of Configuration, and close()": ("pool_manager",)},
    }
)

OPTIONS = _table(
    {
        "options-of-103": {
            "use a thread of your own": ("async_req",),
            "use the method that ends in _without_preload_content": ("_preload_content",),
            "use the method that ends in _with_http_info": ("_return_http_data_only",),
            "requests are always checked": ("_check_input_type", "_check_return_type", "_spec_property_naming"),
        },
    }
)

MODEL = _table({"item-access": {"fields are attributes": ("get",)}})

PACKAGE = _table(
    {
        "modules-of-103": {
            "use qovery.api, or qovery.EnvironmentSecretApi": ("apis",),
            "use qovery.models, or qovery.SecretRequest and so on": ("model",),
        },
    }
)


def camel_case_hint(name: object, known: Iterable[str] = ()) -> str | None:
    """What to do about a name in camel case; None for other names. An option of a call has a `_` in front."""
    if not isinstance(name, str) or len(name) > 100 or not re.fullmatch("[a-z]+(?:[A-Z][a-z]*)+", name):
        return None
    snake = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    snake = f"_{snake}" if f"_{snake}" in known else snake
    return f"names are in snake case: {snake}; see {GUIDE}#camel-case-names"


def name_hint(legacy: Mapping[str, str], known: Iterable[str], *names: Any) -> str:
    """What an error adds about unknown names: the advice for a `legacy` one, else the nearest of the `known` ones."""
    known = tuple(known)
    advices = (legacy.get(name) or camel_case_hint(name, known) for name in names)
    advice = next(filter(None, advices), None)
    if advice:
        return f": {advice}"
    try:
        from qovery.nearest import nearest  # only errors need it
    except (ImportError, OSError) as problem:  # such as in a process without free file descriptors
        raise_from_signal_handler(problem)
        return ""
    return nearest(known, *names)


def module_problem(name: str, reader: str) -> OpenApiException:
    """The error for a module of 1.0.3, which the function `reader` asks for.

    That is Python's own for `from qovery import apis`, where an AttributeError would be replaced by one that says less.
    """
    kind = ApiImportError if reader == "_handle_fromlist" else ApiAttributeError
    return kind(f"qovery has no module {name!r}: {PACKAGE[name]}")


def argument_problem(function: Any, args: Sequence[object], names: Iterable[str]) -> ApiTypeError | None:
    """The error for a call that Python rejected: too many arguments by position, or names that the function lacks.

    None if there is nothing to say of them.
    """
    from inspect import CO_VARKEYWORDS  # only errors need it

    code, owner = function.__code__, args[0] if args else None
    called = function.__qualname__.removesuffix(".__init__").replace("BaseModel", type(owner).__name__)
    by_position = [name for name in code.co_varnames[: code.co_argcount] if name not in {"self", "cls"}]
    if len(args) > code.co_argcount:
        known = " and ".join(filter(None, [", ".join(by_position[:-1]), *by_position[-1:]]))
        if not known:
            return ApiTypeError(f"{called} takes no positional arguments: pass them by name")
        return ApiTypeError(f"{called} takes only {known} by position: pass the others by name")
    accepted = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]} - {"self", "cls"}
    unknown = [name for name in names if name not in accepted]
    hint = name_hint(owner._legacy if isinstance(owner, LegacyNames) else {}, accepted, *unknown)
    if not unknown or (code.co_flags & CO_VARKEYWORDS and not hint):
        return None
    return ApiTypeError(f"{called} has no argument {', '.join(map(repr, unknown))}{hint}")


class LegacyNames:
    """The base of a class that a generated client has too. Names that do nothing here cannot be used or overridden."""

    _legacy: ClassVar[Mapping[str, str]]  # one of the tables above

    if not TYPE_CHECKING:  # type checkers report the names as they report any other that does not exist

        def __init_subclass__(cls, **options):
            super().__init_subclass__(**options)
            home = next(base for base in cls.__mro__ if "_legacy" in vars(base))
            for name, text in cls._legacy.items():
                if getattr(cls, name, None) is not getattr(home, name, None):
                    raise ApiTypeError(f"{cls.__name__}.{name} would never be called: {text}")

        def __getattr__(self, name):
            text = self._legacy.get(name)
            if text is not None:
                raise ApiAttributeError(f"{type(self).__name__} has no attribute {name!r}: {text}")
            return object.__getattribute__(self, name)  # raises what Python raises

        def __setattr__(self, name, value):
            text = self._legacy.get(name)
            if text is not None:
                del value  # the frame stays with the error
                raise ApiAttributeError(f"{type(self).__name__}.{name} cannot be set: {text}")
            super().__setattr__(name, value)

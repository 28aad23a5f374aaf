"""`Desired`: the desired state of an environment, validated, and the rules for keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.models import SecretRequest

_NAME = re.compile(r"[A-Za-z0-9_]+").fullmatch


@dataclass(frozen=True)
class Desired:
    """The desired state of an environment, and which changes are allowed to reach it."""

    values: Mapping[str, SecretRequest]
    aliases: Mapping[str, str]
    prune: bool = False
    replace: bool = False
    allow_key_like_values: bool = False

    @classmethod
    def read(
        cls, values: Mapping[str, Any], aliases: Mapping[str, str] | None, allow_empty: bool = False, **rules: bool
    ) -> Desired:
        """Validate and copy the arguments of a caller, so that later changes to them have no effect."""
        if not isinstance(values, Mapping) or not isinstance(aliases or {}, Mapping):
            raise ApiTypeError("the desired secrets and aliases must be mappings")
        aliases = dict(aliases or {})
        for key, target in aliases.items():
            if not isinstance(key, str) or not isinstance(target, str):
                raise ApiTypeError(f"the alias {key!r} must map a key to a key")
        duplicates = sorted(aliases.keys() & values.keys())
        if duplicates:
            raise ApiValueError(f"{', '.join(duplicates)} cannot be a secret and an alias at once")
        desired = cls({key: _request(key, value) for key, value in values.items()}, aliases, **rules)
        if desired.prune and not (values or aliases or allow_empty):
            raise ApiValueError(
                "the desired state is empty, so prune=True would delete all secrets of the environment: "
                "pass allow_empty=True if that is the intent"
            )
        return desired


def character_problem(key: str) -> str | None:
    """Return which characters make a text no key at all, whether a secret has it already or not."""
    return None if _NAME(key) else "a key consists of letters, digits and _"


def key_problem(key: str) -> str | None:
    """Return why the service, as documented, rejects a new key, or None if it accepts it."""
    problem = character_problem(key)
    if problem:
        return problem
    if not key[0].isalpha():
        return "a key starts with a letter"
    if key.upper().startswith("QOVERY_"):
        return "keys that start with QOVERY_ are reserved"
    return None


def _request(key: object, value: object) -> SecretRequest:
    if not isinstance(key, str):
        raise ApiTypeError(f"a key must be a str, not {type(key).__name__}")
    if isinstance(value, SecretRequest):
        if value.key != key:
            raise ApiValueError(f"the request under {key!r} has another key, {value.key!r}")
        return value.model_copy()
    if isinstance(value, str | SecretStr):
        return SecretRequest(key=key, value=value)  # type: ignore[arg-type]  # SecretText reveals a SecretStr
    raise ApiTypeError(
        f"the value of {key!r} must be a str, a SecretStr or a SecretRequest, not {type(value).__name__}"
    )

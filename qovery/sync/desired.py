"""`Desired`: the desired state of an environment, validated, and the rules for keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, get_args

from pydantic import SecretStr

from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.models import Secret, SecretRequest
from qovery.sync.state_file import RecordedState, Status
from qovery.sync.value_checks import ValueRule, allowed_rules, objections

Existing = Literal["update", "keep", "fail"]
"""The policy for a desired key that the environment already sees: write it, leave it unchanged, or a conflict."""


class Keep(Enum):
    """The type of `KEEP`."""

    KEEP = "KEEP"

    def __repr__(self) -> str:
        return self.value


KEEP: Final = Keep.KEEP
"""A desired key without a value: it must exist, and its value is never sent."""

DesiredValue: TypeAlias = str | SecretStr | SecretRequest | Keep | Callable[[], str | SecretStr]

_NAME = re.compile(r"[A-Za-z0-9_]+").fullmatch


@dataclass(frozen=True)
class Desired:
    """The desired state of an environment, and which changes are allowed to reach it.

    Attributes:
        values: The desired secrets by key. A request without a value keeps the value that exists.
        aliases: The target of each desired alias.
        factories: The callables that make the values of new secrets, by key.
        renames: The old key of each key that an existing secret gets.
        existing: The policy for existing keys, where it is not `default_existing`.
        prune_prefixes: The prefixes of keys that may be pruned.
        prune_recorded: Whether only secrets that the state file knows may be pruned.
        recorded: The entries of the environment in the state file.
    """

    values: Mapping[str, SecretRequest]
    aliases: Mapping[str, str]
    factories: Mapping[str, Callable[[], str | SecretStr]] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    existing: Mapping[str, Existing] = field(default_factory=dict)
    default_existing: Existing = "update"
    prune: bool = False
    prune_prefixes: tuple[str, ...] = ("",)
    prune_recorded: bool = False
    replace: bool = False
    allow_key_like_values: bool = False
    allowed: Mapping[str, frozenset[ValueRule]] = field(default_factory=dict)
    objections: Mapping[str, str] = field(default_factory=dict)
    """Why values are not written, by key; see `value_checks`."""
    recorded: RecordedState | None = None

    @classmethod
    def read(
        cls,
        values: Mapping[str, Any],
        aliases: Mapping[str, str] | None = None,
        *,
        renames: Mapping[str, str] | None = None,
        existing: Existing | Mapping[str, Existing] = "update",
        prune_prefix: str | tuple[str, ...] | None = None,
        allow: Mapping[str, Collection[ValueRule]] | None = None,
        recorded: RecordedState | None = None,
        allow_empty: bool = False,
        **rules: bool,
    ) -> Desired:
        """Validate and copy the arguments of a caller, so that later changes to them have no effect."""
        if not isinstance(values, Mapping):
            raise ApiTypeError("the desired secrets must be a mapping from keys to values")
        aliases = _pairs("alias", "aliases", aliases)
        new_keys = _new_keys(_pairs("rename", "renames", renames), {*values, *aliases})
        requests = {key: _request(key, value) for key, value in values.items()}
        requests.update({key: SecretRequest(key=key) for key in new_keys if key not in requests and key not in aliases})
        duplicates = sorted(aliases.keys() & requests.keys())
        if duplicates:
            raise ApiValueError(f"{', '.join(duplicates)} cannot be a secret and an alias at once")
        policies, default = _policies(existing, requests.keys())
        factories = {key: value for key, value in values.items() if callable(value)}
        for key in factories:
            if policies.get(key, default) != "keep":
                raise ApiValueError(
                    f"the value of {key!r} is a callable, which is only called for a new key: "
                    f"pass existing='keep' or existing={{{key!r}: 'keep'}}"
                )
        if rules.get("prune") and not (requests or aliases or allow_empty):
            raise ApiValueError(
                "the desired state is empty, so prune=True would delete all secrets of the environment: "
                "pass allow_empty=True if that is the intent"
            )
        prefixes = _prefixes(prune_prefix, prune=rules.get("prune", False))
        if rules.get("prune_recorded") and (recorded is None or not rules.get("prune")):
            raise ApiValueError("prune_recorded limits prune=True to what the state file knows: it needs both")
        allowed = allowed_rules(allow, requests.keys())
        return cls(
            requests,
            aliases,
            factories,
            new_keys,
            policies,
            default,
            prune_prefixes=prefixes,
            allowed=allowed,
            objections=objections(requests.values(), allowed),
            recorded=recorded,
            **rules,
        )

    def made(self, key: str) -> SecretRequest:
        """The request for a new secret whose value a callable makes, checked like any other value."""
        value = self.factories[key]()
        if not isinstance(value, str | SecretStr):
            raise ApiTypeError(f"the callable for {key!r} must return a str or a SecretStr, not {type(value).__name__}")
        request = _request(key, value)
        for problem in objections([request], self.allowed).values():
            raise ApiValueError(f"the callable for {key!r} returned what is not written: {problem}")
        return request

    def policy(self, key: str) -> Existing:
        """Return the policy for this key if it exists."""
        return self.existing.get(key, self.default_existing)

    def may_prune(self, secret: Secret) -> bool:
        """Whether this secret may be deleted because it is not desired."""
        known = not self.prune_recorded or (self.recorded is not None and self.recorded.has(secret))
        return known and secret.key.startswith(self.prune_prefixes)

    def status(self, request: SecretRequest, secret: Secret) -> Status:
        """Return the status of a desired request and an existing secret, according to the state file."""
        return "unknown" if self.recorded is None else self.recorded.status(request, secret)


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
        return SecretRequest(key=key, value=value)
    if value is KEEP or callable(value):
        return SecretRequest(key=key)
    raise ApiTypeError(
        f"the value of {key!r} must be a str, a SecretStr, a SecretRequest, KEEP or a callable, "
        f"not {type(value).__name__}"
    )


def _pairs(what: str, plural: str, pairs: Mapping[str, str] | None) -> dict[str, str]:
    if not isinstance(pairs or {}, Mapping):
        raise ApiTypeError(f"{plural} must be a mapping from keys to keys")
    for one, other in (pairs or {}).items():
        if not isinstance(one, str) or not isinstance(other, str):
            raise ApiTypeError(f"the {what} {one!r} must map a key to a key")
    return dict(pairs or {})


def _new_keys(renames: Mapping[str, str], desired: set[str]) -> dict[str, str]:
    """The renames by their new keys."""
    by_new = {new: old for old, new in renames.items()}
    twice = sorted(new for new, count in Counter(renames.values()).items() if count > 1)
    if twice:
        raise ApiValueError(f"several keys are renamed to {', '.join(twice)}")
    both = sorted(renames.keys() & (desired | by_new.keys()))
    if both:
        raise ApiValueError(f"{', '.join(both)} cannot be both renamed and desired")
    return by_new


def _policies(existing: object, keys: Any) -> tuple[Mapping[str, Existing], Existing]:
    policies = existing if isinstance(existing, Mapping) else {}
    for policy in policies.values() if isinstance(existing, Mapping) else [existing]:
        if policy not in get_args(Existing):
            raise ApiValueError(f"existing must be {', '.join(map(repr, get_args(Existing)))}, not {policy!r}")
    unknown = sorted(str(key) for key in policies if key not in keys)
    if unknown:
        raise ApiValueError(f"existing names keys that are not desired: {', '.join(unknown)}")
    return dict(policies), "update" if isinstance(existing, Mapping) else existing  # type: ignore[return-value]


def _prefixes(prefix: object, *, prune: bool) -> tuple[str, ...]:
    prefixes = ("",) if prefix is None else (prefix,) if isinstance(prefix, str) else prefix
    if not isinstance(prefixes, tuple) or not all(isinstance(one, str) for one in prefixes):
        raise ApiTypeError(f"prune_prefix must be a str or a tuple of them, not {type(prefix).__name__}")
    if prefix is not None and not (prune and all(prefixes) and prefixes):
        raise ApiValueError("prune_prefix limits prune=True to keys with this prefix: it needs prune=True and a prefix")
    return prefixes

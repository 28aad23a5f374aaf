"""`EnvironmentSecrets`: the secrets of an environment, one key at a time."""

from __future__ import annotations

import math
from collections.abc import Collection, ItemsView, Iterator, Mapping, ValuesView
from dataclasses import replace
from typing import Any, NoReturn
from uuid import UUID

from pydantic import SecretStr

from qovery.api.environment_secret_api import EnvironmentSecretApi
from qovery.exceptions import ApiKeyError, PlanConflictError
from qovery.models import Secret, SecretRequest, SecretResponseList
from qovery.redaction.sealing import sealed
from qovery.sync.action import Action
from qovery.sync.desired import Desired
from qovery.sync.inventory import OVERRIDE, Inventory, kind_of
from qovery.sync.plan import Plan
from qovery.sync.service import Service
from qovery.sync.value_checks import ValueRule
from qovery.table import ShownAsTable, Table


class EnvironmentSecrets(ShownAsTable, Mapping[str, Secret]):
    """The secrets that an environment sees, own and inherited, as a mapping of keys to `Secret`.

    Nothing is kept between accesses: `secrets[key]`, `in`, `len`, `print` and a loop send one list request each. For
    many accesses use `dict(secrets.items())`, which sends one for all. A secret of the environment hides an
    inherited one.

    Each write plans and applies that key only, and sends a list request first. After a lost response, another list
    shows whether the write was applied; if it was not, it is retried. A conflict raises `PlanConflictError`, and
    nothing is written. For a change that needs `replace=True`, use `plan_secrets`.

    Args:
        api: The API to list and write with.
        environment_id: The id of the environment.
    """

    def __init__(self, api: EnvironmentSecretApi, environment_id: str | UUID) -> None:
        self._api = api
        self._environment_id = environment_id

    # --- Reading ----------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Secret:
        secret = self._list().find(key)
        if secret is None:
            raise _missing(key)
        return secret

    def __iter__(self) -> Iterator[str]:
        return iter(self._visible())

    def __len__(self) -> int:
        return len(self._list().keys)

    def items(self) -> ItemsView[str, Secret]:
        """The keys and secrets of one list."""
        return self._visible().items()

    def values(self) -> ValuesView[Secret]:
        """The secrets of one list."""
        return self._visible().values()

    # Comparing two of them as mappings would send requests.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<EnvironmentSecrets: {self._environment_id}>"

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython prefers a class's own `__repr__` to this, if inherited

    def _table(self) -> Table:
        return SecretResponseList.model_construct(results=list(self._visible().values()))._table()

    def _list(self) -> Inventory:
        return Service(self._api, self._environment_id).inventory()

    def _visible(self) -> dict[str, Secret]:
        inventory = self._list()
        return {one.key: inventory.own.get(one.key, one) for one in inventory.by_id.values()}

    # --- Writing ----------------------------------------------------------------------------------

    @sealed
    def set(
        self,
        key: str,
        value: str | SecretStr | SecretRequest,
        *,
        allow: Collection[ValueRule] = (),
        allow_key_like_values: bool = False,
    ) -> Secret:
        """Create or edit a secret of the environment; override one that is inherited from PROJECT.

        Args:
            key: The key.
            value: The value, or a request with this key for a file or a description.
            allow: The rules for values that this one may break.
            allow_key_like_values: Write a value that equals a key. The service may turn the secret into an alias.

        Returns:
            The secret as the service returned it.

        Raises:
            ApiTypeError, ApiValueError: The key or value cannot be used; nothing was sent.
            PlanConflictError: It cannot be written, for the reason in the message; nothing was written.
            ApiException: A call failed. `outcome_unknown` says whether the service may have applied it.
        """
        plan = self._plan({key: value}, allow={key: allow}, allow_key_like_values=allow_key_like_values)
        return _apply(plan, key)

    @sealed
    def override(
        self,
        key: str,
        value: str | SecretStr | SecretRequest,
        *,
        allow: Collection[ValueRule] = (),
        allow_key_like_values: bool = False,
    ) -> Secret:
        """Override a secret that is inherited from PROJECT, or edit the override. Never creates another secret.

        The arguments `key`, `value`, `allow` and `allow_key_like_values`, the result and the errors are those of `set`.
        A key without a secret to override raises `PlanConflictError`.
        """
        plan = self._plan({key: value}, allow={key: allow}, allow_key_like_values=allow_key_like_values)
        action = plan.actions[0]
        if action.kind == "create":
            _refuse(action, "no secret of the project has this key, so there is nothing to override")
        if action.kind == "update" and action.secret is not None and kind_of(action.secret) != OVERRIDE:
            _refuse(action, "it is a secret of the environment itself, not of its project")
        return _apply(plan, key)

    @sealed
    def alias(self, key: str, target: str) -> Secret:
        """Create an alias, or return the existing one unchanged.

        Args:
            key: The key of the alias.
            target: The key of the secret that it refers to.

        Raises:
            ApiTypeError: A key is not a str; nothing was sent.
            PlanConflictError: The key is taken, or the target cannot be aliased; nothing was written.
            ApiException: A call failed.
        """
        return _apply(self._plan({}, {key: target}), key)

    @sealed
    def delete(self, key: str, *, cascade: bool = False) -> Secret:
        """Delete a secret of the environment, and return it. Deleting an override uncovers the project's secret.

        Args:
            key: The key.
            cascade: Delete its aliases too, as the service does in any case. Without it, aliases are a conflict.

        Raises:
            ApiKeyError: The key does not exist. This is a `KeyError` too.
            PlanConflictError: It is inherited, another tool manages it, or its aliases would be deleted with it;
                nothing was deleted.
            ApiException: A call failed.
        """
        service = _OneKey(self._api, self._environment_id, key)
        plan = Plan(service, Desired.read({}, prune=True, allow_empty=True))
        found = service.listed.find(key)
        if found is None:
            raise _missing(key)
        if key not in service.listed.own:
            action = Action("keep", key, "", found)
            _refuse(action, f"it is inherited, of scope {found.scope.value}")
        action = next(action for action in plan.actions if action.key == key)
        if action.kind != "delete":
            _refuse(action, action.reason.removeprefix("not desired, but "))
        if action.cascades and not cascade:
            _refuse(action, f"{', '.join(action.cascades)} would be deleted with it; pass cascade=True to delete both")
        return _apply(plan, key)

    def _plan(self, values: Mapping[str, Any], aliases: Mapping[str, str] | None = None, **rules: Any) -> Plan:
        return Plan(Service(self._api, self._environment_id), Desired.read(values, aliases, **rules))


class _OneKey(Service):
    """Shows a plan one secret of the environment and those deleted with it, so that it cannot prune any others."""

    listed: Inventory
    """The last list, complete."""

    def __init__(self, api: EnvironmentSecretApi, environment_id: str | UUID, key: str) -> None:
        super().__init__(api, environment_id)
        self._key = key

    def inventory(self, deadline: float = math.inf) -> Inventory:
        self.listed = super().inventory(deadline)
        own = self.listed.own.get(self._key)
        return Inventory([] if own is None else [own, *self.listed.dependents(own)])


def _apply(plan: Plan, key: str) -> Secret:
    """Apply the plan of one key, and return its secret or raise its error."""
    for action in plan.conflicts:
        _refuse(action, action.reason)
    report = plan._apply_now()
    for result in report.unfinished:
        assert result.error is not None  # noqa: S101 - for the type
        raise result.error
    secret = next(result.secret for result in report.results if result.key == key)
    assert secret is not None  # noqa: S101 - for the type; every success of a write has one
    return secret


def _refuse(action: Action, reason: str) -> NoReturn:
    verb = "deleted" if action.kind in {"delete", "keep"} else "written"
    conflict = replace(action, kind="conflict", reason=reason, request=None)
    raise PlanConflictError(f"{action.key} was not {verb}: {reason}", [conflict])


def _missing(key: object) -> ApiKeyError:
    return ApiKeyError(f"the environment has no secret {key!r}")

"""`decide`: the actions that lead from the current state to the desired one, as a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qovery.models import APIVariableScopeEnum, Secret, SecretRequest
from qovery.sync.action import Action
from qovery.sync.desired import Desired, key_problem
from qovery.sync.inventory import ALIAS, ENVIRONMENT, FILE, OVERRIDE, Inventory, is_unfinished_alias, kind_of, manager


def decide(inventory: Inventory, desired: Desired) -> tuple[Action, ...]:
    """Return the actions that lead to the desired state, in the order of the desired keys."""
    protected: frozenset[str] = frozenset()
    while True:
        actions = tuple(_Planner(inventory, desired, protected).actions())
        conflicts = {action.key for action in actions if action.kind == "conflict"}
        lost = {action.key for action in actions if not conflicts.isdisjoint(action.cascades)}
        if not lost:
            return actions
        protected |= lost  # deleting these would delete a desired key that is not recreated


class _Planner:
    def __init__(self, inventory: Inventory, desired: Desired, protected: frozenset[str]) -> None:
        self.inventory = inventory
        self.desired = desired
        self.protected = protected
        self.taken = inventory.keys | desired.values.keys() | desired.aliases.keys()
        self.found: list[Action] = []
        self.planned: dict[str, Action] = {}
        self.deleted: set[str] = set()

    def actions(self) -> list[Action]:
        for key, request in self.desired.values.items():
            self._add(self._value(key, request))
        # A deletion takes aliases with it, so existing ones with the right target come last.
        existing = {
            key: alias for key, target in self.desired.aliases.items() if (alias := self._alias_of(key, target))
        }
        for key, target in self.desired.aliases.items():
            if key not in existing:
                self._add(self._alias(key, target))
        for key, alias in existing.items():
            self._add([self._existing_alias(alias, self.desired.aliases[key])])
        if self.desired.prune:
            self._add(self._pruned())
        position = {key: at for at, key in enumerate((*self.desired.values, *self.desired.aliases))}
        return sorted(self.found, key=lambda action: position.get(action.key, len(position)))

    def _add(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.found.append(action)
            self.planned[action.key] = action
            if action.kind == "delete" and action.secret is not None:
                self.deleted.add(action.secret.id)

    # --- Values -----------------------------------------------------------------------------------

    def _value(self, key: str, request: SecretRequest) -> Iterator[Action]:
        own = self.inventory.own.get(key)
        if request.value in self.taken and not self.desired.allow_key_like_values:
            yield self._conflict(key, "the value equals a key, so the service may turn the secret into an alias", own)
        elif own is None:
            yield self._new_value(key, request)
        elif manager(own):
            yield self._conflict(key, f"managed by {manager(own)}", own)
        else:
            difference = self._difference(own, request)
            if difference is None:
                reason = "own override" if kind_of(own) == OVERRIDE else "own secret"
                yield Action(
                    "update", key, f"{reason}; always written, since values cannot be compared", own, None, (), request
                )
            else:
                yield from self._replaced(own, difference, self._new_value(key, request), self.desired.replace)

    def _difference(self, own: Secret, request: SecretRequest) -> str | None:
        """Return why an own secret cannot be edited: an edit changes neither its kind nor its mount path."""
        kind, wanted = kind_of(own), request.mount_path
        if kind == OVERRIDE:
            base = own.overridden_secret
            known = base.mount_path if base is not None else None
            return (
                None if wanted in {None, known} else f"it is an override, mounted {_where(known)}, not {_where(wanted)}"
            )
        if kind == ALIAS:
            target = own.aliased_secret
            return f"it is an alias{f' of {target.key}' if target else ''}, not a value"
        if (kind == FILE) != bool(wanted) or kind not in {"VALUE", FILE}:
            return f"its kind is {kind.value}, not {'FILE' if wanted else 'VALUE'}"
        known = self.inventory.mount_path(own)
        if wanted and known is None:
            return f"the service does not say whether it is mounted {_where(wanted)}"
        return None if wanted == known else f"it is mounted {_where(known)}, not {_where(wanted)}"

    def _new_value(self, key: str, request: SecretRequest) -> Action:
        inherited = self.inventory.inherited.get(key)
        if inherited is None:
            problem = key_problem(key)
            if problem:
                return self._conflict(key, f"the service rejects the key: {problem}")
            return Action("create", key, "new key", None, None, (), request)
        if inherited.scope != APIVariableScopeEnum.PROJECT:
            return self._conflict(key, f"inherited, of scope {inherited.scope.value}: cannot be overridden", inherited)
        known = self.inventory.mount_path(inherited)
        is_file = kind_of(inherited) == FILE
        if request.mount_path and (not is_file or known not in {None, request.mount_path}):
            problem = f"the project's secret is mounted {_where(known)}, and an override cannot change that"
            return self._conflict(key, problem, inherited)
        return Action("override", key, "inherited from PROJECT", inherited, None, (), request)

    # --- Aliases ----------------------------------------------------------------------------------

    def _alias_of(self, key: str, target: str) -> Secret | None:
        present = self.inventory.find(key)
        other = present.aliased_secret if present is not None else None
        return present if other is not None and other.key == target else None

    def _existing_alias(self, alias: Secret, target: str) -> Action:
        other = alias.aliased_secret
        if other is None or other.id not in self.deleted:
            return Action("keep", alias.key, f"already an alias of {target}", alias, target)
        problem = self._target_problem(target) or key_problem(alias.key)
        if problem:
            return self._conflict(alias.key, problem, alias)
        return Action("alias", alias.key, f"recreated, since it is deleted with {target}", None, target)

    def _alias(self, key: str, target: str) -> Iterator[Action]:
        present = self.inventory.find(key)
        problem = self._target_problem(target) or (key_problem(key) if key not in self.inventory.inherited else None)
        if key == target:
            problem = "a secret cannot be an alias of itself"
        new = Action("alias", key, "new alias", self._target(target), target)
        if problem:
            yield self._conflict(key, problem, present)
        elif key in self.inventory.inherited:
            inherited = self.inventory.inherited[key]
            yield self._conflict(key, f"a secret of scope {inherited.scope.value} has this key", inherited)
        elif present is not None:
            other = present.aliased_secret
            difference = f"an alias of {other.key}" if other else f"of kind {kind_of(present).value}"
            allowed = self.desired.replace or is_unfinished_alias(present, target)
            yield from self._replaced(present, f"it is {difference}, not an alias of {target}", new, allowed)
        else:
            yield new

    def _target(self, target: str) -> Secret | None:
        """The existing target of an alias, or None if it is created or recreated by this plan."""
        secret = self.inventory.find(target)
        return None if secret is None or secret.id in self.deleted else secret

    def _target_problem(self, target: str) -> str | None:
        """Return why nothing can be an alias of this key."""
        if target in self.desired.aliases:
            return f"the target {target} is a desired alias"
        secret, planned = self.inventory.find(target), self.planned.get(target)
        if planned is not None and planned.kind == "override":
            return f"the target {target} becomes an override, and an override cannot be aliased"
        if planned is not None and planned.kind == "create":
            return None
        if secret is None or secret.id in self.deleted:
            return f"the target {target} does not exist"
        kind = kind_of(secret)
        return f"the target {target} is an {kind.value}" if kind in {ALIAS, OVERRIDE} else None

    # --- Deletions --------------------------------------------------------------------------------

    def _replaced(self, own: Secret, difference: str, new: Action, allowed: bool) -> Iterator[Action]:
        """Delete and recreate, if that is allowed."""
        obstacle = self._obstacle(own)
        if new.kind == "conflict":
            yield new
        elif obstacle:
            yield self._conflict(own.key, f"{difference}; {obstacle}", own)
        elif not allowed:
            yield self._conflict(own.key, f"{difference}; use replace=True to delete and recreate it", own)
        else:
            deletion = self._delete(own, f"{difference}; recreated")
            yield replace(deletion, at_risk=(own.key, *deletion.cascades))
            yield new

    def _pruned(self) -> Iterator[Action]:
        needed = set(self.desired.aliases.values())
        wanted = self.desired.values.keys() | self.desired.aliases.keys()
        unwanted = [secret for key, secret in self.inventory.own.items() if key not in wanted]
        # Aliases come before their targets, so that each deletion is an action of its own.
        for secret in sorted(unwanted, key=lambda one: kind_of(one) != ALIAS):
            obstacle = self._obstacle(secret)
            if obstacle:
                yield Action("keep", secret.key, f"not desired, but {obstacle}", secret)
            elif secret.key in needed:
                yield Action("keep", secret.key, "not desired, but the target of a desired alias", secret)
            else:
                uncovers = "; the project's value becomes visible again" if kind_of(secret) == OVERRIDE else ""
                yield self._delete(secret, f"not desired{uncovers}")

    def _obstacle(self, own: Secret) -> str | None:
        """Return why a secret cannot be deleted: another tool manages it, or one that would be deleted with it."""
        who = manager(own)
        if who:
            return f"managed by {who}"
        if own.key in self.protected:
            return "a desired key with a conflict would be deleted with it"
        for child in self.inventory.dependents(own):
            who = manager(child) or (None if child.scope == ENVIRONMENT else child.scope.value)
            if who:
                return f"{child.key}, of {who}, would be deleted with it"
        return None

    def _delete(self, secret: Secret, reason: str) -> Action:
        cascades = tuple(sorted(child.key for child in self.inventory.dependents(secret)))
        return Action("delete", secret.key, reason, secret, None, cascades)

    def _conflict(self, key: str, reason: str, secret: Secret | None = None) -> Action:
        return Action("conflict", key, reason, secret)


def _where(path: str | None) -> str:
    return f"at {path}" if path else "nowhere"

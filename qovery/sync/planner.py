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
        self.renamed: dict[str, Secret] = {}  # by the new key

    def actions(self) -> list[Action]:
        for key, request in self.desired.values.items():
            self._add(self._value(key, request))
        # Deleting a secret deletes its aliases too, so existing aliases with the right target come last.
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
        own, present, policy = self.inventory.own.get(key), self.inventory.find(key), self.desired.policy(key)
        rename_problem = self._rename_problem(key)
        if rename_problem:
            yield self._conflict(key, rename_problem, own)
        elif present is not None and policy == "keep":
            yield Action("keep", key, "exists; existing='keep' leaves it unchanged", present)
        elif present is not None and policy == "fail":
            yield self._conflict(key, "already exists, and existing='fail'", present)
        elif problem := self._value_problem(key, request):
            yield self._conflict(key, problem, own)
        elif key in self.desired.renames and own is None and (old := self._old(key)) is not None:
            yield self._rename(key, old, request if policy != "keep" else SecretRequest(key=key))
        elif request.value is None and key not in self.desired.factories:
            yield self._kept(key, request)
        elif own is None:
            yield self._new_value(key, request)
        elif manager(own):
            yield self._conflict(key, f"managed by {manager(own)}", own)
        else:
            difference = self._difference(own, request)
            if difference is None:
                yield self._rewritten(key, own, request)
            else:
                yield from self._replaced(own, difference, self._new_value(key, request), self.desired.replace)

    def _value_problem(self, key: str, request: SecretRequest) -> str | None:
        if request.value in self.taken and not self.desired.allow_key_like_values:
            return "the value equals a key, so the service may turn the secret into an alias"
        return self.desired.objections.get(key)

    def _kept(self, key: str, request: SecretRequest) -> Action:
        """Keep the value of a secret; at most its description is written."""
        present = self.inventory.find(key)
        if present is None:
            return self._conflict(key, "does not exist, and KEEP has no value to create it with")
        if request.mount_path and request.mount_path != self.inventory.mount_path(present):
            where = _where(self.inventory.mount_path(present))
            return self._conflict(key, f"it is mounted {where}, not {_where(request.mount_path)}", present)
        if "description" not in request.model_fields_set or (request.description or "") == (present.description or ""):
            return Action("keep", key, "exists; its value is kept", present)
        if present.scope != ENVIRONMENT or manager(present):
            owner = manager(present) or present.scope.value
            return self._conflict(key, f"the description of a secret of {owner} cannot be changed", present)
        return Action("update", key, "new description; its value is kept", present, None, (), request)

    # --- Renames ----------------------------------------------------------------------------------

    def _old(self, key: str) -> Secret | None:
        """The environment's own secret that is renamed to this key."""
        return self.inventory.own.get(self.desired.renames.get(key, ""))

    def _rename_problem(self, key: str) -> str | None:
        old_key = self.desired.renames.get(key)
        old = None if old_key is None else self.inventory.find(old_key)
        if old_key is None or (old is None and self.inventory.find(key) is not None):
            return None  # no rename, or already done
        if old is None:
            has_value = self.desired.values[key].value is not None or key in self.desired.factories
            return None if has_value else f"cannot be renamed from {old_key}, which does not exist"
        if self.inventory.find(key) is not None:
            return f"cannot be renamed from {old_key}, since both exist"
        if old.scope != ENVIRONMENT or manager(old):
            return f"cannot be renamed from {old_key}, which belongs to {manager(old) or old.scope.value}"
        if kind_of(old) == OVERRIDE:
            return f"cannot be renamed from {old_key}, which is an override"
        return key_problem(key)

    def _rename(self, key: str, old: Secret, request: SecretRequest) -> Action:
        difference = None if request.value is None and not request.mount_path else self._difference(old, request)
        if difference:
            return self._conflict(key, f"cannot be renamed from {old.key}: {difference}", old)
        self.renamed[key] = old
        value = "its value is kept" if request.value is None else "its value is written"
        return Action("update", key, f"renamed from {old.key}; {value}", old, None, (), request)

    def _rewritten(self, key: str, own: Secret, request: SecretRequest) -> Action:
        """Write the value again, unless the state file shows that it is unchanged."""
        status = self.desired.status(request, own)
        if status == "unchanged":
            return Action("keep", key, "unchanged since the last apply", own)
        name = "own override" if kind_of(own) == OVERRIDE else "own secret"
        reason = {
            "changed": f"{name}; differs from the last write",
            "drift": f"{name}; drift: it was changed elsewhere since the last apply",
            "unknown": f"{name}; always written, since values cannot be compared",
        }[status]
        return Action("update", key, reason, own, None, (), request, drift=status == "drift")

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
        if other is None:
            return None
        renamed = self.renamed.get(target)
        return present if other.key == target or (renamed is not None and renamed.id == other.id) else None

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
        """The target of an alias, or None if it is created or recreated by this plan."""
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
        secret = secret or self.renamed.get(target)
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
        wanted = {*self.desired.values, *self.desired.aliases, *self.desired.renames.values()}
        unwanted = [
            secret for key, secret in self.inventory.own.items() if key not in wanted and self.desired.may_prune(secret)
        ]
        # Aliases come before their targets, so that each deletion is an action of its own.
        for secret in sorted(unwanted, key=lambda one: kind_of(one) != ALIAS):
            outside = [one.key for one in self.inventory.dependents(secret) if not self.desired.may_prune(one)]
            obstacle = self._obstacle(secret)
            if obstacle:
                yield Action("keep", secret.key, f"not desired, but {obstacle}", secret)
            elif outside:
                reason = f"not desired, but {', '.join(outside)}, which may not be pruned, would be deleted with it"
                yield Action("keep", secret.key, reason, secret)
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

"""The planner: what an environment has, and what it should have, become actions. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qovery.models import APIVariableScopeEnum, Secret, SecretRequest
from qovery.sync.action import Action
from qovery.sync.desired import Desired, refusal
from qovery.sync.inventory import ALIAS, ENVIRONMENT, FILE, OVERRIDE, Inventory, kind_of, manager


def decide(inventory: Inventory, desired: Desired) -> tuple[Action, ...]:
    """The actions that lead from an inventory to the desired state, by key in the order of the desire."""
    protected: frozenset[str] = frozenset()
    while True:
        actions = tuple(_Planner(inventory, desired, protected).actions())
        conflicts = {action.key for action in actions if action.kind == "conflict"}
        lost = {action.key for action in actions if not conflicts.isdisjoint(action.cascades)}
        if not lost:
            return actions
        protected |= lost  # to delete these would take a desired key away that is not made again


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
        # What is deleted takes its aliases with it, so those that are right already come last.
        right = {key: target for key, target in self.desired.aliases.items() if self._is_right(key, target)}
        for key, target in self.desired.aliases.items():
            if key not in right:
                self._add(self._alias(key, target))
        for key, target in right.items():
            self._add([self._right_alias(key, target)])
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
            yield self._conflict(key, "the value is the name of a key, so the service may make it an alias", own)
        elif own is None:
            yield self._new_value(key, request)
        elif manager(own):
            yield self._conflict(key, f"{manager(own)} manages it", own)
        else:
            difference = self._difference(own, request)
            if difference is None:
                reason = "own override" if kind_of(own) == OVERRIDE else "own secret"
                yield Action(
                    "update", key, f"{reason}; will write, since values cannot be compared", own, None, (), request
                )
            else:
                yield from self._replaced(own, difference, self._new_value(key, request))

    def _difference(self, own: Secret, request: SecretRequest) -> str | None:
        """What stands against an edit of an own secret, which changes neither its kind nor where it is mounted."""
        kind, wanted = kind_of(own), request.mount_path
        if kind == OVERRIDE:
            base = own.overridden_secret
            known = base.mount_path if base is not None else None
            return (
                None if wanted in {None, known} else f"it is an override, mounted {_where(known)}, not {_where(wanted)}"
            )
        if kind == ALIAS:
            target = own.aliased_secret
            return f"it is an alias{f' of {target.key}' if target else ''}, and a value is wanted"
        if (kind == FILE) != bool(wanted) or kind not in {"VALUE", FILE}:
            return f"its kind is {kind.value}, and {'FILE' if wanted else 'VALUE'} is wanted"
        known = self.inventory.mount_path(own)
        return None if wanted == known or known is None else f"it is mounted {_where(known)}, not {_where(wanted)}"

    def _new_value(self, key: str, request: SecretRequest) -> Action:
        inherited = self.inventory.inherited.get(key)
        if inherited is None:
            refused = refusal(key)
            if refused:
                return self._conflict(key, f"the service refuses the key: {refused}")
            return Action("create", key, "new key", None, None, (), request)
        if inherited.scope != APIVariableScopeEnum.PROJECT:
            return self._conflict(key, f"inherited, of scope {inherited.scope.value}: cannot be overridden", inherited)
        known = self.inventory.mount_path(inherited)
        is_file = kind_of(inherited) == FILE
        if request.mount_path and (not is_file or known not in {None, request.mount_path}):
            problem = f"the secret of the project is mounted {_where(known)}, and an override cannot change that"
            return self._conflict(key, problem, inherited)
        return Action("override", key, "inherited from PROJECT", inherited, None, (), request)

    # --- Aliases ----------------------------------------------------------------------------------

    def _is_right(self, key: str, target: str) -> bool:
        present = self.inventory.find(key)
        return present is not None and present.aliased_secret is not None and present.aliased_secret.key == target

    def _right_alias(self, key: str, target: str) -> Action:
        present = self.inventory.find(key)
        other = present.aliased_secret if present is not None else None
        if other is None or other.id not in self.deleted:
            return Action("keep", key, f"an alias of {target} already", present, target)
        problem = self._unfit(target)
        if problem:
            return self._conflict(key, problem, present)
        return Action("alias", key, f"deleted with {target}, so made again", None, target)

    def _alias(self, key: str, target: str) -> Iterator[Action]:
        present = self.inventory.find(key)
        problem = self._unfit(target) or (refusal(key) if present is None else None)
        if key == target:
            problem = "an alias of itself is not possible"
        new = Action("alias", key, "new alias", self._target(target), target)
        if problem:
            yield self._conflict(key, problem, present)
        elif key in self.inventory.inherited:
            inherited = self.inventory.inherited[key]
            yield self._conflict(key, f"the key is taken by a secret of scope {inherited.scope.value}", inherited)
        elif present is not None:
            other = present.aliased_secret
            difference = f"an alias of {other.key}" if other else f"of kind {kind_of(present).value}"
            yield from self._replaced(present, f"it is {difference}, and an alias of {target} is wanted", new)
        else:
            yield new

    def _target(self, target: str) -> Secret | None:
        """What an alias would stand for, unless that is yet to be made."""
        secret = self.inventory.find(target)
        return None if secret is None or secret.id in self.deleted else secret

    def _unfit(self, target: str) -> str | None:
        """Why nothing can be an alias of this key."""
        if target in self.desired.aliases:
            return f"{target} is to be an alias itself"
        secret, planned = self.inventory.find(target), self.planned.get(target)
        if planned is not None and planned.kind == "override":
            return f"{target} is to be an override, and an alias of an override is not possible"
        if planned is not None and planned.kind == "create":
            return None
        if secret is None or secret.id in self.deleted:
            return f"there is no {target}"
        kind = kind_of(secret)
        return f"{target} is an {kind.value} itself" if kind in {ALIAS, OVERRIDE} else None

    # --- Deletions --------------------------------------------------------------------------------

    def _replaced(self, own: Secret, difference: str, new: Action) -> Iterator[Action]:
        """Delete and make anew, where that is allowed."""
        others = self._others(own)
        if new.kind == "conflict":
            yield new
        elif others:
            yield self._conflict(own.key, f"{difference}; {others}", own)
        elif not self.desired.replace:
            yield self._conflict(own.key, f"{difference}; replace=True would delete it and make it anew", own)
        else:
            yield self._delete(own, f"{difference}; replaced")
            yield new

    def _pruned(self) -> Iterator[Action]:
        needed = set(self.desired.aliases.values())
        wanted = self.desired.values.keys() | self.desired.aliases.keys()
        unwanted = [secret for key, secret in self.inventory.own.items() if key not in wanted]
        # Aliases go before what they stand for, so each loss is an action of its own.
        for secret in sorted(unwanted, key=lambda one: kind_of(one) != ALIAS):
            others = self._others(secret)
            if others:
                yield Action("keep", secret.key, f"not desired, but {others}", secret)
            elif secret.key in needed:
                yield Action("keep", secret.key, "not desired, but a desired alias stands for it", secret)
            else:
                back = "; the project's value is seen again" if kind_of(secret) == OVERRIDE else ""
                yield self._delete(secret, f"not desired{back}")

    def _others(self, own: Secret) -> str | None:
        """Why a secret cannot be deleted: somebody else manages it, or what would be deleted with it."""
        who = manager(own)
        if who:
            return f"{who} manages it"
        if own.key in self.protected:
            return "a desired key that is in conflict would be deleted with it"
        for child in self.inventory.hanging_on(own):
            who = manager(child) or (None if child.scope == ENVIRONMENT else child.scope.value)
            if who:
                return f"{child.key}, of {who}, would be deleted with it"
        return None

    def _delete(self, secret: Secret, reason: str) -> Action:
        cascades = tuple(sorted(child.key for child in self.inventory.hanging_on(secret)))
        return Action("delete", secret.key, reason, secret, None, cascades)

    def _conflict(self, key: str, reason: str, secret: Secret | None = None) -> Action:
        return Action("conflict", key, reason, secret)


def _where(path: str | None) -> str:
    return f"at {path}" if path else "nowhere"

"""`Inventory`: the secrets of an environment, indexed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qovery.models import APIVariableScopeEnum, APIVariableTypeEnum, Secret

ENVIRONMENT = APIVariableScopeEnum.ENVIRONMENT
ALIAS, FILE, OVERRIDE = APIVariableTypeEnum.ALIAS, APIVariableTypeEnum.FILE, APIVariableTypeEnum.OVERRIDE


#: If inherited secrets share a key, the environment sees the one of the lowest scope. Unknown scopes, and those below
#: the environment, which it does not see, rank between these.
_RANKS = {APIVariableScopeEnum.PROJECT: 0, APIVariableScopeEnum.BUILT_IN: 2}


class Inventory:
    """The secrets of a list by key: own, inherited, and the dependents of each. The order of the list has no effect."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self.by_id: dict[str, Secret] = {}
        self.own: dict[str, Secret] = {}
        self.inherited: dict[str, Secret] = {}
        self._dependents: dict[str, list[Secret]] = {}
        self._mount_paths: dict[str, str | None] = {}
        for secret in sorted(secrets, key=_position):
            self.by_id.setdefault(secret.id, secret)
            (self.own if secret.scope == ENVIRONMENT else self.inherited).setdefault(secret.key, secret)
            other = secret.aliased_secret or secret.overridden_secret
            if other is not None:
                self._dependents.setdefault(other.id, []).append(secret)
                self._mount_paths.setdefault(other.id, other.mount_path)
        self.keys = frozenset(self.own) | frozenset(self.inherited)

    def changed_since(self, earlier: Inventory) -> list[str]:
        """The keys whose secrets were added, changed or deleted since an earlier list."""
        before, now = earlier.by_id, self.by_id
        ids = (one for one in before.keys() | now.keys() if before.get(one) != now.get(one))
        return sorted({(now.get(one) or before[one]).key for one in ids})

    def find(self, key: str) -> Secret | None:
        """The secret that the environment sees under this key."""
        return self.own.get(key) or self.inherited.get(key)

    def dependents(self, secret: Secret) -> Iterator[Secret]:
        """The aliases and overrides that are deleted with a secret, as far as the list shows them, transitively."""
        waiting = [secret.id]
        while waiting:
            for child in self._dependents.get(waiting.pop(), ()):
                if child.id != secret.id:  # each has one target, so a cycle leads back here
                    waiting.append(child.id)
                    yield child

    def mount_path(self, secret: Secret) -> str | None:
        """The mount path of a file, or None if the service does not return it."""
        path = (secret.model_extra or {}).get("mount_path") or self._mount_paths.get(secret.id)
        return path if isinstance(path, str) else None


def alias_description(target: str) -> str:
    """The description of a secret that should become an alias: it distinguishes the secret from others."""
    return f"Alias of {target}"[:255]


def is_unfinished_alias(secret: Secret, target: str) -> bool:
    """Whether a secret is a plain value that a killed apply left where it meant to create an alias."""
    return kind_of(secret) == APIVariableTypeEnum.VALUE and secret.description == alias_description(target)


def _position(secret: Secret) -> tuple[int, str, str, str, str]:
    written, kind = secret.updated_at or secret.created_at, secret.variable_type or ""
    return _RANKS.get(secret.scope, 1), secret.key, secret.id, str(written), kind


def kind_of(secret: Secret) -> APIVariableTypeEnum:
    """The kind of a secret; inferred if the service leaves it out."""
    if secret.variable_type is not None:
        return secret.variable_type
    if secret.aliased_secret is not None:
        return ALIAS
    return OVERRIDE if secret.overridden_secret is not None else APIVariableTypeEnum.VALUE


def manager(secret: Secret) -> str | None:
    """The tool that manages a secret, or None if it is Qovery."""
    return secret.owned_by if secret.owned_by and secret.owned_by.upper() != "QOVERY" else None

"""`Inventory`: the secrets that an environment has, arranged for questions about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qovery.models import APIVariableScopeEnum, APIVariableTypeEnum, Secret

ENVIRONMENT = APIVariableScopeEnum.ENVIRONMENT
ALIAS, FILE, OVERRIDE = APIVariableTypeEnum.ALIAS, APIVariableTypeEnum.FILE, APIVariableTypeEnum.OVERRIDE


class Inventory:
    """What a list of secrets says: which are the environment's own, what it inherits, and what hangs on what."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self.by_id: dict[str, Secret] = {}
        self.own: dict[str, Secret] = {}
        self.inherited: dict[str, Secret] = {}
        self._hanging: dict[str, list[Secret]] = {}
        self._mount_paths: dict[str, str | None] = {}
        for secret in secrets:
            self.by_id[secret.id] = secret
            (self.own if secret.scope == ENVIRONMENT else self.inherited)[secret.key] = secret
            other = secret.aliased_secret or secret.overridden_secret
            if other is not None:
                self._hanging.setdefault(other.id, []).append(secret)
                self._mount_paths[other.id] = other.mount_path
        self.keys = frozenset(self.own) | frozenset(self.inherited)

    def find(self, key: str) -> Secret | None:
        """What the environment sees under this key."""
        return self.own.get(key) or self.inherited.get(key)

    def hanging_on(self, secret: Secret) -> Iterator[Secret]:
        """The aliases and overrides that are deleted with a secret, as far as the list shows them."""
        seen, waiting = {secret.id}, [secret.id]
        while waiting:
            for child in self._hanging.get(waiting.pop(), ()):
                if child.id not in seen:
                    seen.add(child.id)
                    waiting.append(child.id)
                    yield child

    def mount_path(self, secret: Secret) -> str | None:
        """Where a file is mounted, or None where the service does not say."""
        path = (secret.model_extra or {}).get("mount_path") or self._mount_paths.get(secret.id)
        return path if isinstance(path, str) else None


def kind_of(secret: Secret) -> APIVariableTypeEnum:
    """The kind of a secret, also where the service leaves it out."""
    if secret.variable_type is not None:
        return secret.variable_type
    if secret.aliased_secret is not None:
        return ALIAS
    return OVERRIDE if secret.overridden_secret is not None else APIVariableTypeEnum.VALUE


def manager(secret: Secret) -> str | None:
    """Who else than Qovery manages a secret."""
    return None if (secret.owned_by or "QOVERY").upper() == "QOVERY" else secret.owned_by

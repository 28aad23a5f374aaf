"""The rules of the service as pure functions: why a request is rejected, and what it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, get_args

from qovery.sandbox.store.record import SCOPES, Record, Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qovery.models import Key, SecretEditRequest, SecretRequest, Value

Behaviour = Literal["documented", "observed"]
BEHAVIOURS: Final = get_args(Behaviour)


class RejectedError(Exception):
    """A request that the service rejects: the status and detail of its response, and other fields of the body."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None, **fields: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.fields: Mapping[str, object] = fields


class View(Protocol):
    """The secrets that one environment sees, and the behaviour to follow."""

    @property
    def behaviour(self) -> Behaviour: ...

    @property
    def project_id(self) -> str: ...

    def with_key(self, key: str) -> Sequence[Record]:
        """The secrets with this key, lowest scope first."""


def creation(view: View, request: SecretRequest) -> tuple[dict[str, Any], list[str]]:
    """Return the columns of a new secret, and the ids of the secrets that it replaces."""
    replaced: list[str] = []
    target = None
    if view.behaviour == "observed":
        check_new_key(request.key, view)
    else:
        _check_key(request.key)
        target = _target_of_value(request, view)
        replaced = [record.id for record in view.with_key(request.key) if record.scope == "ENVIRONMENT"]
    columns: dict[str, Any] = {
        "key": request.key,
        "description": request.description,
        "interpolated": request.enable_interpolation_in_file,
    }
    if target is not None:
        return {**columns, "kind": "ALIAS", "target": target.id}, replaced
    kind = "FILE" if request.mount_path else "VALUE"
    return {**columns, "kind": kind, "value": request.value or "", "mount_path": request.mount_path}, replaced


def _target_of_value(request: SecretRequest, view: View) -> Record | None:
    """Return the target if the value is another secret's key: it creates an alias in the documented behaviour."""
    if request.value == request.key:
        return None
    target = next(reversed(view.with_key(request.value or "")), None)
    if target is not None and target.kind == "ALIAS":
        raise RejectedError(400, "value: an alias of an alias is not possible")
    return target


def edition(view: View, record: Record, request: SecretEditRequest) -> dict[str, Any]:
    """Return the columns that an edit changes; fields that the request omits stay unchanged."""
    if request.key != record.key:
        if record.kind == "OVERRIDE":
            raise RejectedError(400, "key: the key of an override cannot be edited")
        check_new_key(request.key, view)
    changes: dict[str, Any] = {"key": request.key}
    fields = request.to_dict()
    if "description" in fields:
        changes["description"] = request.description
    if "enable_interpolation_in_file" in fields:
        changes["interpolated"] = request.enable_interpolation_in_file
    if request.value is not None:
        if record.kind == "ALIAS":
            changes["target"] = _new_target(view.behaviour, record, view.with_key(request.value))
        else:
            changes["value"] = request.value
    return changes


def _new_target(behaviour: Behaviour, alias: Record, named: Sequence[Record]) -> str:
    if behaviour == "documented":
        raise RejectedError(400, "value: the value of an alias cannot be edited")
    target = next((record for record in named if record.kind not in {"ALIAS", "OVERRIDE"}), None)
    if target is None:
        raise RejectedError(400, "value: must be the key of a secret that can be aliased")
    if bool(target.mount_path) != bool(alias.mount_path):
        raise RejectedError(400, "value: an alias cannot be pointed to a secret of another kind")
    return target.id


def alias(view: View, target: Record, request: Key) -> dict[str, Any]:
    """Return the columns of a new alias."""
    if target.kind == "ALIAS":
        raise RejectedError(400, "an alias of an alias is not possible")
    if view.behaviour == "documented":
        _check_higher(target, "Aliases")
    elif target.kind == "OVERRIDE":
        raise RejectedError(400, "an alias of an override is not possible")
    check_new_key(request.key, view)
    return {"kind": "ALIAS", "key": request.key, "value": None, **_derived(target, request)}


def override(view: View, target: Record, request: Value) -> dict[str, Any]:
    """Return the columns of a new override."""
    _check_higher(target, "Overrides")
    check_unused(target.key, "ENVIRONMENT", view)
    return {"kind": "OVERRIDE", "key": target.key, "value": request.value or "", **_derived(target, request)}


def _derived(target: Record, request: Key | Value) -> dict[str, Any]:
    return {
        "target": target.id,
        "mount_path": target.mount_path,
        "description": request.description,
        "interpolated": request.enable_interpolation_in_file,
    }


def check_scope(scope: str) -> None:
    """Reject a scope that the mock server does not support."""
    if scope not in get_args(Scope):
        raise RejectedError(400, f"scope must be {', '.join(get_args(Scope))}, not {scope!r}")


def check_own(record: Record) -> None:
    """Reject a change to an inherited secret."""
    if record.scope != "ENVIRONMENT":
        raise RejectedError(403, f"a secret of scope {record.scope} cannot be changed from an environment")


def check_unused(key: str, scope: str, view: View) -> None:
    """Reject a key that a secret of the same scope already has."""
    for record in view.with_key(key):
        if record.scope == scope:
            raise _exists(record, view)


def check_new_key(key: str, view: View) -> None:
    """Reject a key that is blank, or that the environment already sees."""
    _check_key(key)
    for record in view.with_key(key):
        raise _exists(record, view)


def unknown(behaviour: Behaviour, what: str, *, deleted: bool = False) -> RejectedError:
    """Return the error for a missing object: 404, or in the observed behaviour 403 unless it was deleted."""
    if behaviour == "documented" or deleted:
        return RejectedError(404, f"{what} does not exist")
    return RejectedError(403, f"access to this {what} is denied")


def _check_key(key: str) -> None:
    if not key.strip():
        raise RejectedError(400, "key: must not be empty")


def _check_higher(target: Record, what: str) -> None:
    if target.rank >= SCOPES.index("ENVIRONMENT"):
        raise RejectedError(400, f"{what} can only be created for a secret of a higher scope: {' > '.join(SCOPES)}")


def _exists(record: Record, view: View) -> RejectedError:
    existing = {
        "id": record.id,
        "key": record.key,
        "scope": record.scope,
        "project_id": view.project_id,
        "environment_id": None if record.scope == "PROJECT" else record.owner,
        "service_id": record.service_id,
    }
    return RejectedError(409, f"Variable already exists: {record.key}", existing_variable=existing)

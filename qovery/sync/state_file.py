"""`StateFile`: keyed fingerprints of the last writes, to distinguish unchanged secrets from drift."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timezone
from typing import Any, Literal
from uuid import UUID

from pydantic import SecretStr

from qovery.exceptions import ApiTypeError, ApiValueError, StateFileWarning
from qovery.models import Secret, SecretRequest
from qovery.origins import warn_caller
from qovery.printable import printable
from qovery.redaction.sealing import sealed
from qovery.sync.locked_file import locked, replace_file

#: `unchanged`: the last write is still desired, and the secret was not written since. `drift`: it is still desired, but
#: the secret was written or recreated elsewhere. `changed`: something else is desired. `unknown`: not in the file.
Status = Literal["unchanged", "drift", "changed", "unknown"]

_VERSION = 1
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Entry:
    """The entry of one secret in the file.

    Attributes:
        id: The id that the service returned.
        updated_at: The time of our last write, as the service returned it, in ISO 8601 and UTC.
        fingerprint: The HMAC of everything that was written; None for an alias.
        value: The HMAC of the value alone, the same in every environment; None for an alias.
    """

    id: str
    updated_at: str | None
    fingerprint: str | None
    value: str | None


class StateFile:
    """A file with fingerprints of the last writes, so that a plan can distinguish unchanged secrets from drift.

    It stores hosts, environment ids, keys, ids and times in plain text, and HMACs of what was written. A guessed value
    cannot be checked against it without the key, but it shows which secrets have the same value. One file can serve
    many environments and concurrent processes. It has mode 0600, and is replaced atomically.

    A file that is damaged, unreadable or of another key is treated as missing, with a `StateFileWarning`: every secret
    is unknown then. Writes that cannot be recorded are sent again by the next plan. Neither stops a plan or an apply.

    Args:
        path: The path of the file; its folder must exist. A symbolic link is neither read nor replaced.
        key: The secret key of the fingerprints, random and at least 16 bytes long. White space around a str is
            removed. Several keys may share a file: each sees its own entries.

    Raises:
        ApiTypeError, ApiValueError: The path or the key is invalid.
    """

    @sealed
    def __init__(self, path: str | os.PathLike[str], key: str | bytes | SecretStr) -> None:
        self._fingerprint = _Fingerprint(_key_bytes(key))
        self._key_id = self._fingerprint("key")
        self.path = _checked_path(path)
        """The absolute path."""

    def __repr__(self) -> str:
        return f"StateFile({self.path!r})"

    def read(self, host: str, environment_id: str | UUID) -> RecordedState:
        """Read the entries of an environment once. Sends nothing, and changes nothing.

        Args:
            host: The host of the environment.
            environment_id: Its id.

        Warns:
            StateFileWarning: The file cannot be used, or has entries of other keys only.
        """
        place = host, _id_text(environment_id)
        try:
            content, section = self._load(place)
        except _UnusableError as problem:
            self._warn(f"{problem}; every secret is treated as unknown, and written")
            return RecordedState(self._fingerprint, place, {})
        if content.get("keys") and self._key_id not in content["keys"]:
            self._warn("it has no entries of this key. If the key is not new, set the key that was used before")
        entries = {key: entry for key, found in section.items() if (entry := self._entry(place, key, found))}
        if len(entries) < len(section):
            others = ", ".join(sorted(section.keys() - entries.keys()))
            self._warn(f"entries were changed outside this package and are ignored: {others}")
        return RecordedState(self._fingerprint, place, entries)

    @sealed
    def record(
        self,
        host: str,
        environment_id: str | UUID,
        written: Mapping[str, tuple[SecretRequest | None, Secret] | None],
    ) -> None:
        """Merge writes into the file, under a lock. All other entries stay unchanged.

        A broken file is moved aside, to `<path>.broken`. A file of another version is left unchanged.

        Args:
            host: The host that it was written to.
            environment_id: The id of the environment.
            written: For each key the request (None for an alias) and the response; None if it was deleted.

        Warns:
            StateFileWarning: It cannot be recorded, or the file was broken.
        """
        if not written:
            return
        try:
            with locked(self.path):
                problem = self._merge((host, _id_text(environment_id)), written)
        except OSError as error:
            problem = f"it cannot be written: {error.strerror or error}; the next plan writes these secrets again"
        except (_UnusableError, RecursionError) as error:
            problem = f"{error}; nothing was recorded, so the next plan writes these secrets again"
        if problem:
            self._warn(problem)

    def _merge(
        self, place: tuple[str, str], written: Mapping[str, tuple[SecretRequest | None, Secret] | None]
    ) -> str | None:
        """Return the text of a warning, or None."""
        problem = None
        try:
            content, _ = self._load(place)
        except _UnusableError as error:
            if not error.broken:
                raise
            content = {"version": _VERSION}
            problem = f"{error}; it was moved to {self._move_aside()}, and a new one was written"
        section = content
        for name in ("keys", self._key_id, *place):
            section = section.setdefault(name, {})
        for key, pair in written.items():
            if pair is None:
                section.pop(key, None)
            else:
                section[key] = self._sealed_entry(place, key, *pair)
        replace_file(self.path, json.dumps(content, separators=(",", ":")).encode())
        return problem

    def _move_aside(self) -> str:
        names = (f"{self.path}.broken{number or ''}" for number in itertools.count())
        aside = next(name for name in names if not os.path.lexists(name))
        os.replace(self.path, aside)
        return aside

    # --- The content ------------------------------------------------------------------------------

    def _load(self, place: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The content of the file, and the part of it that holds our entries for this place."""
        content = self._parse()
        section = content
        for name in ("keys", self._key_id, *place):
            section = section.get(name, {})
            if not isinstance(section, dict):
                raise _UnusableError("it is damaged", broken=True)
        return content, section

    def _parse(self) -> dict[str, Any]:
        try:
            mode = os.lstat(self.path).st_mode
            if not stat.S_ISREG(mode):
                raise _UnusableError("it is a symbolic link" if stat.S_ISLNK(mode) else "it is not a regular file")
            with open(self.path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise _UnusableError(f"it cannot be read: {error.strerror or error}") from None
        if not data.strip():
            return {"version": _VERSION}
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            content = None
        version = content.get("version") if isinstance(content, dict) else None
        if not isinstance(version, int):
            raise _UnusableError("it is not a state file, or it is damaged", broken=True)
        if version != _VERSION:
            raise _UnusableError(f"it has version {version}, and this release reads {_VERSION}: use another file")
        return content  # type: ignore[no-any-return]  # a dict, since it has a version

    # --- Entries ----------------------------------------------------------------------------------

    def _sealed_entry(
        self, place: tuple[str, str], key: str, request: SecretRequest | None, secret: Secret
    ) -> dict[str, Any]:
        fingerprint = value = None
        if request is not None and secret.aliased_secret is None:
            fingerprint = self._fingerprint.of_request(place, request)
            value = None if request.value is None else self._fingerprint("value", request.value)
        entry = Entry(secret.id, _time_text(secret), fingerprint, value)
        return {**asdict(entry), "seal": self._seal(place, key, entry)}

    def _seal(self, place: tuple[str, str], key: str, entry: Entry) -> str:
        return self._fingerprint("entry", *place, key, json.dumps(list(asdict(entry).values())))

    def _entry(self, place: tuple[str, str], key: str, found: Any) -> Entry | None:
        """The entry in the file, or None if it was modified."""
        if not isinstance(found, dict):
            return None
        entry = Entry(*(found.get(name) for name in Entry.__dataclass_fields__))  # type: ignore[arg-type]  # sealed
        return entry if found.get("seal") == self._seal(place, key, entry) else None

    def _warn(self, problem: str) -> None:
        warn_caller(printable(f"state file {self.path}: {problem}"), StateFileWarning)


class RecordedState:
    """The entries of one environment when the state file was read.

    Attributes:
        entries: The entry of each key.
    """

    def __init__(self, fingerprint: _Fingerprint, place: tuple[str, str], entries: Mapping[str, Entry]) -> None:
        self._fingerprint = fingerprint
        self._place = place
        self.entries = entries

    def has(self, secret: Secret) -> bool:
        """Whether a listed secret is the one that was recorded, not a newer one with the same key."""
        entry = self.entries.get(secret.key)
        return entry is not None and entry.id == secret.id

    @sealed
    def status(self, request: SecretRequest, secret: Secret) -> Status:
        """Compare the desired request with the last write, and the listed secret with what that write returned."""
        entry = self.entries.get(request.key)
        if entry is None or entry.fingerprint is None or entry.updated_at is None or secret.updated_at is None:
            return "unknown"
        if entry.fingerprint != self._fingerprint.of_request(self._place, request):
            return "changed"
        return "unchanged" if _is_of(entry, secret) else "drift"

    def value_fingerprint(self, secret: Secret) -> str | None:
        """Return the HMAC of a listed secret's value, or None unless its last write is the recorded one."""
        entry = self.entries.get(secret.key)
        return entry.value if entry is not None and _is_of(entry, secret) else None


class _Fingerprint:
    """HMAC-SHA256 under the user's key, truncated to 128 bits. The key is stored nowhere else."""

    __slots__ = ("_hmac",)

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod="sha256")

    def __call__(self, domain: str, *texts: str) -> str:
        """Return the fingerprint of texts, each prefixed with its length: different lists never yield equal bytes."""
        running = self._hmac.copy()
        for text in (f"qovery state {_VERSION} {domain}", *texts):
            encoded = text.encode("utf-8", "surrogatepass")
            running.update(len(encoded).to_bytes(8, "big") + encoded)
        return base64.urlsafe_b64encode(running.digest()[:16]).decode().rstrip("=")

    def of_request(self, place: tuple[str, str], request: SecretRequest) -> str:
        """Return the fingerprint of all fields that a request sets, for a key of an environment at a host."""
        fields = sorted(request.to_dict().items())
        return self("request", *place, *(text for name, value in fields for text in (name, json.dumps(value))))


class _UnusableError(Exception):
    """The file cannot be used as it is; a broken one may be moved aside."""

    def __init__(self, problem: str, broken: bool = False) -> None:
        super().__init__(problem)
        self.broken = broken


def _is_of(entry: Entry, secret: Secret) -> bool:
    """Whether a listed secret is unchanged since our last write."""
    time = _time_text(secret)
    return time is not None and (entry.id, entry.updated_at) == (secret.id, time)


def _time_text(secret: Secret) -> str | None:
    return None if secret.updated_at is None else secret.updated_at.astimezone(timezone.utc).isoformat()


def _id_text(environment_id: str | UUID) -> str:
    return str(environment_id).lower()


def _key_bytes(key: Any) -> bytes:
    if isinstance(key, SecretStr):
        key = key.get_secret_value()
    if isinstance(key, str):
        key = key.strip().encode("utf-8", "surrogatepass")
    if not isinstance(key, bytes):
        raise ApiTypeError(f"the key of a state file must be str, bytes or SecretStr, not {type(key).__name__}")
    if len(key) < _SHORTEST_KEY:
        raise ApiValueError(
            f"the key of a state file must have at least {_SHORTEST_KEY} bytes, and be random. Make one with:"
            ' python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return key


def _checked_path(path: Any) -> str:
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise ApiTypeError(f"the path of a state file must be a str or a Path, not {type(path).__name__}")
    text = os.path.abspath(path)
    if not os.fspath(path) or "\0" in text or not os.path.isdir(os.path.dirname(text)):
        raise ApiValueError(f"the state file {text!r} must be in a folder that exists")
    return text

"""The state file: what it reports, what it stores, and how it handles damage."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from qovery import (
    ApiTypeError,
    ApiValueError,
    EnvironmentSecretApi,
    Secret,
    SecretEditRequest,
    SecretRequest,
    StateFileWarning,
    Value,
)
from qovery.sandbox import Sandbox
from qovery.sync import StateFile
from qovery.sync.state_file import _Fingerprint
from test.support.listed import alias, secret
from test.support.reach import texts

KEY = "a-key-of-24-random-bytes"
HOST, ENV = "https://api.example.com", "00000000-0000-4000-8000-00000000000a"
THEN, LATER = "2026-01-01T00:00:00.00012Z", "2026-01-01T00:00:00.000121Z"


def listed(key: str = "A", at: str | None = THEN, **fields: Any) -> Secret:
    return secret(key, updated_at=at, **fields)


def request(key: str = "A", value: str | None = "canary-value", **fields: Any) -> SecretRequest:
    return SecretRequest(key=key, value=value, **fields)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def state(path: Path) -> StateFile:
    return StateFile(path, KEY)


def keys_in(path: Path, key: str = KEY) -> frozenset[str]:
    return StateFile(path, key).read(HOST, ENV).entries.keys()


# --- Status and entries ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "found", "status"),
    [
        (request(), listed(), "unchanged"),
        (request(), listed(at="2026-01-01T01:00:00.00012+01:00"), "unchanged"),
        (request(), listed(at=LATER), "drift"),
        (request(), listed(id="another"), "drift"),
        (request(value="other"), listed(), "changed"),
        (request(value="other"), listed(at=LATER), "changed"),
        (request(value=None), listed(), "changed"),
        (request(description="d"), listed(), "changed"),
        (request(description=None), listed(), "changed"),
        (request(mount_path="/a"), listed(), "changed"),
        (request(enable_interpolation_in_file=False), listed(), "changed"),
        (request("B"), listed("B"), "unknown"),
        (request(), listed(at=None), "unknown"),
    ],
)
def test_status(state: StateFile, now: SecretRequest, found: Secret, status: str) -> None:
    """A secret is unchanged if every written field, the id and the time are equal; another time alone is drift."""
    state.record(HOST, ENV, {"A": (request(), listed())})
    assert state.read(HOST, ENV).status(now, found) == status


def test_status__of_another_place(state: StateFile) -> None:
    """An entry applies only to its own host and environment."""
    state.record(HOST, ENV, {"A": (request(), listed())})
    for host, env in ((HOST, "other"), ("https://other", ENV)):
        assert state.read(host, env).status(request(), listed()) == "unknown"
    assert state.read(HOST, UUID(ENV)).status(request(), listed()) == "unchanged"
    assert state.read(HOST, ENV.upper()).status(request(), listed()) == "unchanged"


def test_status__without_times(state: StateFile) -> None:
    """If the service leaves out the time of a write, the key is known but never unchanged."""
    state.record(HOST, ENV, {"A": (request(), listed(at=None))})
    read = state.read(HOST, ENV)
    assert {read.status(request(), listed()), read.status(request(), listed(at=None))} == {"unknown"}
    assert read.value_fingerprint(listed(at=None)) is None
    assert read.entries.keys() == {"A"}


def test_status__of_what_the_service_returns(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile
) -> None:
    """Every kind of write is unchanged in the next list, and drift after a write by another client."""
    base = sandbox.add_secret(env, "SHARED", "v", scope="PROJECT")
    own = sandbox.add_secret(env, "OWN", "old")
    requests = {key: request(key) for key in ("NEW", "OWN", "SHARED")}
    new = api.create_environment_secret(env, requests["NEW"])
    edited = api.edit_environment_secret(env, own.id, SecretEditRequest(key="OWN", value="canary-value"))
    override = api.create_environment_secret_override(env, base.id, Value(value="canary-value"))
    responses = {one.key: (requests[one.key], one) for one in (new, edited, override)}
    state.record(sandbox.url, env, responses)

    def statuses() -> set[str]:
        read = state.read(sandbox.url, env)
        found = {one.key: one for one in api.list_environment_secrets(env).results or [] if one.scope == "ENVIRONMENT"}
        return {read.status(one, found[key]) for key, one in requests.items()}

    assert statuses() == {"unchanged"}
    for one in (new, edited, override):
        api.edit_environment_secret(env, one.id, SecretEditRequest(key=one.key, value="canary-value"))
    assert statuses() == {"drift"}


def test_entries(state: StateFile) -> None:
    """Written keys are known, aliases among them, until they are deleted."""
    target = listed()
    state.record(
        HOST, ENV, {"A": (request(), target), "B": (None, alias("B", target)), "C": (request("C"), listed("C"))}
    )
    assert state.read(HOST, ENV).entries.keys() == {"A", "B", "C"}
    state.record(HOST, ENV, {"C": None, "NEVER": None})
    read = state.read(HOST, ENV)
    assert read.entries.keys() == {"A", "B"}
    assert read.status(request("B"), alias("B", target, updated_at=THEN)) == "unknown"


def test_value_fingerprint(state: StateFile) -> None:
    """Equal values have equal fingerprints across hosts, environments and keys, until another client writes."""
    state.record(HOST, ENV, {"A": (request(), listed()), "B": (request("B", "other"), listed("B"))})
    state.record("https://other", "e", {"C": (request("C", description="d"), listed("C"))})
    here, there = state.read(HOST, ENV), state.read("https://other", "e")
    assert here.value_fingerprint(listed()) == there.value_fingerprint(listed("C")) is not None
    assert here.value_fingerprint(listed()) != here.value_fingerprint(listed("B"))
    assert here.value_fingerprint(listed(at=LATER)) is here.value_fingerprint(listed("C")) is None


def test_value_fingerprint__alias_made_of_a_value(state: StateFile) -> None:
    """A secret that the service turned into an alias has no fingerprint: its value is that of its target."""
    made = alias("B", listed(), updated_at=THEN)
    state.record(HOST, ENV, {"B": (request("B", "A"), made)})
    read = state.read(HOST, ENV)
    assert (read.value_fingerprint(made), read.status(request("B", "A"), made)) == (None, "unknown")


def test_read__is_a_snapshot(state: StateFile, path: Path) -> None:
    """A state that was read is a snapshot, independent of the file."""
    state.record(HOST, ENV, {"A": (request(), listed())})
    read = state.read(HOST, ENV)
    path.unlink()
    assert read.status(request(), listed()) == "unchanged"


# --- Content --------------------------------------------------------------------------------------

some_texts = st.lists(st.text(alphabet=st.characters(exclude_categories=())))


@given(some_texts, some_texts)
def test_fingerprint__no_two_lists_collide(one: list[str], other: list[str]) -> None:
    """Two lists of texts have equal fingerprints only if the lists and the domains are equal."""
    fingerprint = _Fingerprint(KEY.encode())
    assert (fingerprint("d", *one) == fingerprint("d", *other)) == (one == other)
    assert fingerprint("d", *one) != fingerprint("e", *one)


def test_fingerprint__moved_boundaries() -> None:
    """The same characters split over other fields have another fingerprint."""
    fingerprint = _Fingerprint(KEY.encode())
    cuts = [("d", "abc"[:one], "abc"[one:other], "abc"[other:]) for one in range(4) for other in range(one, 4)]
    assert len({fingerprint(*cut) for cut in cuts}) == len(set(cuts))


def test_content__no_value_and_no_plain_hash(state: StateFile, path: Path) -> None:
    """The file has neither the value nor the key, in any encoding, nor a hash that can be made without the key."""
    value = "canary-value"
    state.record(HOST, ENV, {"A": (request(value=value), listed())})
    content = path.read_text()
    plain = [value.encode(), KEY.encode(), f"A={value}".encode(), request(value=value).to_json().encode()]
    hashes = [getattr(hashlib, name)(one).digest() for name in ("md5", "sha1", "sha256", "sha512") for one in plain]
    for digest in (*plain, *hashes):
        forms = (digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode())
        assert not any(form.rstrip("=")[:20] in content for form in forms)
    assert "canary" not in content
    entry = json.loads(content)["keys"][StateFile(path, KEY)._key_id][HOST][ENV]["A"]
    assert entry.keys() == {"id", "updated_at", "fingerprint", "value", "seal"}


def test_content__other_key_other_fingerprints(tmp_path: Path) -> None:
    """No part of an entry that depends on the value is the same under another key."""
    entries = []
    for key in (KEY, KEY[::-1]):
        state = StateFile(tmp_path / key, key)
        state.record(HOST, ENV, {"A": (request(), listed())})
        entries.append(state.read(HOST, ENV).entries["A"])
    assert entries[0].fingerprint != entries[1].fingerprint
    assert entries[0].value != entries[1].value


def test_content__size(state: StateFile, path: Path) -> None:
    """300 secrets take less than 80 kB."""
    keys = [f"A_KEY_OF_THE_USUAL_LENGTH_{number}" for number in range(300)]
    state.record(HOST, ENV, {key: (request(key), listed(key)) for key in keys})
    assert path.stat().st_size < 80_000


@pytest.mark.needs_posix
def test_file__mode(state: StateFile, path: Path) -> None:
    """Only the owner can read the file and its lock, even if others could read the file before."""
    path.write_text("")
    path.chmod(0o644)
    state.record(HOST, ENV, {"A": (request(), listed())})
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    assert {one.name for one in path.parent.iterdir()} == {"state.json", "state.json.lock"}


# --- Arguments ------------------------------------------------------------------------------------


def test_key__forms(path: Path) -> None:
    """A key is the same as text, bytes or `SecretStr`, with and without a line break at its end."""
    StateFile(path, KEY).record(HOST, ENV, {"A": (request(), listed())})
    for key in (KEY.encode(), SecretStr(KEY), f"{KEY}\n", SecretStr(f" {KEY}\r\n")):
        assert StateFile(path, key).read(HOST, ENV).entries.keys() == {"A"}


@pytest.mark.parametrize("key", ["", "canary-short", b"canary-short", SecretStr("canary"), "canary" + " " * 20])
def test_key__short(path: Path, key: Any) -> None:
    """A short key is rejected with the command that makes a good one."""
    with pytest.raises(ApiValueError, match=r"at least 16 bytes.*secrets\.token_urlsafe\(32\)") as caught:
        StateFile(path, key)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("path", "key"), [("a", None), ("a", 12), ("a", [KEY]), (None, KEY), (b"a", KEY), (3, KEY)])
def test_arguments__of_another_type(path: Any, key: Any) -> None:
    """An argument of the wrong type is rejected."""
    with pytest.raises(ApiTypeError, match="state file must be"):
        StateFile(path, key)


@pytest.mark.parametrize("name", ["", "missing/state.json", "a\0b"])
def test_path__in_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A path in a folder that does not exist is rejected immediately."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ApiValueError, match="folder that exists"):
        StateFile(name, KEY)


def test_path__relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path keeps its meaning when the working directory changes, and may have any letters."""
    monkeypatch.chdir(tmp_path)
    state = StateFile("état 🔑.json", KEY)
    monkeypatch.chdir("/")
    state.record(HOST, ENV, {"A": (request(), listed())})
    assert keys_in(tmp_path / "état 🔑.json") == {"A"}


def test_repr__shows_no_key(state: StateFile, path: Path) -> None:
    """The repr names only the path, and no object that is reachable from it shows the key."""
    assert repr(state) == f"StateFile({str(path)!r})"
    assert [name for name, text in texts(state) if KEY in text] == []


# --- Damage ---------------------------------------------------------------------------------------


def test_read__missing(state: StateFile, path: Path) -> None:
    """A missing file means that nothing is known: no warning, and no file is created."""
    assert state.read(HOST, ENV).status(request(), listed()) == "unknown"
    assert list(path.parent.iterdir()) == []


BROKEN = {
    "no JSON": b'{"version":1,"keys"',
    "dotenv": b"API_KEY=canary\n",
    "no object": b"[1]",
    "other JSON": b'{"name": "package"}',
    "no number": b'{"version": "1"}',
    "binary": b"\xff\xfe\x00\x81",
    "deep": b"[" * 100_000,
    "keys": b'{"version": 1, "keys": []}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_file(state: StateFile, path: Path, content: bytes) -> None:
    """A broken file is named in a warning and left unchanged; the next record moves it aside and starts a new one."""
    for number in ("", "1"):
        path.write_bytes(content)
        with pytest.warns(StateFileWarning, match=r"state\.json: it is.* every secret is treated as unknown"):
            assert state.read(HOST, ENV).entries.keys() == frozenset()
        assert path.read_bytes() == content
        aside = path.with_name(f"state.json.broken{number}")
        with pytest.warns(StateFileWarning, match=f"moved to .*{aside.name}, and a new one"):
            state.record(HOST, ENV, {"A": (request(), listed())})
        assert (aside.read_bytes(), keys_in(path)) == (content, {"A"})


def test_deep_file(state: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is nested too deeply to be written again is left unchanged."""

    def fail(*_: Any, **__: Any) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    state.record(HOST, ENV, {"A": (request(), listed())})
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", fail)
        with pytest.warns(StateFileWarning, match="recursion depth exceeded; nothing was recorded"):
            state.record(HOST, ENV, {"A": None})
    assert keys_in(path) == {"A"}


@pytest.mark.parametrize("depth", range(3))
def test_broken_file__inside(state: StateFile, path: Path, depth: int) -> None:
    """A part with the wrong shape is damage too."""
    content: Any = "x"
    for name in [state._key_id, HOST, ENV][depth::-1]:
        content = {name: content}
    path.write_text(json.dumps({"version": 1, "keys": content}))
    with pytest.warns(StateFileWarning, match="damaged"):
        state.read(HOST, ENV)
    with pytest.warns(StateFileWarning, match="moved"):
        state.record(HOST, ENV, {"A": (request(), listed())})
    assert keys_in(path) == {"A"}


def test_empty_file(state: StateFile, path: Path) -> None:
    """An empty file counts as a missing file."""
    path.write_text(" \n")
    assert state.read(HOST, ENV).entries.keys() == frozenset()
    state.record(HOST, ENV, {"A": (request(), listed())})
    assert keys_in(path) == {"A"}


def test_newer_version(state: StateFile, path: Path) -> None:
    """A file of a newer version is left unchanged, with a warning that says so."""
    path.write_text('{"version": 2, "keys": {}}')
    with pytest.warns(StateFileWarning, match="has version 2"):
        assert state.read(HOST, ENV).entries.keys() == frozenset()
    with pytest.warns(StateFileWarning, match="has version 2.*nothing was recorded"):
        state.record(HOST, ENV, {"A": (request(), listed())})
    assert path.read_text() == '{"version": 2, "keys": {}}'


def test_another_key(state: StateFile, path: Path) -> None:
    """Under another key nothing is known, with a warning; entries of both keys stay in one file."""
    state.record(HOST, ENV, {"A": (request(), listed())})
    other = StateFile(path, "another key of the file")
    with pytest.warns(StateFileWarning, match="no entries of this key"):
        assert other.read(HOST, ENV).entries.keys() == frozenset()
    other.record(HOST, ENV, {"B": (request("B"), listed("B"))})
    assert (state.read(HOST, ENV).entries.keys(), other.read(HOST, ENV).entries.keys()) == ({"A"}, {"B"})


def test_foreign_content_survives(state: StateFile, path: Path) -> None:
    """Entries of other hosts, environments and keys survive, and so do fields of a later release."""
    state.record(HOST, ENV, {"A": (request(), listed()), "B": (request("B"), listed("B"))})
    state.record("https://other", "e", {"C": (request("C"), listed("C"))})
    before = json.loads(path.read_text())
    before["added"] = before["keys"]["other"] = {"x": [1, "\ud800"]}
    before["keys"][state._key_id][HOST][ENV]["B"]["added"] = 1
    path.write_text(json.dumps(before))
    state.record(HOST, ENV, {"A": None})
    del before["keys"][state._key_id][HOST][ENV]["A"]
    assert json.loads(path.read_text()) == before
    assert keys_in(path) == {"B"}


CHANGES: dict[str, Any] = {
    "id": {"id": "other"},
    "time": {"updated_at": LATER},
    "fingerprint": {"fingerprint": "x"},
    "no seal": {"seal": None},
    "seal": {"seal": "é"},
    "half a character": {"seal": "\ud800", "id": "\ud800"},
    "no text": {"value": []},
    "none": None,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_entry(state: StateFile, path: Path, change: dict[str, Any] | None) -> None:
    """A changed entry is ignored, with a warning that names the key."""
    state.record(HOST, ENV, {"A": (request(), listed()), "B": (request("B"), listed("B"))})
    content = json.loads(path.read_text())
    entries = content["keys"][state._key_id][HOST][ENV]
    entries["A"] = None if change is None else {**entries["A"], **change}
    path.write_text(json.dumps(content))
    with pytest.warns(StateFileWarning, match="changed outside this package and are ignored: A$"):
        assert state.read(HOST, ENV).entries.keys() == {"B"}


def test_moved_entry(state: StateFile, path: Path) -> None:
    """An entry that was copied to another key or environment is ignored."""
    state.record(HOST, ENV, {"A": (request(), listed())})
    content = json.loads(path.read_text())
    environments = content["keys"][state._key_id][HOST]
    environments["other"] = {"A": environments[ENV]["A"]}
    environments[ENV]["B"] = environments[ENV]["A"]
    path.write_text(json.dumps(content))
    with pytest.warns(StateFileWarning):
        assert (state.read(HOST, ENV).entries.keys(), state.read(HOST, "other").entries.keys()) == ({"A"}, frozenset())


@pytest.mark.needs_posix
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_not_a_regular_file(state: StateFile, path: Path, kind: str) -> None:
    """A link, a folder or a pipe is neither read nor replaced."""
    target = path.with_name("target")
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(target)
    if kind == "link":
        target.write_text("{}")
    before = os.lstat(path)
    with pytest.warns(StateFileWarning, match=r"it is (a symbolic link|not a regular file)"):
        assert state.read(HOST, ENV).entries.keys() == frozenset()
    with pytest.warns(StateFileWarning, match="nothing was recorded"):
        state.record(HOST, ENV, {"A": (request(), listed())})
    assert os.lstat(path).st_ino == before.st_ino
    assert not target.exists() or target.read_text() == "{}"


@pytest.mark.parametrize("where", ["open", "fsync"])
def test_unusable_disk(state: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A failure to write is a warning that names the file, and the file keeps its content."""
    state.record(HOST, ENV, {"A": (request(), listed())})

    def fail(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, where, fail)
        with pytest.warns(StateFileWarning, match=r"state\.json: it cannot be written: No space left on device"):
            state.record(HOST, ENV, {"B": (request("B"), listed("B"))})
    assert keys_in(path) == {"A"}


def test_unreadable_file(state: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable file is not replaced."""
    state.record(HOST, ENV, {"A": (request(), listed())})

    def fail(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("qovery.sync.state_file.open", fail, raising=False)
        with pytest.warns(StateFileWarning, match="it cannot be read: Permission denied; every secret"):
            assert state.read(HOST, ENV).entries.keys() == frozenset()
        with pytest.warns(StateFileWarning, match="it cannot be read: Permission denied; nothing was recorded"):
            state.record(HOST, ENV, {"B": (request("B"), listed("B"))})
    assert keys_in(path) == {"A"}


def test_record__nothing(state: StateFile, path: Path) -> None:
    """If nothing was written, no file is created."""
    state.record(HOST, ENV, {})
    assert list(path.parent.iterdir()) == []


def test_warning__names_the_line_of_the_caller(state: StateFile, path: Path) -> None:
    """The warning points to the code that uses the package, and escapes unprintable characters of the path."""
    path.write_text("x")
    with pytest.warns(StateFileWarning) as caught:
        state.read(HOST, ENV)
    assert caught[0].filename == __file__
    strange = StateFile(path.with_name("a\nb"), KEY)
    Path(strange.path).write_text("x")
    with pytest.warns(StateFileWarning, match=r"a\\nb: it is"):
        strange.read(HOST, ENV)

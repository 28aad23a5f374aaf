"""The guide to the command line: its outputs, and its recipes as shell scripts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from qovery.cli.main import main
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from qovery.sandbox.store import BEHAVIOURS, Behaviour
from test.support import PATIENCE, ROOT, spread
from test.support.commands import CANARY

PAGE = (ROOT / "docs/guides/command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


@pytest.fixture(params=["documented", "observed"])
def behaviour(request: pytest.FixtureRequest, sandbox: Sandbox) -> Behaviour:
    sandbox.behaviour = request.param
    return sandbox.behaviour


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour) -> Path:
    """A folder in which `qovery-secrets` and a `sops` that decrypts nothing are commands."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, line in (("qovery-secrets", f'"{sys.executable}" -W error -m qovery "$@"'), ("sops", 'cat "$2"')):
        (commands / name).write_text(f"#!/bin/sh\nexec {line}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DOTENV", "secrets.env")
    monkeypatch.setenv("QOVERY_STATE_KEY", CANARY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(script: str) -> tuple[int, str]:
    """The exit status of a script, as CI services run it, and what it prints, which is no value."""
    done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    told = done.stdout + done.stderr
    assert CANARY not in told
    assert "Traceback" not in told
    return done.returncode, told


def test_output__of_plan_and_doctor(
    sandbox: Sandbox, behaviour: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What the guide shows is what the commands print."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"API_KEY={CANARY}\nREGION={CANARY}\nSTRIPE_API_KEY={CANARY}\n")
    plan, doctor = blocks("text")
    assert main(["plan", ".env"]) == 2
    assert re.sub(r"\b\d+ s\b", "0 s", capsys.readouterr().out) == plan
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.replace(sandbox.url, "http://127.0.0.1:8080") == doctor
    assert sandbox.environment_id == ENVIRONMENT_ID


def test_json__of_the_guide(sandbox: Sandbox, behaviour: Behaviour, tmp_path: Path, capsys: Any) -> None:
    """The JSON of the guide is planned as it says."""
    sandbox.add_secret(sandbox.environment_id, "SMTP_PASSWORD", CANARY)
    (content,) = blocks("json")
    (tmp_path / "secrets.json").write_text(content)
    assert main(["plan", str(tmp_path / "secrets.json"), "--json"]) == 2
    actions = json.loads(capsys.readouterr().out)["actions"]
    assert [action["kind"] for action in actions] == ["create", "keep", "create", "create"]


def recipes() -> list[tuple[str, str]]:
    """The scripts that plan and that apply, of each CI service."""
    github, gitlab = map(yaml.safe_load, blocks("yaml"))
    steps = {step["name"]: step["run"] for step in github["jobs"]["secrets"]["steps"] if "name" in step}
    return [
        (steps["Plan"], steps["Apply"]),
        ("\n".join(gitlab["plan"]["script"]), "\n".join(gitlab["apply"]["script"])),
    ]


@pytest.mark.needs_posix
@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1), indirect=True)
@pytest.mark.parametrize("service", [0, 1], ids=["GitHub", "GitLab"])
def test_recipes__plan_and_apply(sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, service: int) -> None:
    """A pull request passes with changes and fails with conflicts; main applies, and fails where something fails."""
    plan, apply = recipes()[service]
    env = sandbox.environment_id

    def write(values: dict[str, str]) -> None:
        (folder / "secrets.json").write_text(json.dumps(values))
        (folder / "secrets.env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    write({"API_KEY": CANARY})
    status, told = shell(plan)
    assert (status, "Plan: 1 create" in told) == (0, True)
    assert "API_KEY" not in [secret.key for secret in sandbox.secrets(env)]
    assert shell(apply)[0] == 0
    assert sandbox.value(env, "API_KEY") == CANARY
    write({"API_KEY": "changeme"})
    assert [shell(plan)[0], shell(apply)[0]] == [1, 3]
    write({})
    assert [shell(plan)[0], shell(apply)[0]] == [1, 1]
    write({"API_KEY": CANARY, "REGION": CANARY})
    sandbox.fail("create_environment_secret", status=403)
    assert shell(apply)[0] == 1
    monkeypatch.delenv("QOVERY_API_TOKEN")
    assert shell(plan)[1] == "qovery-secrets: no token: set QOVERY_API_TOKEN\n"


@pytest.mark.needs_posix
def test_recipes__sops(sandbox: Sandbox, folder: Path) -> None:
    """What sops decrypts is applied; if it fails, nothing is."""
    (script,) = [block for block in blocks("sh") if block.startswith("sops")]
    status, told = shell(script)
    assert (status, "the file contains no secrets" in told) == (1, True)
    assert "POST" not in [request.method for request in sandbox.requests]
    (folder / "secrets.json").write_text(json.dumps({"API_KEY": CANARY}))
    assert shell(script)[0] == 0
    assert sandbox.value(sandbox.environment_id, "API_KEY") == CANARY


@pytest.mark.needs_posix
@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1), indirect=True)
def test_recipes__scheduled_check(sandbox: Sandbox, folder: Path) -> None:
    """Each line of the check passes where all is well, and fails where something is not."""
    env = sandbox.environment_id
    checks = next(block for block in blocks("sh") if "compare" in block).splitlines()
    (state,) = [block for block in blocks("sh") if "--state" in block and "export" in block]
    (folder / ".env").write_text(f"API_KEY={CANARY}\n")
    assert shell(state.splitlines()[1])[0] == 0
    keys = sorted({secret.key for secret in sandbox.secrets(env) if secret.scope != "BUILT_IN"})
    (folder / ".env.example").write_text("".join(f"{key}=\n" for key in keys))
    assert [shell(check)[0] for check in checks] == [0, 0, 0]
    (folder / ".env.example").write_text("MISSING=\n")
    (folder / ".env").write_text("API_KEY=made-up\n")
    assert [shell(check)[0] for check in checks] == [2, 0, 2]

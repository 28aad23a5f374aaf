"""A client made by OpenAPI Generator: `python -m test.support.openapi_generator FOLDER` makes one in FOLDER.

The generator is the jar in the PyPI package `openapi-generator-cli` (extra `test`); it needs Java.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from test.support import PATIENCE, ROOT

#: The name of the generated package.
PACKAGE = "openapi_client"

#: Fields that the description of the service does not call nullable, though the service sends null. `docs/openapi.yaml`
#: describes what is sent.
NEVER_NULL = {
    "Base": ("updated_at",),
    "Secret": ("overridden_secret", "aliased_secret", "service_id", "service_name", "service_type", "owned_by"),
    "SecretAlias": ("mount_path",),
    "SecretOverride": ("mount_path",),
}


def available() -> bool:
    """Whether Java and the generator are installed."""
    return bool(shutil.which("java") and importlib.util.find_spec("openapi_generator_cli"))


def description(strict: bool) -> dict[str, Any]:
    """`docs/openapi.yaml`, or a description as strict as the one of the service."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
    for name, fields in NEVER_NULL.items() if strict else ():
        schema = document["components"]["schemas"][name]
        properties = schema.get("properties") or schema["allOf"][1]["properties"]
        for field in fields:
            properties[field].pop("nullable", None)
    return document


def generate(folder: Path, package: str = PACKAGE, strict: bool = True) -> None:
    """Generate a Python client; `folder` is then what goes on `sys.path`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = folder / "openapi.json"
    document.write_text(json.dumps(description(strict)))
    found = importlib.util.find_spec("openapi_generator_cli")
    assert found is not None
    assert found.origin is not None
    jar = Path(found.origin).with_name("openapi-generator.jar")
    command = ["java", "-jar", jar, "generate", "-g", "python", "-i", document, "-o", folder]
    options = ["--package-name", package, "--global-property", "apiTests=false,modelTests=false"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=3 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m test.support.openapi_generator", description=__doc__)
    parser.add_argument("folder", type=Path)
    generate(parser.parse_args().folder)

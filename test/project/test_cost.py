"""The causes of the cost of a call. `test/benchmark` measures the cost itself; no test asserts a time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from test.support import PATIENCE, ROOT
from test.support.recording import SECRET, RecordingServer, Response

#: What may be loaded besides the package, urllib3 and pydantic. The first three are the codec of host names.
SMALL = {"encodings.idna", "stringprep", "unicodedata", "platform"}

#: Modules of the package that a call without an error does not need.
FOR_ERRORS = {
    "qovery.extras",
    "qovery.nearest",
    "qovery.redaction.decoders",
    "qovery.redaction.text_mask",
    "qovery.redaction.validation",
}

#: A process that makes each kind of call twice and counts. The profile sees only its own thread.
COUNTING = """
import collections, json, sys
import urllib3, pydantic
pydantic.create_model("M", x=(int, 1)).model_validate_json("{}")  # what every user of the two loads
libraries = set(sys.modules)
import qovery

passed, built = [], collections.Counter()

def profile(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_name == "create_schema_validator":
        built[frame.f_locals["schema_type"].__name__] += 1
    elif event == "call" and qovery.__path__[0] in code.co_filename:
        passed.append(code.co_name)

sys.setprofile(profile)
configuration = qovery.Configuration(host=sys.argv[1], access_token="a-token")
api = qovery.EnvironmentSecretApi(qovery.ApiClient(configuration))
counts = {}
for name in ("list", "create", "edit", "delete") * 2:
    passed.clear()
    if name == "list":
        api.list_environment_secrets("e")
        loaded = counts.setdefault("modules", sorted(set(sys.modules) - libraries))
    elif name == "create":
        api.create_environment_secret("e", qovery.SecretRequest(key="A", value="b"))
    elif name == "edit":
        api.edit_environment_secret("e", "s", qovery.SecretEditRequest(key="A", value="b"))
    else:
        api.delete_environment_secret("e", "s")
    counts[name] = len(passed)
sys.setprofile(None)
print(json.dumps({**counts, "built": built}))
"""


@pytest.fixture(scope="module")
def counts() -> dict[str, Any]:
    """The counts of that process."""
    with RecordingServer(lambda got: Response(200, {"results": [SECRET]} if got.method == "GET" else SECRET)) as server:
        command = [sys.executable, "-c", COUNTING, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.parametrize(("operation", "most"), [("list", 34), ("create", 35), ("edit", 35), ("delete", 32)])
def test_call__functions(counts: dict[str, Any], operation: str, most: int) -> None:
    """A call runs a bounded number of this package's functions."""
    assert 12 <= counts[operation] <= most


def test_call__modules(counts: dict[str, Any]) -> None:
    """Until its first response, the package loads its own modules and a few small ones of the standard library."""
    own = {module for module in counts["modules"] if module.partition(".")[0] == "qovery"}
    assert not [module for module in own if module.startswith(("qovery.sync", "qovery.sandbox"))]
    assert not own & FOR_ERRORS
    assert set(counts["modules"]) - own <= SMALL


def test_models__are_built_once(counts: dict[str, Any]) -> None:
    """Validators of responses are built with the API object, others at the first use of a model, and each once."""
    assert counts["built"] == {"SecretResponseList": 1, "SecretRequest": 1, "Secret": 1, "SecretEditRequest": 1}

"""The first calls of a process, which load modules and build schemas, when they are interrupted."""

from __future__ import annotations

from test.support.recording import SECRET, RecordingServer, Response
from test.support.scripts import run_script

CLIENT = """
import sys
import qovery

configuration = qovery.Configuration(host=sys.argv[1], access_token="a-token", retries=0)
api = qovery.EnvironmentSecretApi(qovery.ApiClient(configuration))
"""


def test_client__loads_what_calls_need(server: RecordingServer) -> None:
    """The first call with a model imports no module and builds no response schema."""
    server.default = Response(201, SECRET)
    script = """
assert qovery.models.Secret.__pydantic_complete__
assert qovery.models.SecretResponseList.__pydantic_complete__
body, loaded = qovery.SecretRequest(key="A", value="v"), set(sys.modules)
api.create_environment_secret("e", body)
print(sorted(set(sys.modules) - loaded))
"""
    assert run_script(CLIENT + script, server.url) == "[]\n"

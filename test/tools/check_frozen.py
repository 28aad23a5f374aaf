"""`python -m test.tools.check_frozen`: make one file of a program with PyInstaller, run it and check what it did."""

import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import io, sys
import qovery
from qovery.sandbox import Sandbox
from qovery.sync import plan_secrets, read_dotenv

assert sys.frozen
for name in qovery.__all__:
    getattr(qovery, name)
if sys.argv[1:] == ["windowed"]:  # as in a program without a console
    sys.stderr = None
with Sandbox(seeded=False) as sandbox:
    sandbox.reset()
    configuration = qovery.Configuration(host=sandbox.url, access_token="any", no_proxy="*")
    with qovery.ApiClient(configuration) as client:
        plan = plan_secrets(
            qovery.EnvironmentSecretApi(client), sandbox.environment_id, read_dotenv(io.StringIO("A=1\\nB=2"))
        )
        plan.apply(progress=True).raise_for_failures()
    assert sandbox.value(sandbox.environment_id, "B") == "2"
print("applied")
"""

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "program.py").write_text(PROGRAM, encoding="utf-8")
    options = ["--onefile", "--log-level", "WARN", "program.py"]
    subprocess.run([sys.executable, "-m", "PyInstaller", *options], check=True, cwd=folder)
    (executable,) = Path(folder, "dist").iterdir()
    for arguments in [], ["windowed"]:
        done = subprocess.run([executable, *arguments], check=True, cwd=folder, capture_output=True, text=True)
        assert done.stdout == "applied\n", done.stdout
        assert ("2/2" in done.stderr) == (not arguments), done.stderr
    print("one file of", executable.stat().st_size // 2**20, "MiB applies a plan")

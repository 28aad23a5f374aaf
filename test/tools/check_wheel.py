"""`python -m test.tools.check_wheel DIR`: install the wheel in DIR into a new virtual environment and check it."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROGRAM = """
import importlib.metadata, importlib.resources, qovery
assert importlib.resources.files("qovery").joinpath("py.typed").is_file()
assert importlib.metadata.version("qovery") == qovery.__version__
readme = importlib.metadata.metadata("qovery").get_payload()
assert readme.startswith("# qovery") and "](docs/" not in readme
assert not any(str(file).startswith(("test/", "docs/")) for file in importlib.metadata.files("qovery"))
for name in qovery.__all__:
    getattr(qovery, name)
print("qovery", qovery.__version__, "from", qovery.__file__)
"""

(wheel,) = Path(sys.argv[1]).glob("*.whl")
with tempfile.TemporaryDirectory() as folder:
    venv.create(folder, with_pip=True)
    python = str(Path(folder, "bin", "python"))
    subprocess.run([python, "-m", "pip", "install", "-q", str(wheel.resolve())], check=True)
    subprocess.run([python, "-W", "error", "-c", PROGRAM], check=True, cwd=folder)

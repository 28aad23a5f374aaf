"""Python scripts in their own processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping

from test.support import PATIENCE, ROOT

#: Warnings are errors, except the one of Python 3.12 about a fork in a multi-threaded process.
COMMAND = (sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c")


def run_script(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a script, and return its output. It must exit with 0 and write nothing to standard error."""
    done = subprocess.run(
        [*COMMAND, textwrap.dedent(script), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout

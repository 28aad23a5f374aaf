"""Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from test.support import PATIENCE, ROOT

#: Warnings are errors, but for that of Python 3.12 about a fork beside other threads.
COMMAND = (sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c")


def run_script(script: str, *arguments: str) -> str:
    """What a script printed. It must end well, without a word on standard error."""
    done = subprocess.run(
        [*COMMAND, textwrap.dedent(script), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout

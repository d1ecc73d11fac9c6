"""Run a short program in a Python of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run_program(source: str) -> subprocess.CompletedProcess[str]:
    """Run a program with warnings as errors; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done

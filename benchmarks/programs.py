"""Run a Python program in a process of its own and time it, or read what it printed."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.arms import THIS_PYTHON, environment

LIMIT = 120.0  # seconds


def seconds(arguments: list[str], directory: Path) -> float:
    """Return the wall time of `python ARGUMENTS...`."""
    started = time.perf_counter()
    _run([THIS_PYTHON, *arguments], directory)
    return time.perf_counter() - started


def printed(program: str, directory: Path, python: str = THIS_PYTHON) -> Any:
    """Return the JSON that a program's last line is."""
    return json.loads(_run([python, "-c", program], directory).splitlines()[-1])


def _run(command: list[str], directory: Path) -> str:
    ended = subprocess.run(
        command,
        cwd=directory,
        env=environment(directory, command[0]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"{command}: {ended.stderr[-2000:]}")
    return ended.stdout

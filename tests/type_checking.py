"""mypy, strict and without any setting, over files that somebody wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.virtualenvs import CACHE

HERE = Path(sys.executable)
MYPY = (sys.executable, "-m", "mypy", "--strict", "--config-file=")


def findings(folder: Path, *files: str, python: Path = HERE) -> list[tuple[str, int, str]]:
    """Return file, line and kind of each error in files of a folder, for one environment."""
    cache = CACHE / "mypy" / ("here" if python == HERE else "elsewhere")  # neither undoes the other
    done = subprocess.run(
        [*MYPY, f"--cache-dir={cache}", "--python-executable", str(python), *files],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return sorted(_finding(line) for line in done.stdout.splitlines() if ": error: " in line)


def _finding(line: str) -> tuple[str, int, str]:
    name, number, _ = line.split(":", 2)
    return name, int(number), line.rpartition("[")[2].rstrip("]")

"""mypy, strict and without any setting, over files that somebody wrote."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from tests.virtualenvs import CACHE, ROOT

MYPY = (sys.executable, "-m", "mypy", "--strict", "--config-file=")


def findings(
    folder: Path, *files: str, cache: str, installed: Sequence[str] = ()
) -> list[tuple[str, int, str]]:
    """Return file, line and kind of each error in files of a folder.

    mypy looks into an environment that has cogfal and the packages that are `installed`; in ours
    it would read each package that one of them may use. What it knows is kept under `cache`.
    """
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "installed.pth").write_text(f"{ROOT / 'src'}\n{ROOT / 'stubs'}\n")
    for name in installed:
        (site / name).symlink_to(package(name))
    python = environment / "bin" / "python"
    done = subprocess.run(
        [
            *MYPY,
            f"--cache-dir={CACHE / 'mypy' / cache}",
            "--python-executable",
            str(python),
            *files,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return sorted(_finding(line) for line in done.stdout.splitlines() if ": error: " in line)


def package(name: str) -> Path:
    """Return where a package of this environment lies."""
    return Path(str(distribution(name).locate_file(name)))


def _finding(line: str) -> tuple[str, int, str]:
    name, number, _ = line.split(":", 2)
    return name, int(number), line.rpartition("[")[2].rstrip("]")

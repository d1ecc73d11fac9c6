"""Commands that start at once: forks of a process that has imported fal and cogfal already.

Importing fal takes seconds, and most tests of a command are about what it does, not about how it
starts. `command("cogfal")`, `command("fal")` and `command("python")` are executables for them: what
they run has its own session, directory, environment, descriptors and exit status, as if it had been
started anew. Each entry point has tests with a real start besides; what is about importing,
unpacking or the process itself is never forked.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent


def command(name: str, python: Path | None = None, **imported_with: str) -> Path:
    """Return an executable that does what `fal`, `cogfal` or `python` does.

    They are those of the environment that `python` belongs to, this one by default;
    `imported_with` are the variables at which fal looks when it is imported.
    """
    return commands(python, **imported_with) / name


@cache
def commands(python: Path | None = None, **imported_with: str) -> Path:
    """Return a directory of such executables, for a PATH; they end with this process."""
    folder = Path(tempfile.mkdtemp(prefix="forking-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = folder / "socket"
    relay = (_HERE / "relay.py").read_text()
    for name in ("cogfal", "fal", "python"):
        script = folder / name
        script.write_text(f"#!{sys.executable} -ISE\n{relay}")
        script.chmod(0o755)
    _start_parent(python or Path(sys.executable), folder, address, imported_with)
    return folder


def _start_parent(python: Path, folder: Path, address: Path, variables: Mapping[str, str]) -> None:
    """Start it, without waiting until it has imported what it is there for."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAL_", "COG"))}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        parent = subprocess.Popen(
            [str(python), str(_HERE / "parent.py"), str(listener.fileno())],
            env={**kept, "HOME": str(folder), "COLUMNS": "200", "NO_COLOR": "1", **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )
    atexit.register(_end, parent)


def _end(parent: subprocess.Popen[bytes]) -> None:
    """Close its input, which tells the parent to go."""
    parent.communicate()

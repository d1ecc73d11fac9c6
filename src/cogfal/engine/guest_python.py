"""The Python that the author's own process has, and its environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias


class GuestPython(NamedTuple):
    """The Python of the author's own process.

    Attributes:
        path: The program.
        environ: Its environment variables, all of them.
    """

    path: str
    environ: Mapping[str, str]


FindGuestPython: TypeAlias = Callable[[], GuestPython | None]
"""Says which Python the author's own process has; None where it has none of its own."""


def own_python() -> GuestPython:
    """Return the one that runs this, which finds there what is imported here."""
    path = os.pathsep.join(filter(None, sys.path))
    return GuestPython(sys.executable, {**os.environ, "PYTHONPATH": path})


def python_at(path: Path) -> GuestPython:
    """Return the interpreter at a path, with this process's variables as far as they fit it."""
    return GuestPython(str(path), guest_variables(path, os.environ))


def guest_variables(python: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables under which the programs of an interpreter's environment are found.

    Nothing of the environment that this process runs in is on the PATH that is returned.

    Args:
        python: The interpreter, as it is to be started.
        environ: The variables to start from.
    """
    own = {str(Path(sys.executable).parent), str(Path(sys.prefix, "bin"))}
    before = environ.get("PATH", os.defpath).split(os.pathsep)
    path = [str(python.parent), *(each for each in before if each not in own)]
    hidden = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "UV_PYTHON", "CONDA_PREFIX")
    kept = {name: value for name, value in environ.items() if name not in hidden}
    kept["PATH"] = os.pathsep.join(dict.fromkeys(path))
    if (python.parent.parent / "pyvenv.cfg").is_file():
        kept["VIRTUAL_ENV"] = str(python.parent.parent)
    return kept

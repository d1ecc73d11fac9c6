"""Which Python the author's own process has, and with which environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias


class Interpreter(NamedTuple):
    """The Python of the author's own process.

    Attributes:
        path: The program.
        environ: Its environment variables, all of them.
    """

    path: str
    environ: Mapping[str, str]


FindInterpreter: TypeAlias = Callable[[], Interpreter | None]
"""Says which Python the author's own process has; None where it has none of its own."""


def own_interpreter() -> Interpreter:
    """Return the one that runs this, which finds there what is imported here."""
    path = os.pathsep.join(filter(None, sys.path))
    return Interpreter(sys.executable, {**os.environ, "PYTHONPATH": path})

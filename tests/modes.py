"""The two modes in which the author's code runs, and the Pythons of the second."""

from __future__ import annotations

import os

import pytest

from cogfal.engine.submission import FindInterpreter, Interpreter
from tests.interpreters import INTERPRETERS, NEWEST, OLDEST

OWN = [f"own on {name}" for name in INTERPRETERS]
DIAGONAL = tuple(
    f"own on {name}" for name, path in INTERPRETERS.items() if path in (OLDEST, NEWEST)
)
MODES = [
    "shared",
    *(pytest.param(own, marks=() if own in DIAGONAL else pytest.mark.long) for own in OWN),
]
"""For `parametrize`: the shared mode, and the own on the oldest and the newest Python.

Every other Python's is marked as long.
"""


def interpreter_of(mode: str) -> FindInterpreter | None:
    """Return what finds the interpreter of a mode; None for the shared one."""
    if mode == "shared":
        return None
    path = INTERPRETERS[mode.rpartition(" ")[2]]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return lambda: Interpreter(str(path), variables)

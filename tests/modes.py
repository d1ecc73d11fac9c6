"""The two modes in which the author's code runs, and the Pythons of the second."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cogfal.engine.guest_python import FindGuestPython, GuestPython
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


SHARED, ON_OLDEST, ON_NEWEST = "shared", DIAGONAL[0], DIAGONAL[-1]


def first(*modes: str) -> list[Any]:
    """Return the parameters of a fixture whose tests run in these modes.

    What takes long is the rest of the matrix: the other modes, each with all of the tests.
    """
    marks = {each: () if each in modes else pytest.mark.long for each in (SHARED, *DIAGONAL)}
    return [pytest.param(each, marks=marks[each]) for each in marks]


def cog_yaml(mode: str) -> dict[str, str]:
    """Return what `write_project` needs for an app on this machine to run in a mode."""
    version = mode.rpartition(" ")[2]
    return {} if mode == SHARED else {"cog_yaml": f'build: {{python_version: "{version}"}}\n'}


def interpreter_of(mode: str) -> FindGuestPython | None:
    """Return what finds the interpreter of a mode; None for the shared one."""
    if mode == SHARED:
        return None
    path = INTERPRETERS[mode.rpartition(" ")[2]]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return lambda: GuestPython(str(path), variables)

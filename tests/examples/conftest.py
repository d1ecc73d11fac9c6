"""Serve the example projects."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.environments import environment
from tests.local_run import LocalRun

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """Copy an example as it is, so that what it writes stays out of the checkout."""
    return lambda name: shutil.copytree(
        EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.fixture
def serve_example(
    serve: Callable[..., LocalRun], example: Callable[[str], Path]
) -> Callable[[str], LocalRun]:
    """Serve an example with `fal run --local`, in an environment that holds what it asks for."""

    def start(name: str) -> LocalRun:
        folder = example(name)
        return serve("app.py::App", cwd=folder, python=environment(*layers(folder)))

    return start


def layers(folder: Path) -> list[list[str]]:
    """Read what the app asks fal to install, one list for each layer."""
    wanted = runpy.run_path(str(folder / "app.py"))["App"].requirements
    return wanted if wanted and isinstance(wanted[0], list) else [wanted]

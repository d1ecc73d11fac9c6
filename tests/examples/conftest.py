"""Serve the example projects."""

from __future__ import annotations

import json
import shutil
import subprocess
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
    """Ask the app, in a client's environment, what it wants fal to install, layer by layer."""
    code = "import json, runpy; print(json.dumps(runpy.run_path('app.py')['App'].requirements))"
    answer = subprocess.run(
        [environment(), "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    wanted = json.loads(answer.stdout)
    return wanted if wanted and isinstance(wanted[0], list) else [wanted]

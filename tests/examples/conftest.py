"""Serve the example projects."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.local_run import LocalRun
from tests.virtualenvs import environment

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def serve_example(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], LocalRun]]:
    """Serve an example with `fal run --local`, once for all tests of a module.

    It runs as it is, copied so that what it writes stays out of the checkout, in an environment
    that holds what it asks for.
    """
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as running:

        @cache
        def start(name: str) -> LocalRun:
            folder = tmp_path_factory.mktemp("examples") / name
            shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
            python = environment(*layers(folder))
            run = LocalRun("app.py::App", cwd=folder, home=home, python=python)
            return running.enter_context(run)

        yield start


def layers(folder: Path) -> list[list[str]]:
    """Ask the app, in a client's environment, what it wants fal to install, layer by layer."""
    code = "import json, runpy; print(json.dumps(runpy.run_path('app.py')['App'].requirements))"
    answer = subprocess.run(
        [environment(), "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    wanted = json.loads(answer.stdout)
    return wanted if wanted and isinstance(wanted[0], list) else [wanted]

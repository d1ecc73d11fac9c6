"""Serve the example projects."""

from __future__ import annotations

import shutil
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

    It runs as it is, copied so that what it writes stays out of the checkout; in cogfal's own
    environment there is nothing of what it asks for.
    """
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as running:

        @cache
        def start(name: str) -> LocalRun:
            folder = tmp_path_factory.mktemp("examples") / name
            shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
            run = LocalRun("app.py::App", cwd=folder, home=home, python=environment())
            return running.enter_context(run)

        yield start

"""The pytest plugin: `pytest_plugins = ["cogfal.testing.plugin"]` in a conftest.py.

Its fixtures find the project by themselves: the nearest directory with a cog.yaml, at or above the
test's own, not looking above pytest's root.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cogfal.compare.comparison import Comparison
from cogfal.examples import Example, find_examples
from cogfal.testing.project import (
    ProjectClient,
    compare_with,
    open_predictor,
    open_trainer,
    run_all,
)

COG_YAML = "cog.yaml"


@pytest.fixture(scope="module")
def cog_project(request: pytest.FixtureRequest) -> Path:
    """The project's directory; override it where the project lies elsewhere."""
    start: Path = request.path.parent
    for directory in (start, *start.parents):
        if (directory / COG_YAML).is_file():
            return directory
        if directory == request.config.rootpath:
            break
    return start


@pytest.fixture(scope="module")
def predictor(cog_project: Path) -> Iterator[ProjectClient]:
    """The project's predictor, set up once for the tests of a module."""
    with open_predictor(cog_project) as client:
        yield client


@pytest.fixture(scope="module")
def trainer(cog_project: Path) -> Iterator[ProjectClient]:
    """The project's trainer, set up once for the tests of a module."""
    with open_trainer(cog_project) as client:
        yield client


@pytest.fixture(scope="module")
def examples(cog_project: Path) -> list[Example]:
    """The examples of the project's examples.yaml; none where it has no such file."""
    return find_examples(cog_project)


@pytest.fixture
def run_examples(predictor: ProjectClient, examples: list[Example]) -> Callable[[], None]:
    """Run all examples: `run_examples()`; one with an output must be answered so again."""
    return partial(run_all, predictor, examples)


@pytest.fixture
def compare() -> Callable[..., Comparison]:
    """Compare a project with a recording: `compare(project, recording)`; see `compare_with`."""
    return compare_with

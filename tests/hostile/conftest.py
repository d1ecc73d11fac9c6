"""Servers under attack, one of each kind for all tests of the package."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

import pytest

from tests.file_server import FileServer, file_server
from tests.hostile.target import NESTED, RETURNS_FILES, STREAMS, TAKES_EVERYTHING, Target
from tests.modes import ON_NEWEST, ON_OLDEST, SHARED, first


def served(predictor: str, *settings: str, mode: str = SHARED) -> Any:
    """Return a fixture: the predictor as fal serves it, with lines for its App, first in a mode."""

    @pytest.fixture(scope="package", params=first(mode))
    def serve_once(
        request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Target]:
        folder = tmp_path_factory.mktemp("served")
        with Target(folder, predictor, *settings, mode=request.param) as process:
            assert process.url
            yield process

    return serve_once


target = served(TAKES_EVERYTHING)
"""Takes every kind of input."""

reaching = served(TAKES_EVERYTHING, "allow_private_hosts = True", "allow_output_prefix = True")
"""The same, allowed to reach servers of this machine."""

small = served(
    TAKES_EVERYTHING,
    "allow_private_hosts = True",
    "max_file_bytes = 1_000_000",
    mode=ON_OLDEST,
)
"""The same, that takes files of up to a megabyte."""

nested = served(NESTED)
"""Its secrets lie inside of objects."""

streaming = served(STREAMS, mode=ON_NEWEST)
"""Streams."""

returning = served(RETURNS_FILES)
"""Returns files of all sorts."""


@pytest.fixture(params=first(SHARED))
def mode(request: pytest.FixtureRequest) -> str:
    """The mode of an app that a test serves for itself."""
    return str(request.param)


@pytest.fixture
def canary() -> Iterator[FileServer]:
    """A server of this machine that nobody may reach; it lists what was asked of it."""
    with file_server() as server:
        yield server


MANY = 5_000
"""Descriptors of the test's own process, for its ends of the connections."""


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process itself have more descriptors than a server by default."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < MANY:
        pytest.skip(f"this process may have {before[1]} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)

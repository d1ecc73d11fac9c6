"""Servers under attack, one of each kind for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.file_server import FileServer, file_server
from tests.hostile.target import NESTED, RETURNS_FILES, STREAMS, TAKES_EVERYTHING, Target


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A predictor that takes every kind of input, as fal serves it."""
    with Target(tmp_path_factory.mktemp("target"), TAKES_EVERYTHING) as process:
        assert process.url
        yield process


@pytest.fixture(scope="package")
def reaching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The same, allowed to reach servers of this machine."""
    folder = tmp_path_factory.mktemp("reaching")
    with Target(
        folder, TAKES_EVERYTHING, "allow_private_hosts = True", "allow_output_prefix = True"
    ) as process:
        assert process.url
        yield process


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The same, that takes files of up to a megabyte."""
    folder = tmp_path_factory.mktemp("small")
    with Target(
        folder, TAKES_EVERYTHING, "allow_private_hosts = True", "max_file_bytes = 1_000_000"
    ) as process:
        assert process.url
        yield process


@pytest.fixture(scope="package")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A predictor whose secrets lie inside of objects."""
    with Target(tmp_path_factory.mktemp("nested"), NESTED) as process:
        assert process.url
        yield process


@pytest.fixture(scope="package")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A predictor that streams."""
    with Target(tmp_path_factory.mktemp("streaming"), STREAMS) as process:
        assert process.url
        yield process


@pytest.fixture(scope="package")
def returning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A predictor that returns files of all sorts."""
    with Target(tmp_path_factory.mktemp("returning"), RETURNS_FILES) as process:
        assert process.url
        yield process


@pytest.fixture
def canary() -> Iterator[FileServer]:
    """A server of this machine that nobody may reach; it lists what was asked of it."""
    with file_server() as server:
        yield server

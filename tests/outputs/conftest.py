"""OutputDirectories and a desk for outputs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogfal.files.workspace import Workspace
from cogfal.outputs.directories import OutputDirectories
from tests.outputs.desk import Desk, Shelf


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's directory."""
    root = tmp_path / "project"
    root.mkdir()
    return root


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory for temporary outputs, outside the project."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A prediction's directory."""
    with Workspace() as opened:
        yield opened


@pytest.fixture
def desk(project: Path, workspace: Workspace) -> Desk:
    """Where outputs are handed in."""
    return Desk(project, workspace, Shelf(), OutputDirectories(project))

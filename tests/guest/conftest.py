"""The desk at which results are handed in, for what the author's process writes to disk."""

from __future__ import annotations

from tests.outputs.conftest import desk, project, scratch, workspace

__all__ = ["desk", "project", "scratch", "workspace"]

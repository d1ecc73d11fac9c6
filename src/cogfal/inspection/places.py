"""Tell where on this machine a path lies that the author's text names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cogfal.inspection.values import HostPath, PathText, Unresolved, Value
from cogfal.inspection.world import World

COG_DIRECTORY: Final = Path("/src")
"""Where every project lies under Cog, so where authors expect their own files."""


def located(world: World, value: Value) -> Path:
    """Return a path on this machine; `/src` stands for the project, which is there for Cog.

    Raises:
        Unresolved: The path is not known.
    """
    match value:
        case HostPath():
            return value.path
        case PathText():
            text = value.text
        case str():
            text = value
        case _:
            raise Unresolved("the path is not known")
    path, root = Path(text), world.state.project.root
    if path.is_relative_to(COG_DIRECTORY) and not root.is_relative_to(COG_DIRECTORY):
        path = path.relative_to(COG_DIRECTORY)
    return Path(os.path.normpath(root / path))


def inside(world: World, value: Value) -> Path:
    """Return a path in the project.

    Raises:
        Unresolved: It lies outside, or is not known.
    """
    path = located(world, value)
    if not path.resolve().is_relative_to(world.state.project.root.resolve()):
        raise Unresolved("the file lies outside the project")
    return path

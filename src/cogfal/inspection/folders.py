"""List folders of the project, as modules do that offer each of their voices as a choice.

Only what is there is told: a folder that is missing here may be filled by the build or a download,
so its absence says nothing of the runner. Names come in alphabetical order; Python gives them in
whichever order the disk has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from cogfal.inspection.limits import take
from cogfal.inspection.places import inside
from cogfal.inspection.values import HostPath, PathText, Unresolved, Value
from cogfal.inspection.world import World

MAX_PARTS: Final = 8
_WILD: Final = re.compile(r"[*?\[]")


def is_there(world: World, place: Value, kind: Callable[[Path], bool] = Path.exists) -> bool:
    """Return whether a file or folder of the project is one of that kind.

    Raises:
        Unresolved: Nothing is there now.
    """
    path = inside(world, place)
    if not path.exists():
        raise Unresolved("it is not there now, and may be on the runner")
    return kind(path)


def names_in(world: World, place: Value = ".") -> list[Value]:
    """Return what `os.listdir` gives."""
    return [path.name for path in _entries(world, _folder(world, place), "*")]


def paths_in(world: World, place: Value, pattern: Value = "*") -> list[Value]:
    """Return what a path's `iterdir`, `glob` or `rglob` gives: paths of the same kind."""
    folder = _folder(world, place)
    found = _entries(world, folder, pattern)
    if isinstance(place, HostPath):
        return [HostPath(path) for path in found]
    start = PurePosixPath(place.text if isinstance(place, PathText) else str(place))
    return [PathText(str(start / path.relative_to(folder).as_posix())) for path in found]


def texts_like(world: World, pattern: Value, *, recursive: Value = False) -> list[Value]:
    """Return what `glob.glob` gives."""
    wild = _WILD.search(pattern) if isinstance(pattern, str) else None
    if wild is None or ("**" in pattern and recursive is not True):
        raise Unresolved("such a pattern is not evaluated")
    fixed = pattern[: pattern.rfind("/", 0, wild.start()) + 1]
    folder = _folder(world, fixed or ".")
    found = _entries(world, folder, pattern.removeprefix(fixed))
    shown = [path for path in found if not path.name.startswith(".")]
    return [fixed + path.relative_to(folder).as_posix() for path in shown]


def _folder(world: World, place: Value) -> Path:
    folder = inside(world, place)
    if not folder.is_dir():
        raise Unresolved(f"there is no folder {folder.name} in the project")
    return folder


def _entries(world: World, folder: Path, pattern: Value) -> list[Path]:
    parts = PurePosixPath(str(pattern)).parts
    if not isinstance(pattern, str) or not parts or ".." in parts or pattern.startswith("/"):
        raise Unresolved("such a pattern is not evaluated")
    if len(parts) > MAX_PARTS or parts.count("**") > 1:
        raise Unresolved("too much work to evaluate")
    found = take(sorted(folder.glob(pattern)), world.state.budget)
    if not found:
        raise Unresolved(f"nothing in {folder.name} is like {pattern} now")
    return found

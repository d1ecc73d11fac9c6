"""Let `/src`, where every project lies under Cog, be the project wherever fal puts it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

COG_DIRECTORY: Final = Path("/src")


def lead_to(root: Path, place: Path = COG_DIRECTORY) -> Callable[[], None]:
    """Make `place` a link to the project, for authors who write `/src/config.yaml`.

    A directory that is there already stays; a link gives way, since a runner has one project. Where
    the link cannot be made, the log says so once.

    Returns:
        What removes the link.
    """
    if place.exists() and (not place.is_symlink() or place.samefile(root)):
        return _nothing
    try:
        place.unlink(missing_ok=True)  # what a killed runner left behind
        place.symlink_to(root, target_is_directory=True)
    except FileExistsError:  # another runner on this machine made it at the same time
        return _nothing
    except OSError as error:
        sys.stderr.write(
            f"cogfal: {place} cannot lead to the project in {root} ({error.strerror}); "
            f'if the predictor opens files in {place}, set kind = "container" on the App\n'
        )
        return _nothing
    return partial(place.unlink, missing_ok=True)


def _nothing() -> None:
    """Leave all as it is."""

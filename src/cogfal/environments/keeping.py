"""List the environments that are kept on this machine, and remove them."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cogfal.environments.making import MARKER, environments_directory
from cogfal.environments.model import ModelEnvironment


@dataclass(frozen=True, slots=True)
class KeptEnvironment:
    """An environment that was made here; `used` is when it was last asked for, in seconds."""

    key: str
    path: Path
    environment: ModelEnvironment
    used: float

    def size(self) -> int:
        """Return the bytes that would be free without it; files shared with uv's cache count."""
        found = 0
        for folder, _, names in os.walk(self.path):
            found += sum(Path(folder, name).lstat().st_size for name in names)
        return found


def kept_environments(directory: Path | None = None) -> list[KeptEnvironment]:
    """Return the environments that are kept, those used last first."""
    directory = directory or environments_directory()
    found = []
    for marker in directory.glob(f"*/{MARKER}"):
        environment = ModelEnvironment.from_json(marker.read_text(encoding="utf-8"))
        place = marker.parent
        used = marker.stat().st_mtime
        found.append(KeptEnvironment(place.name, place, environment, used))
    return sorted(found, key=lambda each: each.used, reverse=True)


def remove_environment(kept: KeptEnvironment) -> None:
    """Remove one, once nobody is making it anew."""
    handle = os.open(kept.path.with_name(f"{kept.key}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Renamed first: whoever looks for it meanwhile finds all of it or nothing.
        gone = kept.path.with_name(f".{kept.key}-removed")
        kept.path.rename(gone)
        shutil.rmtree(gone)
    finally:
        os.close(handle)

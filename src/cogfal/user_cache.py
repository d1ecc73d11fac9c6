"""Where a machine of one's own keeps what can be had again."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """Return the directory for clones, environments, weights and other things to be had again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "cogfal")

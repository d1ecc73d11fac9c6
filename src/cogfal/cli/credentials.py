"""Look for fal's credentials where fal looks; they are not tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cogfal.cli.console import Mark
from cogfal.cli.findings import Finding

REMEDY: Final = "`fal auth login`, or set FAL_KEY"


def find_credentials() -> Iterator[Finding]:
    """Say whether there are any."""
    if has_credentials():
        yield Finding(Mark.GOOD, "fal credentials are there")
        return
    yield Finding(
        Mark.NOTE, "there are no fal credentials here; running locally needs none", remedy=REMEDY
    )


def has_credentials() -> bool:
    """Tell whether fal would find a key or a login."""
    home = Path(os.environ.get("FAL_HOME_DIR") or Path.home() / ".fal")
    keys = bool(os.environ.get("FAL_KEY") or os.environ.get("FAL_KEY_ID"))
    return keys or (home / "auth0_token").exists() or _has_key(home / "config.toml")


def _has_key(path: Path) -> bool:
    return path.is_file() and "key" in path.read_text("utf-8")

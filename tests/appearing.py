"""Wait until something appears in a directory."""

from __future__ import annotations

import asyncio
from pathlib import Path


async def first_below(directory: Path) -> Path:
    """Return the first file that appears below a directory."""

    def look() -> Path:
        while True:
            for path in directory.rglob("*"):
                if path.is_file():
                    return path

    return await asyncio.to_thread(look)

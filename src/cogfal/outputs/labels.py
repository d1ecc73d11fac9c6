"""Name a place inside an output, for messages and for files without a name of their own."""

from __future__ import annotations

from typing import TypeAlias

Loc: TypeAlias = tuple[str | int, ...]


def label(loc: Loc) -> str:
    """Write a place as Python would, such as `output.images[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "output" + "".join(parts)


def stem(loc: Loc) -> str:
    """Call a nameless file after its place: `output`, `2` in a list as in Cog, or `images.2`."""
    return ".".join(str(part) for part in loc) or "output"

"""Pictures of a wanted size in bytes."""

from __future__ import annotations

import io
import random

from PIL import Image


def noise(size: int) -> bytes:
    """Return a PNG of about `size` bytes; noise does not compress."""
    side = round((size / 3) ** 0.5)
    image = Image.frombytes("RGB", (side, side), random.Random(size).randbytes(3 * side * side))
    buffer = io.BytesIO()
    image.save(buffer, "png", compress_level=1)
    return buffer.getvalue()

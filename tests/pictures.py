"""Draw pictures and send them as data URLs, which need no network."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw, ImageFont


def drawn(text: str, *, size: tuple[int, int] = (720, 160)) -> bytes:
    """Return a PNG with black `text` on white."""
    picture = Image.new("RGB", size, "white")
    font = ImageFont.load_default(64)
    ImageDraw.Draw(picture).text((40, 45), text, fill="black", font=font)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def data_url(content: bytes, media_type: str = "image/png") -> str:
    """Return a `data:` URL that holds `content`."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"

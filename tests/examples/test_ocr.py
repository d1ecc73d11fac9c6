"""A real model on the CPU: picture in, object with text, boxes and a picture out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from tests.local_run import LocalRun
from tests.pictures import data_url, drawn

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        sys.version_info >= (3, 13), reason="rapidocr-onnxruntime needs Python before 3.13"
    ),
]


def test_a_drawn_text_comes_back_as_text(serve_example: Callable[[str], LocalRun]) -> None:
    """What was drawn is read, with its box and score, and the annotated picture opens."""
    picture = drawn("Served by fal 2026")
    url = serve_example("ocr").url

    answer = httpx.post(url, json={"image": data_url(picture)}, timeout=120).json()
    annotated = httpx.get(answer["annotated"]["url"]).content

    assert answer["text"] == "Served by fal 2026"
    (box,) = answer["boxes"]
    assert box["score"] > 0.9
    assert len(box["points"]) == 4
    assert answer["annotated"]["content_type"] == "image/png"
    with Image.open(io.BytesIO(annotated)) as opened:
        assert opened.size == (720, 160)
        colors = opened.convert("RGB").getcolors(opened.width * opened.height) or []
        assert (255, 0, 0) in {color for _, color in colors}

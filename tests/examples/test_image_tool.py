"""Picture in, picture out."""

from __future__ import annotations

import io
from collections.abc import Callable

import httpx
import pytest
from PIL import Image

from tests.local_run import LocalRun
from tests.pictures import data_url, drawn


def test_a_picture_comes_back_edited(serve_example: Callable[[str], LocalRun]) -> None:
    """The answer's URL opens and holds the picture that the answer describes."""
    url = serve_example("image-tool").url
    inputs = {"image": data_url(drawn("cog")), "width": 180, "grayscale": True}

    image = httpx.post(url, json={**inputs, "output_format": "jpg"}).json()["image"]
    downloaded = httpx.get(image["url"])

    assert (image["width"], image["height"]) == (180, 40)
    assert image["content_type"] == "image/jpeg"
    assert image["file_size"] == len(downloaded.content)
    assert downloaded.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(downloaded.content)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "L", (180, 40))


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"width": 8}, "width"),
        ({"contrast": -1}, "contrast"),
        ({"output_format": "tiff"}, "output_format"),
        ({"image": "/etc/passwd"}, "image"),
        ({"image": "file:///etc/passwd"}, "image"),
    ],
    ids=["too small", "negative", "unknown format", "local path", "file URL"],
)
def test_wrong_inputs_are_refused_at_their_place(
    serve_example: Callable[[str], LocalRun], wrong: dict[str, object], place: str
) -> None:
    """A value outside an input's rules gives 422, free of charge, before predict is called."""
    url = serve_example("image-tool").url

    answer = httpx.post(url, json={"image": data_url(drawn("cog")), **wrong})

    assert answer.status_code == 422
    assert answer.headers["x-fal-billable-units"] == "0"
    assert [error["loc"][:2] for error in answer.json()["detail"]] == [["body", place]]

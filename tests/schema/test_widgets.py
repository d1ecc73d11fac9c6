"""Playground hints."""

from __future__ import annotations

from typing import Any

import pytest

from cogfal.schema.widgets import MediaKind, media_kind_of_name, widget
from cogfal.spec import InputSpec, ListType, OptionalType
from tests.schema.corpus import FILE, FLOAT, INT, PATH, SECRET, STR

WIDGETS: dict[str, tuple[InputSpec, str | None]] = {
    "image-by-name": (InputSpec("image", PATH), "image"),
    "image-by-last-word": (InputSpec("video_mask", PATH), "image"),
    "image-numbered": (InputSpec("image2", PATH), "image"),
    "image-camel": (InputSpec("inputImage", PATH), "image"),
    "image-optional": (InputSpec("mask", OptionalType(PATH)), "image"),
    "images": (InputSpec("style_images", ListType(PATH)), "image"),
    "video": (InputSpec("driving_video", FILE), "video"),
    "audio": (InputSpec("speaker_wav", PATH), "audio"),
    "archive": (InputSpec("image_archive", PATH), "file"),
    "weights": (InputSpec("weights", PATH), "file"),
    "by-accept": (InputSpec("source", PATH, accept="image/*"), "image"),
    "by-extensions": (InputSpec("source", PATH, accept=".mp3, .wav"), "audio"),
    "accept-over-name": (InputSpec("image", PATH, accept=".zip"), "file"),
    "accept-mixed": (InputSpec("source", PATH, accept="image/*,video/*"), "file"),
    "by-description": (InputSpec("source", PATH, description="The video to edit."), "video"),
    "plain-file": (InputSpec("source", PATH), "file"),
    "prompt": (InputSpec("prompt", STR), "textarea"),
    "negative-prompt": (InputSpec("negative_prompt", OptionalType(STR)), "textarea"),
    "text": (InputSpec("text", STR), "textarea"),
    "short-text": (InputSpec("name", STR), None),
    "prompt-of-choices": (InputSpec("prompt", STR, choices=("a", "b")), None),
    "seed": (InputSpec("seed", INT), "seed"),
    "noise-seed": (InputSpec("noise_seed", OptionalType(INT)), "seed"),
    "float-seed": (InputSpec("seed", FLOAT), None),
    "secret": (InputSpec("prompt", SECRET), None),
}


@pytest.mark.parametrize(("each", "expected"), WIDGETS.values(), ids=WIDGETS.keys())
def test_widget_of_an_input(each: InputSpec, expected: str | None) -> None:
    """An input is shown as its declaration, its name or its description suggests."""
    assert widget(each) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image", MediaKind.IMAGE),
        ("images", MediaKind.IMAGE),
        ("video", MediaKind.VIDEO),
        ("audio", MediaKind.AUDIO),
        ("output", None),
        ("model_glb", None),
    ],
)
def test_media_kind_that_a_name_states(name: str, expected: Any) -> None:
    """A field's name states the kind of media where it is a word for one."""
    assert media_kind_of_name(name) == expected

"""How far answers are apart."""

from __future__ import annotations

import math
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cogfal.compare.measures import Difference, measure, tolerated


def picture(
    path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB", dot: bool = False
) -> Path:
    """Draw a picture, with one other pixel where asked."""
    image = Image.new(mode, size, "red" if mode != "L" else 100)
    if dot:
        image.putpixel((3, 3), (250, 0, 0))
    image.save(path)
    return path


def sound(path: Path, frames: int, channels: int = 1, rate: int = 8000) -> Path:
    """Write silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * frames * channels)
    return path


def found(before: Any, after: Any, folder: Path) -> list[Difference]:
    """Return the differences of two values."""
    return list(measure(before, after, folder))


PLAIN: dict[str, tuple[Any, Any, str, str]] = {
    "text": ("a cat", "a dog", "output", "'a cat' became 'a dog'"),
    "number": (1.0, 1.5, "output", "1.0 became 1.5"),
    "type": (1, "1", "output", "1 became '1'"),
    "truth is no number": (1, True, "output", "1 became True"),
    "deep": ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "output.a[1].b", "2 became 3"),
    "gone": ({"a": 1}, {}, "output.a", "gone; it was 1"),
    "new": ({}, {"a": 1}, "output.a", "new: 1"),
    "null": (None, 0, "output", "None became 0"),
    "no end": (1.0, math.inf, "output", "1.0 became inf"),
}


@pytest.mark.parametrize(("before", "after", "place", "what"), PLAIN.values(), ids=PLAIN)
def test_each_difference_has_its_place(
    tmp_path: Path, before: Any, after: Any, place: str, what: str
) -> None:
    """JSON is compared path by path."""
    (difference,) = found(before, after, tmp_path)

    assert (difference.place, difference.what) == (place, what)
    assert difference.distance > 0


def test_other_pieces_are_named(tmp_path: Path) -> None:
    """Their number, and each that is another."""
    whats = [each.what for each in found(["a", "b", "c"], ["a", "x"], tmp_path)]

    assert whats == ["3 items became 2", "'b' became 'x'"]


def test_a_long_text_is_told_as_a_diff(tmp_path: Path) -> None:
    """Only the lines around the change."""
    lines = [f"line {number} of a long text that goes on and on" for number in range(40)]

    (difference,) = found("\n".join(lines), "\n".join([*lines[:20], "new", *lines[21:]]), tmp_path)

    assert "-line 20" in difference.what
    assert "+new" in difference.what
    assert "line 30" not in difference.what


def test_a_picture_off_by_one_pixel_is_found_and_drawn(tmp_path: Path) -> None:
    """How many pixels differ and by how much; the drawing shows where."""
    before, after = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", dot=True)

    (difference,) = found(before, after, tmp_path)

    assert difference.what.startswith("1 of 64 pixels differ, by up to 5 of 255")
    assert 0 < difference.distance < 0.001
    assert difference.picture is not None
    with Image.open(difference.picture) as drawn:
        assert [at for at in range(64) if drawn.getpixel((at % 8, at // 8)) != (0, 0, 0)] == [27]


FORMS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Path], str]] = {
    "size": (
        lambda folder: picture(folder / "a.png"),
        lambda folder: picture(folder / "b.png", (9, 8)),
        "8 x 8 pixels became 9 x 8 pixels",
    ),
    "mode": (
        lambda folder: picture(folder / "a.png"),
        lambda folder: picture(folder / "b.png", mode="RGBA"),
        "mode RGB became RGBA",
    ),
    "kind": (
        lambda folder: picture(folder / "a.png"),
        lambda folder: picture(folder / "b.jpg"),
        "image/png became image/jpeg",
    ),
    "channels": (
        lambda folder: sound(folder / "a.wav", 8000),
        lambda folder: sound(folder / "b.wav", 8000, channels=2),
        "channels 1 became 2",
    ),
}


@pytest.mark.parametrize(("before", "after", "what"), FORMS.values(), ids=FORMS)
def test_another_form_is_no_matter_of_degree(
    tmp_path: Path, before: Callable[[Path], Path], after: Callable[[Path], Path], what: str
) -> None:
    """No tolerance passes it."""
    (difference,) = found(before(tmp_path), after(tmp_path), tmp_path)

    assert difference.what == what
    assert math.isinf(difference.distance)


def test_shorter_sound_is_told_in_seconds(tmp_path: Path) -> None:
    """Its distance is the share that is missing."""
    (difference,) = found(
        sound(tmp_path / "a.wav", 8000), sound(tmp_path / "b.wav", 6000), tmp_path
    )

    assert difference.what == "seconds 1.0 became 0.75"
    assert difference.distance == pytest.approx(0.25)


def test_other_files_are_compared_by_their_bytes(tmp_path: Path) -> None:
    """Type, size and content; the same bytes under another name are the same."""
    for name, text in (("a.txt", "one"), ("b.txt", "one"), ("c.txt", "two"), ("d.txt", "three")):
        (tmp_path / name).write_text(text)

    whats = [
        [each.what for each in found(tmp_path / "a.txt", tmp_path / name, tmp_path)]
        for name in ("b.txt", "c.txt", "d.txt")
    ]

    assert whats == [[], ["other bytes (3 of them, as before)"], ["3 bytes became 5"]]


def test_a_file_that_lies_about_its_kind_is_no_crash(tmp_path: Path) -> None:
    """A broken picture differs, with the reason."""
    broken = tmp_path / "b.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing of the kind")

    (difference,) = found(picture(tmp_path / "a.png"), broken, tmp_path)

    assert "cannot be seen" in difference.what


def test_the_nearest_fields_tolerance_holds() -> None:
    """One for all, or by the name of a field."""
    by_field = {"scores": 0.5, "output": 0.1}

    assert tolerated(("x", 1), 0.2) == 0.2
    assert tolerated(("scores", 3), by_field) == 0.5
    assert tolerated(("other",), by_field) == 0.1
    assert tolerated(("other",), {"scores": 0.5}) == 0.0

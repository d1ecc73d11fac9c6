"""Measure how far one answer is from another, place by place, and how far two files are.

A distance is 0 where two values are the same and grows to 1 and beyond: for texts the share that
differs, for numbers the relative difference, for pictures the mean difference of their pixels.
"""

from __future__ import annotations

import difflib
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageChops, ImageStat, UnidentifiedImageError

from cogfal.files.cache import sha256_of
from cogfal.files.media import describe
from cogfal.nested import Loc
from cogfal.spec import JSON

if TYPE_CHECKING:
    from av.container import InputContainer

LONGEST_DIFF: Final = 20  # lines
LONGEST_VALUE: Final = 120  # characters
MOST_PIXELS: Final = 100_000_000
STRONG: Final = 8  # makes a small difference visible in its picture


@dataclass(frozen=True)
class Difference:
    """How far two values at one place are apart, in words, and where it can be, in a picture.

    A distance of 0 is the same, an infinite one that of what cannot be compared.
    """

    loc: Loc
    distance: float
    what: str
    picture: Path | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"

    @property
    def place(self) -> str:
        """The place as an expression, such as `output.images[0]`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.loc)
        return f"output{''.join(steps)}"


def measure(before: Any, after: Any, folder: Path, loc: Loc = ()) -> Iterator[Difference]:
    """Yield the differences of two outputs; pictures of them are written to `folder`."""
    match before, after:
        case Path(), Path():
            found = _file_difference(before, after, folder)
            if found is not None:
                yield replace(found, loc=loc)
        case dict(), dict():
            yield from _fields(before, after, folder, loc)
        case list(), list():
            yield from _items(before, after, folder, loc)
        case str(), str():
            if before != after:
                words = difflib.SequenceMatcher(None, before.split(), after.split(), autojunk=False)
                distance = max(1 - words.ratio(), 1e-6)  # a trace where only blanks differ
                yield Difference(loc, distance, _text_diff(before, after))
        case (bool(), _) | (_, bool()):
            yield from _plain(before, after, loc)
        case (int() | float(), int() | float()):
            if before != after:
                finite = math.isfinite(before) and math.isfinite(after)
                apart = abs(before - after) / max(abs(before), abs(after)) if finite else math.inf
                yield Difference(loc, apart, f"{before} became {after}")
        case _:
            yield from _plain(before, after, loc)


def tolerated(loc: Loc, tolerance: float | Mapping[str, float]) -> float:
    """Return the tolerance at a place: that of the nearest field which has one."""
    if not isinstance(tolerance, Mapping):
        return tolerance
    fields = [str(step) for step in reversed(loc) if not isinstance(step, int)]
    return next((tolerance[name] for name in [*fields, "output"] if name in tolerance), 0.0)


def _plain(before: JSON, after: JSON, loc: Loc) -> Iterator[Difference]:
    if type(before) is not type(after) or before != after:
        yield Difference(loc, math.inf, f"{_shown(before)} became {_shown(after)}")


def _fields(
    before: dict[str, Any], after: dict[str, Any], folder: Path, loc: Loc
) -> Iterator[Difference]:
    for name in before | after:
        here = (*loc, name)
        if name not in after:
            yield Difference(here, math.inf, f"gone; it was {_shown(before[name])}")
        elif name not in before:
            yield Difference(here, math.inf, f"new: {_shown(after[name])}")
        else:
            yield from measure(before[name], after[name], folder, here)


def _items(before: list[Any], after: list[Any], folder: Path, loc: Loc) -> Iterator[Difference]:
    if len(before) != len(after):
        yield Difference(loc, math.inf, f"{len(before)} items became {len(after)}")
    for index, pair in enumerate(zip(before, after, strict=False)):
        yield from measure(*pair, folder, (*loc, index))


def _text_diff(before: str, after: str) -> str:
    lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")][2:]
    if len(lines) <= 3 and len(before) + len(after) < 2 * LONGEST_VALUE:
        return f"{before!r} became {after!r}"
    more = [f"... and {len(lines) - LONGEST_DIFF} more lines"] if len(lines) > LONGEST_DIFF else []
    return "\n".join(line[:LONGEST_VALUE] for line in [*lines[:LONGEST_DIFF], *more])


def _shown(value: Any) -> str:
    text = f"the file {value.name}" if isinstance(value, Path) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _file_difference(before: Path, after: Path, folder: Path) -> Difference | None:
    """Return how two files differ; None where their bytes are the same, or their pixels."""
    if sha256_of(before) == sha256_of(after):
        return None
    types = [describe(each).content_type for each in (before, after)]
    family = types[0].partition("/")[0]
    if types[0] != types[1]:
        return Difference((), math.inf, f"{types[0]} became {types[1]}")
    if family == "image":
        return _pictures(before, after, folder)
    if family in ("audio", "video"):
        return _recordings(before, after)
    return Difference((), 1.0, _sizes(before, after))


def _sizes(before: Path, after: Path) -> str:
    sizes = before.stat().st_size, after.stat().st_size
    if sizes[0] == sizes[1]:
        return f"other bytes ({sizes[0]} of them, as before)"
    return f"{sizes[0]} bytes became {sizes[1]}"


def _pictures(before: Path, after: Path, folder: Path) -> Difference | None:
    try:
        with Image.open(before) as first, Image.open(after) as second:
            return _opened_pictures(first, second, folder)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        return Difference((), 1.0, f"{_sizes(before, after)}; they cannot be seen: {error}")


def _opened_pictures(first: Image.Image, second: Image.Image, folder: Path) -> Difference | None:
    if first.size != second.size:
        sizes = (f"{w} x {h}" for w, h in (first.size, second.size))
        return Difference((), math.inf, f"{' pixels became '.join(sizes)} pixels")
    if first.mode != second.mode:
        return Difference((), math.inf, f"mode {first.mode} became {second.mode}")
    pixels = first.width * first.height
    if pixels > MOST_PIXELS:
        return Difference((), 1.0, "other bytes; too large to be compared pixel by pixel")
    apart = ImageChops.difference(first.convert("RGBA"), second.convert("RGBA"))
    mean = sum(ImageStat.Stat(apart).mean) / (4 * 255)
    if not mean:
        return None
    highest = max(high for _, high in apart.getextrema())  # type: ignore[misc]  # four bands
    strongest = reduce(ImageChops.lighter, apart.split())  # of each pixel's bands
    changed = pixels - strongest.histogram()[0]
    what = f"{changed} of {pixels} pixels differ, by up to {highest} of 255, {mean:.2%} on average"
    return Difference((), mean, what, _drawn(apart, folder))


def _drawn(apart: Image.Image, folder: Path) -> Path:
    """Draw the difference, black where there is none."""
    strong = apart.convert("RGB").point(lambda value: min(255, value * STRONG))
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".png", delete=False) as file:
        strong.save(file, "PNG")
    return Path(file.name)


def _recordings(before: Path, after: Path) -> Difference:
    """Compare sound or video, of which the same form and length is the same but for its bytes."""
    try:
        import av  # noqa: PLC0415  # an optional extra
    except ImportError:
        text = f'{_sizes(before, after)}; pip install "cogfal[compare]" tells more'
        return Difference((), 1.0, text)
    try:
        with av.open(str(before)) as first, av.open(str(after)) as second:
            old, new = _facts(first), _facts(second)
    except av.FFmpegError as error:
        return Difference((), 1.0, f"{_sizes(before, after)}; they cannot be played: {error}")
    changed = [name for name in old if old[name] != new[name]]
    what = "; ".join(f"{name} {old[name]} became {new[name]}" for name in changed)
    spent, now = old["seconds"], new["seconds"]
    distance = max(abs(spent - now) / max(spent, now, 1e-9), 1e-6)
    same_form = {"seconds", "rate"}.issuperset(changed)
    return Difference((), distance if same_form else math.inf, what or _sizes(before, after))


def _facts(container: InputContainer) -> dict[str, Any]:
    """Return what can be told of sound or video: its seconds, channels, rate and size."""
    sound = next(iter(container.streams.audio), None)
    moving = next(iter(container.streams.video), None)
    return {
        "container": container.format.name,
        "seconds": round((container.duration or 0) / 1_000_000, 3),
        "channels": sound.channels if sound else None,
        "rate": sound.rate if sound else None,
        "width": moving.width if moving else None,
        "height": moving.height if moving else None,
    }

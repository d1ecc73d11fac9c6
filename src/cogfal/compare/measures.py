"""Measure how far one answer is from another, place by place.

A distance is 0 where two values are the same and grows to 1 and beyond: for texts the share that
differs, for numbers the relative difference, for pictures the mean difference of their pixels.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cogfal.compare.file_measures import compare_files
from cogfal.spec import JSON

Loc = tuple[str | int, ...]
LONGEST_DIFF: Final = 20  # lines
LONGEST_VALUE: Final = 120  # characters


@dataclass(frozen=True)
class Difference:
    """How far two values at one place are apart.

    Attributes:
        loc: The way to the place in the output.
        distance: 0 is the same, infinite what cannot be compared.
        what: What differs, for people.
        picture: A file that shows it.
    """

    loc: Loc
    distance: float
    what: str
    picture: Path | None = None

    @property
    def place(self) -> str:
        """The place as people write it."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.loc)
        return f"output{''.join(steps)}"


def measure(before: Any, after: Any, folder: Path, loc: Loc = ()) -> Iterator[Difference]:
    """Yield the differences of two outputs; pictures of them are written to `folder`."""
    match before, after:
        case Path(), Path():
            for what, distance, picture in compare_files(before, after, folder):
                yield Difference(loc, distance, what, picture)
        case dict(), dict():
            yield from _fields(before, after, folder, loc)
        case list(), list():
            yield from _items(before, after, folder, loc)
        case str(), str():
            if before != after:
                yield Difference(loc, _text_distance(before, after), _text_diff(before, after))
        case (bool(), _) | (_, bool()):
            yield from _plain(before, after, loc)
        case (int() | float(), int() | float()):
            if before != after:
                yield Difference(loc, _relative(before, after), f"{before} became {after}")
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
    for name in [*before, *(each for each in after if each not in before)]:
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


def _relative(before: float, after: float) -> float:
    if not (math.isfinite(before) and math.isfinite(after)):
        return math.inf
    return abs(before - after) / max(abs(before), abs(after))


def _text_distance(before: str, after: str) -> float:
    """Return the share of words that differ; at least a trace where only blanks do."""
    matcher = difflib.SequenceMatcher(None, before.split(), after.split(), autojunk=False)
    return max(1 - matcher.ratio(), 1e-6)


def _text_diff(before: str, after: str) -> str:
    lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")][2:]
    if len(lines) <= 3 and len(before) + len(after) < 2 * LONGEST_VALUE:
        return f"{before!r} became {after!r}"
    more = [f"... and {len(lines) - LONGEST_DIFF} more lines"] if len(lines) > LONGEST_DIFF else []
    return "\n".join(line[:LONGEST_VALUE] for line in [*lines[:LONGEST_DIFF], *more])


def _shown(value: Any) -> str:
    text = f"the file {value.name}" if isinstance(value, Path) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."

"""Find in what a model prints how far it has come: tqdm's bars, `12/50`, `45 %`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 400  # characters of a line that may tell of progress
LONGEST_NAME: Final = 40  # characters of what the line calls the work

_BAR: Final = re.compile(
    r"(?:(?P<what>[^|]*?):\s*)?\s*(?P<percent>\d{1,3})%\|[^|]*\|\s*"
    r"(?P<done>[\d.]+)(?P<unit>[kKMGT]?)i?/(?P<total>[\d.]+)(?P<whole>[kKMGT]?)i?\S*"
    r"(?:\s*\[(?P<detail>[^\]]*)\])?"
)
_COUNT: Final = re.compile(r"(?<![\w/.:\-])(\d{1,9})\s*/\s*(\d{1,9})(?![\w/.\-])")
_PERCENT: Final = re.compile(r"(?<![\w.\-])(\d{1,3}(?:\.\d+)?)\s?%(?!\w)")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Step:
    """How far a piece of work is: `done` of `total`.

    `what` is the work's own name where the line has one, `detail` what it says of its pace. `bar`
    tells a drawn bar, which is nothing but progress, from a line that is also worth reading.
    """

    done: float
    total: float
    what: str = ""
    detail: str = ""
    bar: bool = False


def step_of(line: str) -> Step | None:
    """Return what one printed line says of progress, None where it says nothing for sure."""
    text = _ESCAPES.sub("", line).strip()
    if not text or len(text) > LONGEST:
        return None
    if (found := _BAR.search(text)) is not None:
        return _drawn(found)
    counts = list(_COUNT.finditer(text))
    percents = list(_PERCENT.finditer(text))
    if len(counts) == 1:
        return _step(float(counts[0][1]), float(counts[0][2]), text[: counts[0].start()])
    if len(percents) == 1 and not counts:
        return _step(float(percents[0][1]), 100.0, text[: percents[0].start()])
    return None


def _step(done: float, total: float, before: str) -> Step | None:
    what = before.strip(" \t:([-=,")
    return Step(done, total, what[-LONGEST_NAME:]) if total > 1 and done <= total else None


def _drawn(found: re.Match[str]) -> Step:
    counts = _number(found["done"]), _number(found["total"])
    if found["unit"] != found["whole"] or None in counts or not counts[1]:
        counts = float(found["percent"]), 100.0
    done, total = counts
    assert done is not None
    assert total is not None
    spent, _, left = (found["detail"] or "").partition("<")
    pace = f"{left.partition(',')[0]} left,{left.partition(',')[2]}" if left else spent
    return Step(min(done, total), total, found["what"] or "", pace, bar=True)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

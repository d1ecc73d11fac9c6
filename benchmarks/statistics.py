"""Medians, of single values or paired ratios, with bootstrap confidence intervals, and slopes."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 2000
SEED = 20


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median and its 95% interval."""

    median: float
    low: float
    high: float


def single(values: Sequence[float]) -> Ratio:
    """Return the median of measurements of different rounds."""
    chance = random.Random(SEED)
    medians = sorted(
        statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    return Ratio(
        statistics.median(values),
        medians[int(0.025 * RESAMPLES)],
        medians[int(0.975 * RESAMPLES)],
    )


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Compare measurements of the same rounds."""
    return single([a / b for a, b in zip(ours, theirs, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def growth(sizes: Sequence[float], values: Sequence[float], least: float) -> float | None:
    """Return the exponent by which values grow with sizes (1 is linear), None where they hardly do.

    Costs are a fixed part and a growing part. Only what rises above the first value counts, and
    only where that is more than the first value again, and than `least`.
    """
    base = values[0]
    points = [
        (math.log(size), math.log(value - base))
        for size, value in zip(sizes, values, strict=True)
        if value - base > max(base, least)
    ]
    if len(points) < 2:
        return None
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope

"""How much is measured: everything, or enough to see whether it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds of each kind of work and how much a round holds.

    Every arm runs once in each round, so a round is one pair for every ratio.
    """

    rounds: int
    few_rounds: int  # for what takes seconds each time
    requests: int  # no-op requests of one arm in one round
    images: dict[str, int]  # requests of one arm in one round, by size
    large_bytes: int
    tokens: int
    cancels: int  # of one arm in one round
    steady_requests: int
    model_calls: int  # of one arm in one round
    coarse_curves: bool
    curve_requests: int  # at most, behind one point
    curve_seconds: float  # likewise


FULL = Plan(
    rounds=15,
    few_rounds=9,
    requests=400,
    images={"100 kB": 20, "10 MB": 3},
    large_bytes=2 * 10**9,
    tokens=10_000,
    cancels=30,
    steady_requests=4000,
    model_calls=7,
    coarse_curves=False,
    curve_requests=200,
    curve_seconds=2.0,
)
QUICK = Plan(
    rounds=5,
    few_rounds=3,
    requests=150,
    images={"100 kB": 8, "10 MB": 1},
    large_bytes=2 * 10**8,
    tokens=2_000,
    cancels=4,
    steady_requests=500,
    model_calls=3,
    coarse_curves=True,
    curve_requests=30,
    curve_seconds=0.3,
)

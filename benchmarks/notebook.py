"""What was measured, and what is claimed of it."""

from __future__ import annotations

import operator
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.statistics import Ratio, paired_ratio, single

COGFAL = "cogfal"
WITHIN: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(slots=True)
class Series:
    """One arm's values of one metric, one for each round."""

    work: str
    arm: str
    metric: str
    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio, or a value where nothing is compared, has to reach."""

    relation: Literal["<=", ">="]
    limit: float

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A comparison of two arms, or of one arm with a limit, and its goal where it has one."""

    work: str
    metric: str
    ours: str
    theirs: str | None
    goal: Goal | None


@dataclass(slots=True)
class Curve:
    """How an arm's cost grows: one value for each size."""

    name: str
    arm: str
    metric: str
    unit: str
    sizes: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class Notebook:
    """Everything one run has measured."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str, str], Series] = {}
        self.statuses: dict[tuple[str, str], Counter[int]] = {}
        self.claims: list[Claim] = []
        self.curves: dict[tuple[str, str, str], Curve] = {}
        self.unmeasured: dict[str, str] = {}
        self.notes: list[str] = []
        self.failures: dict[str, str] = {}

    def record(self, work: str, arm: str, metric: str, unit: str, value: float) -> None:
        """Add one round's value."""
        key = (work, arm, metric)
        self.series.setdefault(key, Series(work, arm, metric, unit)).values.append(value)

    def record_difference(self, work: str, metric: str, arm: str, theirs: str, called: str) -> None:
        """Add, for every round, how much more an arm's value is than another's."""
        ours = self.series[work, arm, metric]
        for mine, other in zip(ours.values, self.series[work, theirs, metric].values, strict=True):
            self.record(work, arm, called, ours.unit, mine - other)

    def count(self, work: str, arm: str, statuses: Mapping[int, int]) -> None:
        """Add the statuses of answers."""
        self.count_for(work, arm).update(statuses)

    def count_for(self, work: str, arm: str) -> Counter[int]:
        """Return the counter of an arm's statuses."""
        return self.statuses.setdefault((work, arm), Counter())

    def plot(self, name: str, arm: str, metric: str, unit: str, size: float, value: float) -> None:
        """Add a point to a curve."""
        curve = self.curves.setdefault((name, arm, metric), Curve(name, arm, metric, unit))
        curve.sizes.append(size)
        curve.values.append(value)

    def claim(
        self,
        work: str,
        metric: str,
        goal: tuple[Literal["<=", ">="], float] | None,
        *,
        against: Iterable[str] = (),
        ours: str = COGFAL,
    ) -> None:
        """Compare `ours` with each of `against`, or, where there is none, with the goal."""
        reached = Goal(*goal) if goal else None
        for theirs in tuple(against) or (None,):
            self.claims.append(Claim(work, metric, ours, theirs, reached))

    def leave_out(self, work: str, reason: str) -> None:
        """Say why a kind of work was not measured."""
        self.unmeasured[work] = reason

    def result(self, claim: Claim) -> Ratio:
        """Return the ratio that a claim is about, or the value where it has no other arm."""
        ours = self.series[claim.work, claim.ours, claim.metric].values
        if claim.theirs is None:
            return single(ours)
        return paired_ratio(ours, self.series[claim.work, claim.theirs, claim.metric].values)

    def reached(self, claim: Claim) -> bool | None:
        """Tell whether a claim's goal was reached, None where it has none."""
        if claim.goal is None:
            return None
        return WITHIN[claim.goal.relation](self.result(claim).median, claim.goal.limit)

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw."""
        return {
            "series": [asdict(each) for each in self.series.values()],
            "statuses": [
                {"work": work, "arm": arm, "statuses": dict(statuses)}
                for (work, arm), statuses in self.statuses.items()
            ],
            "claims": [
                {**asdict(each), "result": asdict(self.result(each)), "reached": self.reached(each)}
                for each in self.claims
            ],
            "curves": [asdict(each) for each in self.curves.values()],
            "unmeasured": self.unmeasured,
            "notes": self.notes,
            "failures": self.failures,
        }

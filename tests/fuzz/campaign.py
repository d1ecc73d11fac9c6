"""Run one target on many mutated texts, and keep what broke it."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import Target

SLOW: Final = 5.0
"""Seconds that no text may take."""

ENOUGH: Final = 20
"""Findings after which a campaign ends."""


@dataclass(frozen=True)
class Finding:
    """A text that broke a target, or was too slow; `case` is its number in the campaign."""

    case: int
    text: str
    reason: str


@dataclass
class Outcome:
    """What came of a campaign; times are seconds."""

    cases: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Add what came of another part of the campaign; seconds are those of the whole."""
        self.cases += other.cases
        self.accepted += other.accepted
        self.slowest = max(self.slowest, other.slowest)
        self.findings += other.findings

    def row(self, name: str) -> str:
        """Return a row of a Markdown table."""
        rate = self.cases / self.seconds if self.seconds else 0.0
        return (
            f"| {name} | {self.cases:,} | {self.accepted:,} | {len(self.findings)} "
            f"| {self.seconds:.0f} | {rate:,.0f} | {self.slowest * 1000:.0f} |"
        )


HEADER: Final = (
    "| target | cases | accepted | findings | seconds | cases/s | slowest, ms |\n"
    "|---|---|---|---|---|---|---|"
)


def run(target: Target, cases: int, seed: int, seconds: float = float("inf")) -> Outcome:
    """Try so many texts, or for so many seconds."""
    outcome = Outcome()
    seeds = target.seeds()
    began = time.monotonic()
    for case in range(cases):
        outcome.seconds = time.monotonic() - began
        if len(outcome.findings) >= ENOUGH or outcome.seconds > seconds:
            break
        _try(target, case, mutated(Random(f"{seed}/{case}"), seeds), outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


def _try(target: Target, case: int, text: str, outcome: Outcome) -> None:
    outcome.cases += 1
    began = time.process_time()  # the processor's, so that a busy machine finds nothing
    try:
        outcome.accepted += target.read(text)
    except Exception:  # any other error than the promised ones is what is sought
        outcome.findings.append(Finding(case, text, traceback.format_exc(limit=-6)))
    took = time.process_time() - began
    outcome.slowest = max(outcome.slowest, took)
    if took > SLOW:
        outcome.findings.append(Finding(case, text, f"it took {took:.1f} s"))

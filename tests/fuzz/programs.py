"""Compare what is told of generated programs with what Python makes of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from random import Random
from typing import Final

from tests.fuzz.campaign import ENOUGH, Finding, Outcome
from tests.reading.oracle.execution import judge
from tests.reading.oracle.programs import modules, program

PROGRAMS: Final[dict[str, Callable[[Random], dict[str, str]]]] = {
    "programs": program,
    "several_modules": modules,
}
"""Generators of projects, by the name of their campaign."""


def run_programs(name: str, cases: int, seed: int, seconds: float = float("inf")) -> Outcome:
    """Judge so many programs, or for so many seconds; accepted are those that are told wholly."""
    outcome = Outcome()
    began = time.monotonic()
    for case in range(cases):
        outcome.seconds = time.monotonic() - began
        if len(outcome.findings) >= ENOUGH or outcome.seconds > seconds:
            break
        outcome.cases += 1
        random = Random(f"{seed}/{case}")
        files = PROGRAMS[name](random)
        started = time.monotonic()
        try:
            verdict = judge(files, random)
        except Exception:  # any error of the reader's own is a finding
            outcome.findings.append(Finding(case, str(files), traceback.format_exc(limit=-6)))
            continue
        finally:
            outcome.slowest = max(outcome.slowest, time.monotonic() - started)
        outcome.accepted += not verdict.refused and verdict.told == verdict.possible
        if verdict.wrong:
            outcome.findings.append(Finding(case, str(files), "; ".join(verdict.wrong)))
    outcome.seconds = time.monotonic() - began
    return outcome

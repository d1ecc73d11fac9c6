"""`python -m tests.fuzz [TARGET...] [--cases N] [--seed S]`: a long search, and a table of it.

Exits with 1 where something was found. A finding names its seed and case, which repeat it; programs
are judged from case `--first` on, in `--jobs` processes at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial

from tests.fuzz.campaign import HEADER, Outcome, run
from tests.fuzz.programs import PROGRAMS, run_in_processes
from tests.fuzz.requests import run_requests
from tests.fuzz.targets import TARGETS

REQUESTS = "requests"
NAMES = (*TARGETS, *PROGRAMS, REQUESTS)


def main() -> int:
    """Run the targets one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    found: dict[str, Outcome] = {}
    for name in arguments.targets or NAMES:
        tell = partial(_tell, name, arguments.seed, set())
        found[name] = _run(name, arguments, tell)
        tell(found[name])
    rows = [outcome.row(name) for name, outcome in found.items()]
    sys.stdout.write("\n".join([HEADER, *rows]) + "\n")
    return 1 if any(outcome.findings for outcome in found.values()) else 0


def _run(name: str, arguments: argparse.Namespace, tell: Callable[[Outcome], None]) -> Outcome:
    cases, seed, seconds = arguments.cases, arguments.seed, arguments.seconds
    if name == REQUESTS:
        return run_requests(cases, seed, seconds)
    if name in PROGRAMS:
        jobs, first = arguments.jobs, arguments.first
        return run_in_processes(name, cases, seed, seconds, jobs=jobs, first=first, tell=tell)
    return run(TARGETS[name], cases, seed, seconds)


def _tell(name: str, seed: int, told: set[int], outcome: Outcome) -> None:
    """Tell how far a campaign is, and each finding once, as soon as it is made."""
    sys.stderr.write(f"{outcome.row(name)}\n")
    for each in outcome.findings:
        if each.case not in told:
            told.add(each.case)
            sys.stderr.write(f"\n--- {name}, seed {seed}, case {each.case}: ")
            sys.stderr.write(f"{each.text[:2000]!r}\n{each.reason}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

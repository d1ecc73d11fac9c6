"""`python -m tests.fuzz [TARGET...] [--cases N] [--seed S]`: a long search, and a table of it.

Exits with 1 where something was found. A finding names its seed and case, which repeat it.
"""

from __future__ import annotations

import argparse
import sys

from tests.fuzz.campaign import HEADER, Outcome, run
from tests.fuzz.programs import PROGRAMS, run_programs
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
    arguments = parser.parse_args()
    found: dict[str, Outcome] = {}
    for name in arguments.targets or NAMES:
        found[name] = _run(name, arguments.cases, arguments.seed, arguments.seconds)
        sys.stderr.write(found[name].row(name) + "\n")
        for each in found[name].findings:
            sys.stderr.write(f"\n--- {name}, seed {arguments.seed}, case {each.case}: ")
            sys.stderr.write(f"{each.text[:2000]!r}\n{each.reason}\n")
    rows = [outcome.row(name) for name, outcome in found.items()]
    sys.stdout.write("\n".join([HEADER, *rows]) + "\n")
    return 1 if any(outcome.findings for outcome in found.values()) else 0


def _run(name: str, cases: int, seed: int, seconds: float) -> Outcome:
    if name == REQUESTS:
        return run_requests(cases, seed, seconds)
    if name in PROGRAMS:
        return run_programs(name, cases, seed, seconds)
    return run(TARGETS[name], cases, seed, seconds)


if __name__ == "__main__":
    sys.exit(main())

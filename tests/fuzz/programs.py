"""Compare what is told of generated programs with what Python makes of them."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from itertools import islice
from random import Random
from typing import Final, NoReturn

from tests.fuzz.campaign import ENOUGH, Finding, Outcome
from tests.reading.oracle.execution import Verdict, judge
from tests.reading.oracle.importing import judge_imported
from tests.reading.oracle.programs import program
from tests.reading.oracle.projects import modules, packages

Files = dict[str, str]

PROGRAMS: Final[dict[str, tuple[Callable[[Random], Files], Callable[[Files, Random], Verdict]]]] = {
    "programs": (program, judge),
    "several_modules": (modules, judge),
    "packages": (packages, judge_imported),
}
"""Generators of projects, and what judges them, by the name of their campaign."""

BATCH: Final = 50
"""How many programs a process judges before it tells what it found."""

LIMIT: Final = 60
"""Seconds of the processor's after which a program counts as one that never ends."""


MEMORY: Final = 2**31
"""Bytes that a process may take."""


class TooLong(BaseException):
    """Says that a program takes too long; no `except` of its own takes it for another error."""


def run_programs(
    name: str, cases: int, seed: int, seconds: float = float("inf"), *, first: int = 0
) -> Outcome:
    """Judge so many programs, or for so many seconds; accepted are those that are told wholly."""
    outcome = Outcome()
    began = time.monotonic()
    for case in range(first, first + cases):
        outcome.seconds = time.monotonic() - began
        if len(outcome.findings) >= ENOUGH or outcome.seconds > seconds:
            break
        _judge(name, case, seed, outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


def _judge(name: str, case: int, seed: int, outcome: Outcome) -> None:
    outcome.cases += 1
    random = Random(f"{seed}/{case}")
    generate, judged = PROGRAMS[name]
    files = generate(random)
    started = time.monotonic()
    try:
        verdict = judged(files, random)
    except (Exception, TooLong):  # any error of the reader's own is a finding
        outcome.findings.append(Finding(case, str(files), traceback.format_exc(limit=-6)))
        return
    finally:
        outcome.slowest = max(outcome.slowest, time.monotonic() - started)
    outcome.accepted += not verdict.refused and verdict.told == verdict.possible
    if verdict.wrong:
        outcome.findings.append(Finding(case, str(files), "; ".join(verdict.wrong)))


def run_in_processes(
    name: str, cases: int, seed: int, seconds: float, *, jobs: int, first: int = 0,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:  # fmt: skip
    """Judge programs in several processes at once; `tell` is given what is found so far.

    A program that ends its process, or never ends, is a finding, too.
    """
    outcome, began = Outcome(), time.monotonic()
    batches = iter(range(first, first + cases, BATCH))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _limited) as pool:
        pending: set[Future[Outcome]] = set()
        while len(outcome.findings) < ENOUGH and time.monotonic() - began < seconds:
            started = islice(batches, 2 * jobs - len(pending))
            pending |= {
                pool.submit(_batch, name, at, min(BATCH, first + cases - at), seed)
                for at in started
            }
            if not pending:
                break
            done, pending = wait(pending, timeout=5, return_when="FIRST_COMPLETED")
            for future in done:
                outcome.add(future.result())
            outcome.seconds = time.monotonic() - began
            tell(outcome)
        for future in pending:
            future.cancel()
    return outcome


def _batch(name: str, first: int, cases: int, seed: int) -> Outcome:
    outcome = Outcome()
    for case in range(first, first + cases):
        with _limit():
            _judge(name, case, seed, outcome)
    return outcome


def _limited() -> None:
    gc.freeze()
    gc.set_threshold(50_000)  # nearly all that a reading makes lives as long as the reading
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _too_long)


def _too_long(*_: object) -> NoReturn:
    raise TooLong


@contextlib.contextmanager
def _limit() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, LIMIT, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)

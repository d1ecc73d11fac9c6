"""What says whose a piece of code is reaches its threads and jobs, and authors notice nothing."""

from __future__ import annotations

import inspect
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from cogfal.guest.inheriting import lend, watch_threads
from tests.interpreters import on_every_python, run_there

PRELUDE = """
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from cogfal.guest.inheriting import lend, watch_threads

whose = ContextVar("whose", default="nobody's")

def within(function):
    context = copy_context()
    context.run(lend, (whose, "mine"))
    stop = watch_threads()
    try:
        return context.run(function)
    finally:
        stop()
"""
JOBS = """
class Pool(ThreadPoolExecutor):
    def submit(self, *args, **named):
        return super().submit(*args, **named)

def main(names):
    def job(*args, **named):
        return [whose.get(), list(args), named]

    def submit():
        with ThreadPoolExecutor(1) as pool, Pool(1) as own:
            named = dict.fromkeys(names, 1)
            return [each.submit(job, 2, 3, **named).result() for each in (pool, own)]

    return within(submit)
"""
THREADS = """
seen = []

class Property(threading.Thread):
    @property
    def run(self):
        return lambda: seen.append(["property", whose.get()])

class Fixed(threading.Thread):
    def __setattr__(self, name, value):
        if name == "run":
            raise AttributeError(name)
        super().__setattr__(name, value)

    def run(self):
        seen.append(["fixed", whose.get()])

class Unready(threading.Thread):
    def __init__(self):
        pass

def own_run():
    thread = threading.Thread()
    thread.run = run = lambda: seen.append(["own", whose.get(), thread.run is run])
    return thread

def start(thread):
    before = list(vars(thread))
    try:
        thread.start()
        thread.join()
    except RuntimeError:
        seen.append("refused")
    return [name for name in vars(thread) if name not in before]

def main(given):
    def begin():
        threads = [own_run(), Property(), Fixed(), Unready()]
        return [start(each) for each in threads + threads[:1]]

    return {"left": within(begin), "seen": seen}
"""


@on_every_python
def test_a_job_gets_its_arguments_whatever_their_names(python: Path) -> None:
    """Any name may be one of the job's, as without cogfal."""
    names = ["pool", "function", "values", "submit", "args", "named", "method"]

    told: Any = run_there(python, PRELUDE + JOBS, names)

    assert told == [["mine", [2, 3], dict.fromkeys(names, 1)]] * 2


@on_every_python
def test_a_thread_is_its_authors(python: Path) -> None:
    """Its `run` stays what it is, whatever that is; nothing is left on it, started or refused."""
    told: Any = run_there(python, PRELUDE + THREADS)

    assert told["seen"] == [
        ["own", "mine", True],
        ["property", "mine"],
        ["fixed", "mine"],
        "refused",
        "refused",
    ]
    assert told["left"] == [[]] * 5


def found() -> tuple[Any, Any]:
    """Return what starts threads and jobs at the moment."""
    return threading.Thread.start, ThreadPoolExecutor.submit


@pytest.fixture
def before() -> Iterator[tuple[Any, Any]]:
    """What starts threads and jobs, which is put back whatever a test does."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    yield start, submit
    threading.Thread.start, ThreadPoolExecutor.submit = start, submit  # type: ignore[method-assign]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_users_may_stop_in_any_order(before: tuple[Any, Any], order: tuple[int, ...]) -> None:
    """There is one wrapper for all of them, gone with the last, and it looks like the method."""
    stops, during = [], set()
    for _ in range(3):
        stops.append(watch_threads())
        during.add(found())
    signatures = [inspect.signature(each) for each in found()]
    for each in order:
        assert found() != before
        stops[each]()

    assert len(during) == 1
    assert signatures == [inspect.signature(each) for each in before]
    assert found() == before


def test_what_lies_over_the_wrapper_stays(before: tuple[Any, Any]) -> None:
    """The wrapper beneath does nothing meanwhile, and serves again; there is never another."""
    seen, started = ContextVar("seen", default=0), []
    context = copy_context()
    context.run(lend, (seen, 1))

    def start() -> None:
        thread = threading.Thread(target=lambda: started.append(seen.get()))
        thread.start()
        thread.join()

    stop = watch_threads()
    beneath = threading.Thread.start
    over = partialmethod(beneath)  # as authors' tools lay theirs over it
    threading.Thread.start = over  # type: ignore[assignment,method-assign]
    stop()
    context.run(start)
    again = watch_threads()
    context.run(start)
    is_over = vars(threading.Thread)["start"] is over
    threading.Thread.start = beneath  # type: ignore[method-assign]
    again()

    assert is_over
    assert started == [0, 1]
    assert found() == before


def test_what_was_taken_away_meanwhile_is_put_on_again(before: tuple[Any, Any]) -> None:
    """Somebody who had the method itself has set it again."""
    stop = watch_threads()
    threading.Thread.start = before[0]  # type: ignore[method-assign]
    stop()
    again = watch_threads()

    during = found()
    again()

    assert during[0] is not before[0]
    assert found() == before

"""Threads that keep the interpreter busy work in turn."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cogfal.concurrency import TURNS, Stopped, Turns
from cogfal.schema.regular_expressions import Matcher
from tests.waiting import SOON, until


def test_one_works_at_a_time_a_step_each() -> None:
    """Whoever comes waits for its turn, and gets it at the end of a step of the one before."""
    turns, steps = Turns(), list[str]()
    working = threading.Event()

    def work(name: str, waiting: int) -> None:
        with turns.one():
            working.set()
            assert until(lambda: turns.waiting >= waiting)
            for _ in range(3):
                steps.append(name)
                turns.pass_on()

    with ThreadPoolExecutor() as pool:
        first = pool.submit(work, "a", 2)
        working.wait()
        others = [pool.submit(work, "b", 0)]
        assert until(lambda: turns.waiting == 1)
        others.append(pool.submit(work, "c", 0))
        for each in [first, *others]:
            each.result()

    assert steps == ["a", "b", "c"] * 3
    assert turns.waiting == 0


def test_others_work_while_one_waits_for_something() -> None:
    """It has its turn again after them."""
    turns, steps = Turns(), list[str]()

    def wait(answer: threading.Event) -> None:
        with turns.one():
            with turns.aside():
                answer.wait()
            steps.append("first")

    def work(answer: threading.Event) -> None:
        with turns.one():
            answer.set()
            assert until(lambda: turns.waiting == 1)
            steps.append("second")

    with ThreadPoolExecutor() as pool:
        answer = threading.Event()
        for each in [pool.submit(wait, answer), pool.submit(work, answer)]:
            each.result()

    assert steps == ["second", "first"]


def test_who_stands_aside_gives_nobody_elses_turn_away() -> None:
    """It has none itself until the others have worked."""
    turns, go_on = Turns(), threading.Event()

    def work(begun: threading.Event) -> None:
        with turns.one():
            begun.set()
            go_on.wait(SOON)

    first, second = threading.Event(), threading.Event()
    with ThreadPoolExecutor() as pool, turns.one():
        with turns.aside():
            working = [pool.submit(work, first)]
            first.wait()
            working.append(pool.submit(work, second))
            waited = until(lambda: turns.waiting == 1)
            turns.pass_on()
            overtook = second.is_set()
            go_on.set()
        for each in working:
            each.result()

    assert (waited, overtook) == (True, False)


def test_others_work_while_a_pattern_is_made_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process, which is not there at once, is waited for out of turn."""
    begun, go_on, python = (tmp_path / name for name in ("begun", "go_on", "python"))
    wait = f"touch {begun}; while [ ! -e {go_on} ]; do sleep 0.01; done"
    python.write_text(f'#!/bin/sh\n{wait}; exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    def match() -> bool:
        with TURNS.one(), Matcher() as matcher:
            return matcher.matches("^(?!b)", "a")

    def work() -> None:
        with TURNS.one():
            pass

    with ThreadPoolExecutor() as pool:
        matched = pool.submit(match)
        began = until(begun.exists)
        worked = until(pool.submit(work).done)
        go_on.touch()

    assert (began, worked, matched.result()) == (True, True, True)


def test_a_failure_ends_a_turn() -> None:
    """The next one does not wait for ever."""
    turns = Turns()

    def fail() -> None:
        with turns.one():
            raise ValueError

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(fail).exception(), ValueError)

    with turns.one():
        assert turns.waiting == 0


def test_a_thread_without_a_turn_waits_for_nobody() -> None:
    """Such as the event loop's, which decodes what is short, while another one works."""
    turns = Turns()

    with ThreadPoolExecutor(1) as pool, turns.one():

        def step() -> str:
            turns.pass_on()
            with turns.aside():
                return "done"

        assert pool.submit(step).result() == "done"


@pytest.mark.parametrize("begun", [True, False], ids=["at work", "in line"])
def test_work_that_is_stopped_ends_with_its_step(*, begun: bool) -> None:
    """It goes no further, or does not even begin, and whoever comes next has its turn."""
    turns, steps, stopped = Turns(), list[str](), threading.Event()

    def work() -> None:
        with turns.one(stopped.is_set):
            steps.append("begins")
            assert until(stopped.is_set)
            turns.pass_on()
            steps.append("goes on")

    with ThreadPoolExecutor(1) as pool:
        if begun:
            ended = pool.submit(work)
            assert until(lambda: steps)
            stopped.set()
        else:
            with turns.one():
                ended = pool.submit(work)
                assert until(lambda: turns.waiting)
                stopped.set()
        assert isinstance(ended.exception(), Stopped)

    assert steps == ["begins"] * begun
    with turns.one():
        assert turns.waiting == 0

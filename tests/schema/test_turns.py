"""Threads that keep the interpreter busy work in turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cogfal.schema.turns import Stopped, Turns
from tests.waiting import until


def test_one_works_at_a_time_a_step_each() -> None:
    """Whoever comes waits for its turn, and gets it at the end of a step of the one before."""
    turns, steps = Turns(), list[str]()
    working = threading.Event()

    def work(name: str, waiting: int) -> None:
        with turns.one():
            working.set()
            until(lambda: turns.waiting >= waiting)
            for _ in range(3):
                steps.append(name)
                turns.pass_on()

    with ThreadPoolExecutor() as pool:
        first = pool.submit(work, "a", 2)
        working.wait()
        others = [pool.submit(work, "b", 0)]
        until(lambda: turns.waiting == 1)
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
            until(lambda: turns.waiting == 1)
            steps.append("second")

    with ThreadPoolExecutor() as pool:
        answer = threading.Event()
        for each in [pool.submit(wait, answer), pool.submit(work, answer)]:
            each.result()

    assert steps == ["second", "first"]


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

"""The author's side: its health is asked again as soon as it has been told."""

from __future__ import annotations

from queue import SimpleQueue

from cogfal.guest.core import Healthcheck
from cogfal.guest.thread import AuthorThread

LONG = 120.0


def test_who_hears_of_the_health_may_ask_again_at_once() -> None:
    """The thread that told it still runs then; the check of the author's is over."""
    answers: SimpleQueue[str | None] = SimpleQueue()
    healthcheck = Healthcheck(lambda: True, AuthorThread())

    def ask_again(reason: str | None) -> None:
        answers.put(reason)
        healthcheck.ask(LONG, answers.put)

    healthcheck.ask(LONG, ask_again)

    assert [answers.get(timeout=LONG) for _ in range(2)] == [None, None]

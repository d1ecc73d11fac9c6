"""How far a generator goes on by itself."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cogfal.cog.types import Path as CogPath
from cogfal.guest.call import LONGEST, MOST, Prefetch
from cogfal.spec import (
    AnyType,
    FileType,
    IteratorType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)

TEXTS = IteratorType(StringType())


class Clock:
    """A clock that is read rather than passes; each reading takes `step` seconds."""

    def __init__(self, step: float) -> None:
        self.step = step
        self._now = 0.0

    def __call__(self) -> float:
        """Tell the seconds."""
        self._now += self.step
        return self._now


def stretches(prefetch: Prefetch, values: itertools.repeat[Any], count: int) -> list[int]:
    """Return how many pieces each of `count` stretches has."""
    lengths = []
    for _ in range(count):
        prefetch.begin()
        lengths.append(next(n for n, value in enumerate(values, 1) if not prefetch.goes_on(value)))
    return lengths


def test_quick_pieces_go_ahead_more_and_more() -> None:
    """The first piece is waited for; then stretches grow up to a bound."""
    prefetch = Prefetch(TEXTS, Clock(1e-6))

    assert stretches(prefetch, itertools.repeat("token"), 6) == [1, 4, 16, MOST, MOST, MOST]


def test_slow_pieces_never_go_ahead() -> None:
    """Each piece that took its time goes out before the next is made."""
    prefetch = Prefetch(TEXTS, Clock(0.001))

    assert stretches(prefetch, itertools.repeat("token"), 5) == [1] * 5


def test_a_slow_piece_after_quick_ones_is_waited_for() -> None:
    """A generator that becomes slow is waited for from that piece on."""
    clock = Clock(1e-6)
    prefetch = Prefetch(TEXTS, clock)
    stretches(prefetch, itertools.repeat("token"), 4)

    prefetch.begin()
    assert prefetch.goes_on("token")
    clock.step = 0.001

    assert not prefetch.goes_on("token")


WAITED_FOR: dict[str, tuple[Any, Type]] = {
    "a list, which can change": (["token"], TEXTS),
    "a file": (CogPath("a.png"), TEXTS),
    "a long text": ("x" * (LONGEST + 1), TEXTS),
    "a text of a class of its own": (type("Text", (str,), {})("x"), TEXTS),
    "the name of a file": ("a.png", IteratorType(PathType())),
    "perhaps the name of a file": ("a.png", IteratorType(OptionalType(FileType()))),
    "perhaps the name of a file, or no": (
        "a.png",
        IteratorType(UnionType((StringType(), PathType()))),
    ),
}


@pytest.mark.parametrize(("value", "kind"), WAITED_FOR.values(), ids=WAITED_FOR)
def test_what_can_change_is_waited_for(value: Any, kind: Type) -> None:
    """The author may change it, or what it names, after the yield."""
    prefetch = Prefetch(kind, Clock(1e-6))
    stretches(prefetch, itertools.repeat(1), 4)

    prefetch.begin()

    assert prefetch.goes_on(1)
    assert not prefetch.goes_on(value)


@pytest.mark.parametrize("value", ["x", 1, 1.5, True, None])
def test_what_cannot_change_goes_ahead(value: Any) -> None:
    """Texts and numbers are what they are."""
    prefetch = Prefetch(AnyType(), Clock(1e-6))
    stretches(prefetch, itertools.repeat(1), 4)

    prefetch.begin()

    assert prefetch.goes_on(value)

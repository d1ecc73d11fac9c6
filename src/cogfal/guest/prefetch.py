"""Decide whether the author's code may go on before the piece that it handed over was taken.

A hop between two threads costs more than a short token does, so a generator that is quick is asked
for several pieces at a time, the more the longer it stays quick. Nobody can tell the difference:
such a piece is text or a number, which cannot change once it is handed over. Everything else, and
every piece that took its time, is waited for: the first of a series goes out at once, and so does
each piece of a slow one, since a thread that rests leaves the interpreter to the server's. Where
that has a process of its own, a short one is waited for only until it has come there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogfal.spec import FileType, PathType, holds

if TYPE_CHECKING:
    from cogfal.spec import Type

MOST = 64
"""Pieces that the author's code may hand over before it rests."""
QUICK = 0.0001
"""Seconds within which the next piece has to come."""
LONGEST = 4096
"""Characters of a text that is short."""
_GROWTH = 4
_NUMBERS = frozenset({int, float, bool, type(None)})


class Prefetch:
    """How far one series of pieces is ahead; used by the thread that makes them.

    Args:
        kind: The declared output, by which a text may be the name of a file.
        clock: Tells seconds.
    """

    __slots__ = ("_clock", "_last", "_room", "_stretch", "_texts")

    def __init__(self, kind: Type, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._texts = not holds(kind, PathType, FileType)
        self._stretch = 1
        self._room = 1
        self._last = 0.0

    def begin(self) -> None:
        """Note that the next piece is asked for."""
        self._room = self._stretch
        self._last = self._clock()

    def goes_on(self, value: Any) -> bool:
        """Say whether the code that has just yielded `value` may go on at once."""
        now = self._clock()
        quick = now - self._last < QUICK
        self._last = now
        self._room -= 1
        if not quick or not self._lasts(value):
            return False
        if not self._room:
            self._stretch = min(self._stretch * _GROWTH, MOST)
        return self._room > 0

    def _lasts(self, value: Any) -> bool:
        """Tell a piece that can neither change nor take long to deliver."""
        kind = type(value)
        return (kind is str and self._texts and len(value) <= LONGEST) or kind in _NUMBERS

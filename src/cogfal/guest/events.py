"""What the author's side tells the server's: plain values, each of one call, and their way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

RETURNED = "returned"
"""The whole result; nothing follows."""
YIELDED = "yielded"
"""One piece of the result."""
SEVERAL = "several"
"""Pieces that came together; the value is a list of short texts and numbers as they are."""
ENDED = "ended"
"""There are no more pieces."""
RAISED = "raised"
"""The author's code raised; the value is a `Fault`, and nothing follows."""
REFUSED = "refused"
"""A result or a piece of it that nothing can carry; the value says why."""
GOES_ON = (YIELDED, SEVERAL, REFUSED)
"""After these the call is not over: it is asked on, or closed."""


LONGEST_TEXT = 16 * 1024
"""Characters of what is printed that are told at once."""


class Printed(NamedTuple):
    """Text was printed to `stdout` or `stderr`."""

    call: int
    source: str
    text: str


class Flush(NamedTuple):
    """An unfinished line was flushed by its writer."""

    call: int
    source: str


class Measured(NamedTuple):
    """A metric was recorded; `mode` is replace, incr or append."""

    call: int
    name: str
    value: Any
    mode: str


class Piece(NamedTuple):
    """The call hands over what `kind` says.

    `rests` says that the author's code waits until it is asked on, `ignored` that it was
    interrupted and went on nevertheless, and `closes` that this answers the order to close.
    """

    call: int
    kind: str
    value: Any = None
    rests: bool = True
    ignored: bool = False
    closes: bool = False


class Failure(NamedTuple):
    """Why an order could not be carried out; `mismatch` says that the text promised otherwise."""

    text: str
    remedy: Any = None
    mismatch: bool = False
    fault: Any = None


class Done(NamedTuple):
    """An order that is no call was carried out, or failed."""

    call: int
    value: Any = None
    failure: Any = None


class CallEvents:
    """Tells the server's side what happens in one call; from any thread.

    Attributes:
        number: The call's.
        over: Whether nothing more is told.

    Args:
        number: The call's.
        emit: Takes the events; it may make a thread wait that tells too much at once.
        limit: How many characters of logs are told; the runner's own log has them all.
        calls: Those that go on, by number; this one is taken out with its last piece.
    """

    __slots__ = ("_calls", "_emit", "_limit", "_room", "number", "over")

    def __init__(
        self,
        number: int,
        emit: Callable[[Any], None],
        limit: int,
        calls: dict[int, Any],
    ) -> None:
        self.number = number
        self._calls = calls
        self._emit = emit
        self._limit = limit
        self._room = limit
        self.over = False

    def write(self, source: str, text: str) -> None:
        """Tell of printed text."""
        if not text or self.over or self._room < 0:
            return
        text = writable(text)
        self._room -= len(text)
        if self._room < 0:
            text = f"{text[: self._room]}\n[only the first {self._limit} characters are kept]\n"
        for at in range(0, len(text), LONGEST_TEXT):
            self._emit(Printed(self.number, source, text[at : at + LONGEST_TEXT]))

    def flush(self, source: str) -> None:
        """Tell that an unfinished line was flushed."""
        if not self.over and self._room >= 0:
            self._emit(Flush(self.number, source))

    def metric(self, name: str, value: Any, mode: str) -> None:
        """Tell of a metric."""
        if not self.over:
            self._emit(Measured(self.number, name, value, mode))

    def piece(self, piece: Piece) -> None:
        """Hand over a piece of the result; after the last one nothing more is told."""
        if piece.closes or piece.kind not in GOES_ON:
            # Closed before it is told: nothing that a thread prints from here on comes behind it.
            self.over = True
            self._calls.pop(self.number, None)
        self._emit(piece)


def writable(text: str) -> str:
    """Return a text that UTF-8 can carry: half of a surrogate pair becomes an escape."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()

"""What the author's side tells the server's: plain values, each of one call."""

from __future__ import annotations

from typing import Any, NamedTuple

RETURNED = "returned"
"""The whole result; nothing follows."""
YIELDED = "yielded"
"""One piece of the result."""
ENDED = "ended"
"""There are no more pieces."""
RAISED = "raised"
"""The author's code raised; the value is a `Fault`, and nothing follows."""
REFUSED = "refused"
"""A result or a piece of it that nothing can carry; the value says why."""
GOES_ON = (YIELDED, REFUSED)
"""After these the call is not over: it is asked on, or closed."""


class Log(NamedTuple):
    """Text was printed to `stdout` or `stderr`."""

    call: int
    source: str
    text: str


class Flush(NamedTuple):
    """An unfinished line was flushed by its writer."""

    call: int
    source: str


class Metric(NamedTuple):
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

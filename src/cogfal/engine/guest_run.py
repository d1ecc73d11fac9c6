"""A call as the server sees it: its orders, and what it prints, records and yields, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, cast

from cogfal.engine.prediction import Log, Metric, Source
from cogfal.errors import DeviceError, PredictorFailed
from cogfal.guest import events
from cogfal.guest.events import ENDED, GOES_ON, RAISED, SEVERAL, Piece
from cogfal.guest.faults import Fault
from cogfal.spec import JSON

GIVEN_UP: Final = Fault("the prediction was given up", "", cancellation=True)

LONGEST_LINE: Final = 4096
"""Characters after which an unfinished line is handed over."""
AT_ONCE: Final = 256
"""Events that are handed over in one turn of the loop."""
CROWD: Final = 4096
"""Events that may wait before whoever tells more is to wait."""

Told: TypeAlias = events.Printed | events.Flush | events.Measured


class EventQueue:
    """The way from the author's side to one prediction (or to the setup).

    Lines are handed over whole, or as far as their writer flushed them. What comes behind a piece
    stays behind it until the piece is taken.

    Attributes:
        bell: Set where whoever waits is to look again; on the loop.

    Args:
        loop: Where `receive` is called.
        receive: Takes each log and metric.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, receive: Callable[[Log | Metric], None]
    ) -> None:
        self._loop = loop
        self._receive = receive
        self._items: deque[Told | Piece] = deque()
        self._scheduled = False
        self._partial: dict[Source, str] = {}
        self._closed = False
        self._drop: Callable[[Piece], None] | None = None
        self.bell = asyncio.Event()

    def is_crowded(self) -> bool:
        """Say whether whoever tells more should wait, for the loop to keep up."""
        return len(self._items) > CROWD

    def put(self, item: Told | Piece) -> None:
        """Take an event; from any thread."""
        # Without a lock, because the author's thread may be interrupted at any instruction here.
        # At worst a wake-up is missed; the stretch that was interrupted ends with a piece, which
        # wakes the loop in any case.
        if self._closed:
            return
        self._items.append(item)
        if not self._scheduled or (isinstance(item, Piece) and item.rests):
            self._scheduled = True
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._drain)

    async def next_piece(self, cancel: Callable[[], None]) -> Piece:
        """Take the next piece; for one task at a time.

        When this is cancelled, it calls `cancel`, waits for the piece, leaves it where it is, and
        only then raises. A closed queue has none but the end.
        """
        if not self._reaches_piece():
            await self.until(self._reaches_piece, cancel)
        return cast("Piece", self._items.popleft()) if self._items else Piece(0, ENDED)

    async def until(self, so: Callable[[], object], cancel: Callable[[], None]) -> None:
        """Wait until it is so, looked at again whenever the `bell` is set; for one task at a time.

        When this is cancelled, it calls `cancel`, waits on, and only then raises.
        """
        interrupted: asyncio.CancelledError | None = None
        while not so():
            self.bell.clear()
            try:
                await self.bell.wait()
            except asyncio.CancelledError as error:
                interrupted = error
                cancel()
        if interrupted is not None:
            raise interrupted

    def piece_at_hand(self) -> Piece | None:
        """Take the next piece where it has come already; on the loop."""
        if not self._items or not self._reaches_piece() or not self._items:
            return None
        return cast("Piece", self._items.popleft())

    def together(self, piece: Piece) -> list[JSON]:
        """Take also those of the same kind that are right behind `SEVERAL`; return all of them."""
        values, items = [*piece.value], self._items
        while items and isinstance(items[0], Piece) and items[0].kind == SEVERAL:
            values += cast("Piece", items.popleft()).value
        return values

    def note(self, text: str) -> None:
        """Add a remark of the engine's own; on the loop."""
        self.put(events.Printed(0, "stderr", text))

    def discard_pieces(self, drop: Callable[[Piece], None]) -> None:
        """Drop pieces from now on: nobody takes them, and what is behind them goes on."""
        self._drop = drop
        self._drain()

    def close(self) -> None:
        """Hand over everything, unfinished lines too; pieces and what comes later are dropped."""
        self._closed = True
        while self._items:
            item = self._items.popleft()
            if not isinstance(item, Piece):
                self._tell(item)
        for source, text in self._partial.items():
            if text:
                self._receive(Log(source, text))
        self._partial.clear()
        self.bell.set()

    def _drain(self) -> None:
        """Hand over what has come so far, up to the next piece; on the loop."""
        self._scheduled = False  # before the look: what is put behind it schedules another
        if self._reaches_piece():
            self.bell.set()

    def _reaches_piece(self) -> bool:
        """Hand over what comes before the next piece; tell whether there is one, or never will.

        It hands over so many events and no more: the loop goes on with something else meanwhile.
        """
        items = self._items
        for _ in range(AT_ONCE):
            if not items:
                return self._closed
            if not isinstance(items[0], Piece):
                self._tell(cast("Told", items.popleft()))
            elif self._drop is not None:
                self._drop(cast("Piece", items.popleft()))
            else:
                return True
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)
        return False

    def _tell(self, item: Told) -> None:
        for told in self._settled(item):
            self._receive(told)

    def _settled(self, item: Told) -> Iterator[Log | Metric]:
        match item:
            case events.Measured(_, name, value, mode):
                yield Metric(name, value, mode)
            case events.Flush(_, source):
                if text := self._partial.pop(cast("Source", source), ""):
                    yield Log(cast("Source", source), text)
            case events.Printed(_, source, data):
                yield from self._lines(cast("Source", source), data)

    def _lines(self, source: Source, data: str) -> Iterator[Log]:
        text = self._partial.pop(source, "") + data
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        if len(text) - end > LONGEST_LINE:
            end = len(text)
        if end:
            yield Log(source, text[:end])
        self._partial[source] = text[end:]


class Channel(Protocol):
    """One life of the author's side.

    Attributes:
        death: Why it is over though nobody asked for it; None as long as it is not.
        apart: Whether it is another process, to which only what is written crosses.
    """

    death: str | None
    apart: bool

    async def open(self) -> None:
        """Bring the author's side into being."""

    def send(self, order: str, *details: Any) -> None:
        """Give an order, a method of `Guest`; one to a process that is dead is lost."""

    def kill(self) -> None:
        """End the author's process, where it is one of its own."""

    async def close(self, seconds: float) -> bool:
        """Give all back; return whether the author's code had ended within so many seconds."""


class Call(NamedTuple):
    """What a prediction hands to the author's side.

    `values` are the inputs by name, or their JSON in pieces where they cross to another process,
    which takes them away; `context` is the request's, and `workspace` the directory of the
    prediction, which may not be there yet.
    """

    values: Mapping[str, Any] | list[bytes]
    context: Mapping[str, str]
    workspace: str


class GuestRun:
    """A call, whichever process the author's code is in.

    `ignored` tells whether the author's code was interrupted and went on nevertheless.

    Args:
        number: The call's.
        call: What is handed over.
        channel: Where the orders go.
        queue: Where the events come from.
        grace: Seconds between a cancellation and the end of the process; None leaves it alone.
    """

    def __init__(
        self, number: int, call: Call, channel: Channel, queue: EventQueue, grace: float | None
    ) -> None:
        self.ignored = False
        self.number = number
        self.queue = queue
        self._call = call
        self._channel = channel
        self._grace = grace
        self._begun = False
        self._rests = True
        self._open = False
        self._over = False
        self._cancelled = False
        self._closed: Piece | None = None
        self._last: Piece | None = None
        self._loop = asyncio.get_running_loop()
        self._killing: asyncio.TimerHandle | None = None

    async def next(self) -> Piece:
        """Return the next piece, for which the author's code goes on where it rests.

        It may be ahead by some pieces that nothing can change any more (see `guest.call`).
        Cancelling this cancels the run, and still waits until the author's code was interrupted.
        """
        self.go_on()
        return self._taken(await self.queue.next_piece(self.cancel))

    def go_on(self) -> None:
        """Let the author's code go on where it rests, before its next piece is asked for."""
        if not self._rests:
            return
        self._rests = False
        if self._begun:
            self._channel.send("advance", self.number)
        else:
            self._begun = True
            self._channel.send("start", self.number, *self._call)

    def next_at_hand(self) -> Piece | None:
        """Return the next piece if it has come already and nobody cancelled."""
        if self._rests or self._cancelled:
            return None
        piece = self.queue.piece_at_hand()
        return piece and self._taken(piece)

    def _taken(self, piece: Piece) -> Piece:
        self._open = piece.kind in GOES_ON
        self._over = not self._open
        self._rests = piece.rests
        if self._cancelled:
            self._drop(piece)  # whoever cancelled asks only `close` how it ended
        else:
            self.ignored = self.ignored or piece.ignored
        return piece

    def cancel(self) -> None:
        """Interrupt the author's code; repeated, or after the end, it does nothing."""
        if self._cancelled or not self._begun:
            return
        self._cancelled = True
        self._channel.send("cancel", self.number)
        if self._grace is not None:
            self._killing = self._loop.call_later(self._grace, self._channel.kill)

    async def close(self) -> Piece | None:
        """End the author's code where it rests, or will rest next.

        The piece tells of an exception where the author's cleanup fails; None where it is over and
        `next` has told how. A generator sees the cancellation at its `yield`, or `GeneratorExit`
        where nobody cancelled.
        """
        try:
            if not self._open:
                return self._last
            self._channel.send("close", self.number)
            self.queue.discard_pieces(self._drop)  # what hides behind them has to go on
            await self.queue.until(lambda: self._closed, self.cancel)
            assert self._closed is not None
            self.ignored = self.ignored or self._closed.ignored
            return self._last or self._closed
        finally:
            if self._killing is not None:
                self._killing.cancel()

    def abandon(self) -> bool:
        """Answer `next` and `close` although the author's code goes on; return whether it does."""
        if self._over:
            return False
        self.take(Piece(self.number, RAISED, GIVEN_UP))
        self.take(Piece(self.number, RAISED, GIVEN_UP, closes=True))
        self._channel.kill()
        return True

    def lose(self, cause: str) -> None:
        """Answer `next` and `close`: the author's process is dead."""
        self.take(Piece(self.number, RAISED, lost(cause)))
        self.take(Piece(self.number, RAISED, lost(cause), closes=True))

    def take(self, piece: Piece) -> None:
        """Take a piece from the author's side; on the loop where it answers `close`."""
        if not piece.closes:
            self.queue.put(piece)
        elif self._closed is None:
            self._closed = piece
            self.queue.bell.set()

    def _drop(self, piece: Piece) -> None:
        """Note how a call ended that nobody waits for any more."""
        self.ignored = self.ignored or piece.ignored
        if piece.kind == RAISED:
            self._last = piece


def failure(fault: Fault) -> PredictorFailed:
    """Return the error to report for an exception of the author's code."""
    failed = (DeviceError if fault.device else PredictorFailed)(fault.text)
    if isinstance(failed, DeviceError):
        failed.broken = fault.broken
    failed.fal = fault.fal
    failed.__cause__ = fault.error
    return failed


def lost(cause: str) -> Fault:
    """Describe the death of the author's process."""
    return Fault(cause, f"{cause}\n")

"""Bring what a call prints, records and yields to the event loop, in the order it did."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeAlias, cast

from cogfal.engine.prediction import Log, Metric, Source
from cogfal.guest import events
from cogfal.guest.events import ENDED, SEVERAL, Piece
from cogfal.spec import JSON

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
        self._waiter: asyncio.Future[None] | None = None

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
        """Wait until it is so, which is looked at again on each `ring`; for one task at a time.

        When this is cancelled, it calls `cancel`, waits on, and only then raises.
        """
        interrupted: asyncio.CancelledError | None = None
        while not so():
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                interrupted = error
                cancel()
        if interrupted is not None:
            raise interrupted

    def ring(self) -> None:
        """Have whoever waits look again; on the loop."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
        self.ring()

    def _drain(self) -> None:
        """Hand over what has come so far, up to the next piece; on the loop."""
        self._scheduled = False  # before the look: what is put behind it schedules another
        if self._reaches_piece():
            self.ring()

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

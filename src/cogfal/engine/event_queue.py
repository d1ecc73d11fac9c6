"""Carry what a prediction prints, records and yields to the event loop, in the order it did."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from cogfal.engine.pieces import Bell, Ended, Piece, Yielded
from cogfal.engine.prediction import Log, Metric, Source


class Flush(NamedTuple):
    """An unfinished line was flushed by its writer."""

    source: Source


LONGEST_LINE = 4096  # characters after which an unfinished line is handed over

Item: TypeAlias = Log | Metric | Flush | Piece
_TOLD: Final = (Log, Metric, Flush)


class EventQueue:
    """The way from the author's threads to one prediction (or to the setup).

    Lines are handed over whole, or as far as their writer flushed them. What exceeds `limit`
    characters is not kept; the runner's own log has it. What comes behind a piece stays behind it
    until the piece is taken.

    Args:
        loop: Where `receive` is called.
        receive: Takes each log and metric.
        limit: How many characters of logs are kept.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        receive: Callable[[Log | Metric], None],
        limit: int,
    ) -> None:
        self._loop = loop
        self._receive = receive
        self._room = limit
        self._limit = limit
        self._items: deque[Item] = deque()
        self._scheduled = False
        self._partial: dict[Source, str] = {}
        self._closed = False
        self._bell = Bell(loop)

    def write(self, source: Source, text: str) -> None:
        """Take printed text; from any thread."""
        if not text or self._room < 0:
            return
        self._room -= len(text)
        if self._room < 0:
            text = f"{text[: self._room]}\n[only the first {self._limit} characters are kept]\n"
        self._put(Log(source, text))

    def flush(self, source: Source) -> None:
        """Hand over an unfinished line as it is; from any thread."""
        self._put(Flush(source))

    def metric(self, name: str, value: object, mode: str) -> None:
        """Take a recorded metric; from any thread."""
        self._put(Metric(name, value, mode))

    def relay(self, event: Log | Metric) -> None:
        """Take what a feed in another process, with a limit of its own, handed over."""
        self._put(event)
        if isinstance(event, Log):
            self._put(Flush(event.source))

    def hand_over(self, piece: Piece) -> None:
        """Take a piece of the result; from any thread."""
        if isinstance(piece, Yielded) and not piece.rests:
            self._put(piece)
        elif not self._closed:
            self._items.append(piece)
            self._wake()  # in any case: an interruption may have lost the wake-up before

    async def next_piece(self, cancel: Callable[[], None]) -> Piece:
        """Take the next piece from the feed; for one task at a time.

        When this is cancelled, it calls `cancel`, waits for the piece, leaves it where it is, and
        only then raises. A closed feed has none but `Ended`.
        """
        if not self._reaches_piece():
            await self._bell.until(self._reaches_piece, cancel)
        return self._items.popleft() if self._items else Ended()  # type: ignore[return-value]

    def note(self, text: str) -> None:
        """Add a remark of the engine's own, whatever the limit; on the loop."""
        self._put(Log("stderr", text))
        self.drain()

    def drain(self) -> None:
        """Hand over all that has come so far, up to the next piece; on the loop."""
        self._scheduled = False
        if self._reaches_piece():
            self._bell.ring()

    def close(self) -> None:
        """Hand over everything, unfinished lines too; pieces and what comes later are dropped."""
        self._closed = True
        while self._items:
            if self._reaches_piece() and self._items:
                self._items.popleft()
        for source, text in self._partial.items():
            if text:
                self._receive(Log(source, text))
        self._partial.clear()
        self._bell.ring()

    def _reaches_piece(self) -> bool:
        """Hand over what comes before the next piece; tell whether there is one, or never will."""
        items = self._items
        while items:
            if not isinstance(items[0], _TOLD):
                return True
            for told in self._settled(items.popleft()):
                self._receive(told)
        return self._closed

    def _put(self, item: Item) -> None:
        # Without a lock, because the author's thread may be interrupted at any instruction here.
        # At worst a wake-up is missed; the stretch that was interrupted ends with another.
        if self._closed:
            return
        self._items.append(item)
        if not self._scheduled:
            self._scheduled = True
            self._wake()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self.drain)

    def _settled(self, item: Item) -> Iterator[Log | Metric]:
        match item:
            case Metric():
                yield item
            case Flush(source):
                if text := self._partial.pop(source, ""):
                    yield Log(source, text)
            case Log(source, data):
                text = self._partial.pop(source, "") + data
                end = max(text.rfind("\n"), text.rfind("\r")) + 1
                if len(text) - end > LONGEST_LINE:
                    end = len(text)
                if end:
                    yield Log(source, text[:end])
                self._partial[source] = text[end:]

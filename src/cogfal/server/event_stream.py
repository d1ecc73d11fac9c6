"""Server-sent events for both APIs: write a prediction's events as they come, until the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event
from cogfal.json_text import at_once, gathered, in_turn, slices
from cogfal.server.caller import until_gone
from cogfal.server.responses import pieces_to
from cogfal.spec import JSON

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream shows that it lives, as Cog's."""

SILENCE: Final = b": keep-alive\n\n"
_HEADERS: Final = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
)
Said: TypeAlias = tuple[str | None, JSON]
"""What an event says: its name, where it has one, and its data."""


class EventStream(Response):
    """A response that sends what is said of each event, as soon as it happens.

    Args:
        watch: The events.
        say: What is said of an event; nothing for None.
        leave: Called, where the response ends, unless all events were sent: the caller has left,
            or the server ends.
        first: Events that were taken from `watch` already.
        heartbeat: Seconds of silence after which a comment is sent.
    """

    def __init__(
        self,
        watch: Watch[Event],
        say: Callable[[Event], Said | None],
        leave: Callable[[], None],
        *,
        first: Sequence[Event] = (),
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.status_code = 200
        self.raw_headers = [*_HEADERS]
        self.background = None
        self._watch = watch
        self._say = say
        self._leave = leave
        self._first = first
        self._heartbeat = heartbeat

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end or the caller has left, whichever is first.

        The server lets a message to a caller who has left go nowhere, also one that has waited.
        """
        gone: asyncio.Future[None] | None = None
        complete = False
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            # What has happened already goes along with the head, before anything else is begun.
            if events := self._first or self._watch.take():
                await self._write(events, send)
            gone = asyncio.ensure_future(until_gone(receive))
            gone.add_done_callback(lambda _: self._watch.close())
            while not (self._watch.ended or gone.done()):
                await self._watch.wait(self._heartbeat)
                if not gone.done():
                    await self._write(self._watch.take(), send)
            complete = not gone.done()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            # Here, and in no generator: nobody but the garbage collector ends one that was left.
            if gone is not None:
                gone.cancel()
            self._watch.close()
            if not complete:
                self._leave()

    async def _write(self, events: Sequence[Event], send: Send) -> None:
        await in_turn(self._frames(events), pieces_to(send))

    def _frames(self, events: Sequence[Event]) -> Iterator[bytes]:
        if not events:
            yield SILENCE
        said = filter(None, map(self._say, events))
        yield from gathered(chain.from_iterable(map(_frame, said)))


def _frame(said: Said) -> Iterable[bytes]:
    name, data = said
    head = b"data: " if name is None else f"event: {name}\ndata: ".encode()
    short = at_once(data)
    if short is not None:  # nearly always, so for tokens this is most of the work
        return (b"%b%b\n\n" % (head, short),)
    return chain((head,), slices(data), (b"\n\n",))

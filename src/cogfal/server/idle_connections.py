"""Keep descriptors in reserve, and end: callers who hold connections keep nobody from either.

And send the head of a response with what follows it at once, in one piece: a system call, and a
caller's waking up, less for each request.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from cogfal.server.incoming import Incoming, Steps

MOST: Final = 10_000
"""Connections that are held however many descriptors there are."""

AT_ONCE: Final = 64
"""Connections that are taken in one step of the loop."""

Factory: TypeAlias = Callable[[], asyncio.Protocol]


def guard(loop: asyncio.AbstractEventLoop, most: int | None = None) -> Connections:
    """Let the servers that `loop` opens from now on hold about `most` connections together.

    Beyond that, the one that has been idle for longest is closed for each that comes. By default
    half of the descriptors that this process may have are for connections.
    """
    allowed = most or min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, MOST)
    held = Connections(allowed)
    create: Callable[..., Any] = loop.create_server

    async def create_guarded(
        factory: Factory, *args: Any, backlog: int = 100, **options: Any
    ) -> Any:
        # asyncio takes a whole backlog of connections before it looks at the first of them.
        at_once = min(backlog, AT_ONCE, allowed)
        server = await create(
            lambda: _Connection(factory(), held), *args, backlog=at_once, **options
        )
        for each in server.sockets:
            with socket.socket(fileno=os.dup(each.fileno())) as same:
                same.listen(backlog)
        return server

    guarded: Any = loop
    guarded.create_server = create_guarded
    return held


class Connections:
    """The connections that are open, the longest idle first."""

    def __init__(self, most: int) -> None:
        self.steps = Steps()
        self._most = most
        self._open: dict[_Connection, None] = {}
        self._fewer = asyncio.Event()

    def add(self, connection: _Connection) -> None:
        """Note a connection, and close an idle one where there are too many."""
        self._open[connection] = None
        if len(self._open) > self._most:
            idle = next((each for each in self._open if each.idle), None)
            if idle is not None:
                self.remove(idle)
                idle.close()

    def renew(self, connection: _Connection) -> None:
        """Put a connection last: its caller has said something."""
        self.remove(connection)
        self._open[connection] = None

    def remove(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)
        self._fewer.set()

    async def end(self, seconds: float) -> None:
        """Hang up on callers who have asked for nothing, and after so many seconds on all others.

        A server that ends waits for its callers, some of whom never send the rest of a request, or
        never read what they are answered.
        """
        for each in [each for each in self._open if each.idle]:
            each.close()
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._none_left(), seconds)
        finally:  # whoever waits for this may have no more time than the callers
            for each in [*self._open]:
                each.close()

    async def _none_left(self) -> None:
        while self._open:
            self._fewer.clear()
            await self._fewer.wait()


class _Connection(asyncio.Protocol):
    """A connection of the HTTP server's, which does all the work."""

    def __init__(self, protocol: Any, held: Connections) -> None:
        self._protocol = protocol
        self._held = held
        self._transport: asyncio.Transport | None = None
        self._incoming = Incoming(self._give, self._end, held.steps)
        self._outgoing: Outgoing

    @property
    def idle(self) -> bool:
        """Whether there is no whole request that waits for its answer; unknown is no."""
        if self._outgoing.heir is not None:
            return not self._outgoing.heard
        cycle = getattr(self._protocol, "cycle", self)
        if cycle is None:
            return True
        complete = getattr(cycle, "response_complete", False)
        return bool(complete or getattr(cycle, "more_body", False))

    def close(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._incoming.open(transport)
        self._outgoing = Outgoing(transport, self._incoming)
        self._held.add(self)
        self._protocol.connection_made(self._outgoing)

    def data_received(self, data: bytes) -> None:
        self._held.renew(self)
        self._incoming.take(data)

    def eof_received(self) -> bool | None:
        return self._incoming.end()

    def connection_lost(self, error: Exception | None) -> None:
        self._held.remove(self)
        self._incoming.drop()
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _give(self, data: bytes) -> None:
        self._protocol.data_received(data)
        self._protocol = self._outgoing.heir or self._protocol

    def _end(self) -> bool | None:
        answered: bool | None = self._protocol.eof_received()
        return answered


class Outgoing:
    """A transport that keeps the head of a response back until more is written in the same turn.

    Whether the protocol wants to read on it passes to what holds that back, too.

    Attributes:
        heir: The protocol that has taken the connection over: a websocket's.
        heard: Whether anything was sent since then.
    """

    def __init__(self, transport: asyncio.Transport, incoming: Incoming) -> None:
        self._transport = transport
        self._incoming = incoming
        self.heir: Any = None
        self.heard = False
        self._head = b""
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over; it stays counted, and whoever counts it hears of its end."""
        self.heir = protocol
        self.heard = False

    def get_protocol(self) -> Any:
        """Return the protocol that has the connection now, where it was handed over."""
        return self.heir or self._transport.get_protocol()

    def pause_reading(self) -> None:
        """Read no further."""
        self._incoming.want(more=False)

    def resume_reading(self) -> None:
        """Read on."""
        self._incoming.want(more=True)

    def write(self, data: bytes) -> None:
        """Send, or keep back what is the head of a response."""
        self.heard = True
        if data.startswith(b"HTTP/") and not self._head:
            self._head = data
            self._loop.call_soon(self.flush)
        elif self._head and data:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Send several pieces, after what was kept back."""
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        """Send what was kept back, and that nothing follows."""
        self.flush()
        self._transport.write_eof()

    def flush(self) -> None:
        """Send what was kept back, if anybody is there."""
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def close(self) -> None:
        """Send what was kept back, and nothing more."""
        self.flush()
        self._transport.close()

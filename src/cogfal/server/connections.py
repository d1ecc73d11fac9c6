"""Bound what connections cost: how many are held, what one may send at a time, and how they end.

A chunk of one byte costs the server's parser as much as one of 64 KiB does, and a thousand of them
come with one reading of the socket: they are given to it step by step. Callers who hold connections
keep nobody from a descriptor, or the server from its end.

The head of a response is sent with what follows it at once, in one piece: a system call, and a
caller's waking up, less for each request. What is logged of it comes behind it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeAlias

from uvicorn.config import HTTP_PROTOCOLS

MOST: Final = 10_000
"""Connections that are held however many descriptors there are."""

AT_ONCE: Final = 64
"""Connections that are taken in one step of the loop."""

LOGGER: Final = "uvicorn.access"

LINES: Final = 128
"""Lines that a connection's protocol is given in one step of the loop."""

BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

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
            lambda: Connection(factory(), held), *args, backlog=at_once, **options
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
        self._open: dict[Connection, None] = {}
        self._fewer = asyncio.Event()

    def add(self, connection: Connection) -> None:
        """Note a connection, and close an idle one where there are too many."""
        self._open[connection] = None
        if len(self._open) > self._most:
            idle = next((each for each in self._open if each.idle), None)
            if idle is not None:
                self.remove(idle)
                idle.close()

    def renew(self, connection: Connection) -> None:
        """Put a connection last: its caller has said something."""
        self._open.pop(connection, None)
        self._open[connection] = None

    def remove(self, connection: Connection) -> None:
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


class Steps:
    """What the connections of a loop have still to be given: one step in each of its turns.

    So however many callers send what takes long to read, the others wait for one step.
    """

    def __init__(self) -> None:
        self._waiting: deque[Connection] = deque()
        self._scheduled = False

    def line_up(self, connection: Connection) -> None:
        """Let a connection have its turn, after those that wait already."""
        self._waiting.append(connection)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._waiting:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._scheduled = False
        try:
            self._waiting.popleft().step()
        finally:
            self._schedule()


class Connection(asyncio.Protocol):
    """A connection of the HTTP server's, whose own protocol does all the work.

    What its caller has sent is given to the protocol at once, or step by step where it has many
    lines; the socket is read no further meanwhile.

    Args:
        protocol: Is given what comes, and a transport that is `Outgoing`.
        held: All connections.
    """

    def __init__(self, protocol: Any, held: Connections) -> None:
        self._protocol = protocol
        self._held = held
        self._transport: Any = None
        self._outgoing: Outgoing
        self._left = bytearray()
        self._unwanted = False
        self._ended = False
        self._waits = False

    @property
    def idle(self) -> bool:
        """Whether there is no whole request that waits for its answer; unknown is no."""
        if self._outgoing.successor is not None:
            return not self._outgoing.has_written
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
        """Note where it comes from, and that it is held."""
        self._transport = transport
        self._outgoing = Outgoing(transport, self)
        self._held.add(self)
        self._protocol.connection_made(self._outgoing)

    def data_received(self, data: bytes) -> None:
        """Give the protocol what has few lines at once, and the rest step by step."""
        self._held.renew(self)
        if not self._left and data.count(b"\n") <= LINES:
            self._protocol.data_received(data)
        else:
            self._left += data
            self._settle()

    def eof_received(self) -> bool | None:
        """Return whether the connection stays open, as it does while something is left."""
        if self._left:
            self._ended = True
            return True
        answered: bool | None = self._protocol.eof_received()
        return answered

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it, and what was not given yet."""
        self._held.remove(self)
        self._left.clear()  # nobody is given anything after the end, nor the end of it
        self._ended = False
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Tell the protocol to write no more."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell the protocol to write on."""
        self._protocol.resume_writing()

    def hand_over(self, successor: Any) -> None:
        """Give what comes from now on to another protocol; the connection stays counted."""
        self._protocol = successor

    def read_on(self, *, wanted: bool) -> None:
        """Note whether the protocol wants more."""
        self._unwanted = not wanted
        self._settle()

    def step(self) -> None:
        """Give the protocol the next lines, and the end behind the last."""
        self._waits = False
        if self._left and not self._unwanted:
            end = _end_of_lines(self._left)
            piece = bytes(self._left[:end])
            del self._left[:end]
            try:
                self._protocol.data_received(piece)
            except BaseException:
                self._transport.abort()  # as the loop does with a protocol that it gives data
                raise
        if self._ended and not self._left:
            self._ended = False
            if not self._protocol.eof_received():
                self._transport.close()
        self._settle()

    def _settle(self) -> None:
        """Wait for the next step, or read on, as the protocol and what is left allow."""
        if self._left or self._unwanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        if self._left and not self._unwanted and not self._waits:
            self._waits = True
            self._held.steps.line_up(self)


def _end_of_lines(data: bytearray) -> int:
    """Return where so many lines end; to count them all would take long where there are none."""
    end = -1
    for _ in range(LINES):
        following = data.find(b"\n", end + 1)
        if following < 0:
            return len(data)
        end = following
    return end + 1


class Outgoing:
    """A transport that keeps the head of a response back until more is written in the same turn.

    Whether the protocol wants to read on it passes to what holds that back, too.

    Attributes:
        successor: The protocol that has taken the connection over: a websocket's.
        has_written: Whether anything was sent since then.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self.successor: Any = None
        self.has_written = False
        self._head = b""
        self._loop = asyncio.get_running_loop()
        self.is_closing = transport.is_closing  # asked several times in each request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over; it stays counted, and whoever counts it hears of its end.

        What the library refuses before uvicorn asks it, such as too many headers, is answered here:
        uvicorn would leave it without an answer for ever.
        """
        self.successor = protocol
        self.has_written = False
        self._connection.hand_over(protocol)
        library: Any = getattr(protocol, "conn", None)
        refused = getattr(library, "handshake_exc", None) is not None
        if refused and not self.is_closing():
            self.write(b"".join(library.data_to_send()) or BAD_REQUEST)
            self.close()

    def pause_reading(self) -> None:
        """Read no further."""
        self._connection.read_on(wanted=False)

    def resume_reading(self) -> None:
        """Read on."""
        self._connection.read_on(wanted=True)

    def write(self, data: bytes) -> None:
        """Send, or keep back what is the head of a response."""
        self.has_written = True
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


@contextmanager
def parsing_with_h11() -> Iterator[None]:
    """Have the servers that begin within the block parse HTTP with h11, whatever is installed.

    uvicorn takes httptools where a project's packages bring it, which keeps heads of any size.
    """
    chosen = HTTP_PROTOCOLS["auto"]
    HTTP_PROTOCOLS["auto"] = HTTP_PROTOCOLS["h11"]
    try:
        yield
    finally:
        HTTP_PROTOCOLS["auto"] = chosen


def write_afterwards() -> Callable[[], None]:
    """Have what uvicorn says of an answer written when the present turn of its loop is over.

    The handlers stay where they are: whoever redirects the output has to find them.

    Returns:
        What puts things back as they were.
    """
    logger = logging.getLogger(LOGGER)
    say = logger.info
    logger.info = partial(_afterwards, say)  # type: ignore[method-assign]  # of this one
    return partial(setattr, logger, "info", say)


def _afterwards(say: Callable[..., None], text: object, *details: object, **named: Any) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # no loop: whoever logs waits for nothing
        say(text, *details, **named)
    else:
        loop.call_soon(partial(say, text, *details, **named))

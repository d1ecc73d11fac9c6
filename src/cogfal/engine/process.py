"""The way to an author's side in a process of its own, and the end of all that it started.

Between the two stands the keeper (see `guest.keeper`), which this process starts. Four ways lead
there: a socket for orders and events, one whose bytes have the system send the author's process a
signal, one on which the keeper tells of the end, and two pipes with what is written to the
descriptors 1 and 2.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import secrets
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from cogfal.engine.guest import PAUSE, Foreign, Receive
from cogfal.engine.guest_python import GuestPython
from cogfal.engine.guest_run import Channel
from cogfal.engine.leftovers import VARIABLE, end_life, marking
from cogfal.guest import keeper
from cogfal.guest.capture import Capture
from cogfal.guest.descriptors import AT_ONCE, CHUNK, NUMBERS
from cogfal.guest.events import GOES_ON, Piece
from cogfal.guest.interruption import CALL
from cogfal.guest.way_out import WayOut
from cogfal.guest.wire import Garbage, Unpacker, event_of, pack, to_plain

KEEPER: Final = Path(keeper.__file__)
MAIN: Final = KEEPER.with_name("__main__.py")
LONGEST: Final = 1.0
"""Seconds for which a death is kept from those who wait, where the keeper has ended nothing."""
UNREAD: Final = 4 * 1024 * 1024
"""Bytes that are kept for the runner's log where nobody reads it; more are dropped."""


class ProcessChannel(Channel):
    """One life of the author's process.

    Args:
        receive: Takes the events, on the loop.
        foreign: Takes what was written past Python.
        on_death: Told when the process and all that it started are gone, though nobody asked.
        interpreter: The process's Python.
        root: The project's directory.
        capture: Says where the runner's log is.
    """

    apart = True

    def __init__(
        self,
        receive: Receive,
        foreign: Foreign,
        on_death: Callable[[str], None],
        *,
        interpreter: GuestPython,
        root: Path,
        capture: Capture,
    ) -> None:
        self.death: str | None = None
        self._receive = receive
        self._on_death = on_death
        self._interpreter = interpreter
        self._root = root
        self._name = secrets.token_hex(8)
        self._outlets = capture.numbers()
        self._foreign = foreign
        self._pipes: list[_OutputPipe] = []
        self._wanted = True
        self._asynchronous = False
        self._alarm: socket.socket
        self._opening: asyncio.Future[None]
        self._process: asyncio.subprocess.Process
        self._wire: _Wire
        self._life: _Life
        self._watching: asyncio.Task[None]

    @override
    async def open(self) -> None:
        # To its end, whoever stops waiting for it: what is half open could not be closed.
        self._opening = asyncio.ensure_future(self._open())
        await asyncio.shield(self._opening)

    async def _open(self) -> None:
        with ExitStack() as handed_over, ExitStack() as unless_started:

            def pair() -> tuple[socket.socket, socket.socket]:
                ours, theirs = socket.socketpair()
                unless_started.callback(ours.close)
                handed_over.callback(theirs.close)
                return ours, theirs

            for source, outlet in zip(NUMBERS, self._outlets, strict=True):
                self._pipes.append(_OutputPipe(source, outlet, self._foreign))
                unless_started.callback(self._pipes[-1].close)
            (ours, theirs), (life, keepers), (self._alarm, alarmed) = pair(), pair(), pair()
            self._alarm.setblocking(False)
            await self._start(theirs.fileno(), alarmed.fileno(), keepers.fileno())
            # From here on `close` gives ours back; theirs must go, or their end is never noticed.
            unless_started.pop_all()
        loop = asyncio.get_running_loop()
        for pipe in self._pipes:
            pipe.open(loop)
        wire = _Wire(self._take, self.kill)
        _, self._wire = await loop.create_connection(lambda: wire, sock=ours)
        _, self._life = await loop.create_connection(_Life, sock=life)
        self._watching = asyncio.ensure_future(self._watch())

    async def _start(self, wire: int, alarm: int, life: int) -> None:
        """Start the keeper, and below it the author's process, with the other ends of all ways."""
        # Unmarked: what ends others, the keeper, is not itself ended as a leftover.
        environ = {n: v for n, v in self._interpreter.environ.items() if n != VARIABLE}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(KEEPER), str(life)),
            "".join(map("=".join, marking(self._name).items())),
            *(self._interpreter.path, str(MAIN)),
            *map(str, (wire, alarm, *self._outlets)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._pipes[0].entrance,
            stderr=self._pipes[1].entrance,
            pass_fds=(wire, alarm, life, *self._outlets),
            env=environ,
            cwd=self._root,
            start_new_session=True,
        )

    @override
    def send(self, order: str, *details: Any) -> None:
        if order == "load":
            number, spec, *others = details
            details = (number, to_plain(spec), *others)
            self._asynchronous = spec.shape.asynchronous
        body: list[bytes] = []
        # The message says the same, later: to coroutines alone, as others' system calls would end.
        if order == "cancel" and not self._asynchronous:
            with suppress(OSError):
                self._alarm.send(CALL.pack(*details))
        if order == "start":
            number, body, *others = details
            details = (number, None, *others)
        self._wire.write(pack([[order, *details]], *body))
        body.clear()  # they are the other side's now

    @override
    def kill(self) -> None:
        self._life.order_end()

    @override
    async def close(self, seconds: float) -> bool:
        self._wanted = False  # before anything ends: nobody is told of an end that is asked for
        await asyncio.wait({self._opening})
        if self._opening.exception() is not None:
            return True  # it never came into being
        self._wire.hang_up()
        try:
            await asyncio.wait_for(asyncio.shield(self._watching), seconds)
        except asyncio.TimeoutError:
            return False
        finally:
            self._life.hang_up()  # whatever is left is killed
            await self._watching
        return True

    def _take(self, message: list[Any], body: bytes) -> Callable[[], bool]:
        try:
            event = event_of(message, body)
        except ValueError as error:
            raise Garbage(str(error)) from error
        if isinstance(event, Piece) and (event.closes or event.kind not in GOES_ON):
            self._drain()  # what was written before comes before
        return self._receive(event)

    def _drain(self) -> None:
        for pipe in self._pipes:
            pipe.read()

    async def _watch(self) -> None:
        """Wait until the process is gone and all that it sent has been taken."""
        told = await self._life.told
        clearing: asyncio.Future[None] | None = None
        if await self._process.wait() != 0:  # it was killed, and ended nothing
            clearing = asyncio.ensure_future(end_life(self._name))
            await asyncio.wait({clearing}, timeout=LONGEST)
            if not clearing.done():
                self._wire.hang_up()  # who cannot be killed may have the other end
        # Else the keeper told it after the last process that had the other end had ended.
        await self._wire.ended
        self._drain()
        for pipe in self._pipes:
            pipe.close()
        self._alarm.close()
        self._life.hang_up()
        # Said last: whoever sees the death finds every event and every line taken.
        how = told or "was killed with what watched over it"
        self.death = self._wire.garbage or f"the predictor's process {how}"
        if self._wanted:
            self._on_death(self.death)
        if clearing is not None:
            await clearing  # whoever sets it up again closes this first, which waits for it


class _GuestConnection(asyncio.Protocol):
    """Our end of a socket."""

    _transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def hang_up(self) -> None:
        """Have the other side end, and what is left there ended."""
        self._transport.close()


class _Wire(_GuestConnection):
    """Our end of the socket to the author's process.

    `garbage` is what was wrong where it sent what is no message; nothing more is read then.
    """

    def __init__(
        self, take: Callable[[list[Any], bytes], Callable[[], bool]], kill: Callable[[], None]
    ) -> None:
        self.garbage: str | None = None
        self._take = take
        self._kill = kill
        self._unpacker = Unpacker()
        self._waiting: deque[bytes] = deque()
        self._full = False
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()

    @override
    def data_received(self, data: bytes) -> None:
        if self.garbage is not None:
            return
        crowded: Callable[[], bool] | None = None
        try:
            for message, body in self._unpacker.feed(data):
                crowded = self._take(message, body)
        except Garbage as error:
            self.garbage = f"the predictor's process wrote to cogfal's own socket: {error}"
            self._kill()
            return
        if crowded is not None and crowded():
            self._transport.pause_reading()
            self._look_again(crowded)

    @override
    def eof_received(self) -> None:
        self._kill()  # who hangs up has no more to do

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        # Writing fails as soon as the process is dead, though what it sent before is still there.
        for data in _rest(self._transport.get_extra_info("socket").fileno()) if exc else ():
            self.data_received(data)
        self.ended.set_result(None)
        if exc is not None:
            self._kill()

    def write(self, pieces: list[bytes]) -> None:
        """Send, a piece after the other as they are taken; to a process that is dead, nothing."""
        self._waiting += pieces
        self._write_on()

    @override
    def pause_writing(self) -> None:
        self._full = True

    @override
    def resume_writing(self) -> None:
        self._full = False
        self._write_on()

    def _write_on(self) -> None:
        while self._waiting and not self._full:
            piece = self._waiting.popleft()
            if not self._transport.is_closing():
                self._transport.write(piece)

    def _look_again(self, crowded: Callable[[], bool]) -> None:
        if crowded():
            self._loop.call_later(PAUSE, self._look_again, crowded)
        elif not self._transport.is_closing():
            self._transport.resume_reading()


class _Life(_GuestConnection):
    """Our end of the keeper's socket; `told` is what it said of the end, or nothing."""

    def __init__(self) -> None:
        self.told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._heard = ""

    @override
    def data_received(self, data: bytes) -> None:
        self._heard += data.decode("ascii", "replace")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.told.done():
            self.told.set_result(self._heard)

    def order_end(self) -> None:
        """Have the process ended; what the keeper tells is still read, or was sent already."""
        if not self._transport.is_closing():
            # A write would fail where the keeper is gone, and close; on some systems this fails.
            with suppress(OSError):
                self._transport.write_eof()


class _OutputPipe:
    """A pipe with what the author's process writes to one of its descriptors.

    Where nobody reads the runner's log, the author's process waits, and nobody else.

    Args:
        source: Which one.
        outlet: Where the runner's log is.
        foreign: Takes the text.
    """

    def __init__(self, source: str, outlet: int, foreign: Foreign) -> None:
        self._source = source
        self._way_out = WayOut(outlet)
        self._unwritten = bytearray()
        self._foreign = foreign
        self._end, self.entrance = os.pipe()
        os.set_blocking(self._end, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read, and leave the other end to the author's process."""
        os.close(self.entrance)
        self._loop = loop
        loop.add_reader(self._end, self.read)

    def read(self) -> None:
        """Pass on what is there."""
        for data in self._chunks():
            if len(self._unwritten) < UNREAD:
                self._unwritten += data
            self._write()
            if text := self._decoder.decode(data):
                self._foreign(self._source, text)
        if self._unwritten and self._loop is not None:
            self._loop.remove_reader(self._end)
            self._loop.add_writer(self._way_out.number, self._read_on)

    def close(self) -> None:
        """Give up the pipe."""
        if self._loop is None:
            os.close(self.entrance)
        else:
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._way_out.number)
        os.close(self._end)
        self._way_out.close()

    def _write(self) -> None:
        """Write as much to the runner's log as there is room for."""
        written = self._way_out.write(self._unwritten)
        del self._unwritten[:written]

    def _read_on(self) -> None:
        """Read on once what was read before is written."""
        self._write()
        if not self._unwritten and self._loop is not None:
            self._loop.remove_writer(self._way_out.number)
            self._loop.add_reader(self._end, self.read)

    def _chunks(self) -> Iterator[bytes]:
        with suppress(BlockingIOError):
            for _ in range(AT_ONCE):
                data = os.read(self._end, CHUNK)
                if not data:
                    if self._loop is not None:
                        self._loop.remove_reader(self._end)
                    return
                yield data


def _rest(descriptor: int) -> Iterator[bytes]:
    """Read what a socket holds still, its other end being closed."""
    with suppress(OSError):
        while data := os.read(descriptor, CHUNK):
            yield data

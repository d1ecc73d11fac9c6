"""Keep descriptors in reserve: connections on which nobody asks make way for those who do."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from typing import Any, Final, TypeAlias

MOST: Final = 10_000
"""Connections that are held however many descriptors there are."""

Factory: TypeAlias = Callable[[], asyncio.Protocol]


def guard(loop: asyncio.AbstractEventLoop, most: int | None = None) -> None:
    """Let the servers that `loop` opens from now on hold about `most` connections together.

    Beyond that, the one that has been idle for longest is closed for each that comes. By default
    half of the descriptors that this process may have are for connections.
    """
    allowed = most or min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, MOST)
    held = _Held(allowed)
    create: Callable[..., Any] = loop.create_server

    async def create_guarded(factory: Factory, *args: Any, **options: Any) -> Any:
        return await create(lambda: _Connection(factory(), held), *args, **options)

    guarded: Any = loop
    guarded.create_server = create_guarded


class _Held:
    """The connections that are open, the longest idle first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[_Connection, None] = {}

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


class _Connection(asyncio.Protocol):
    """A connection of the HTTP server's, which does all the work."""

    def __init__(self, protocol: Any, held: _Held) -> None:
        self._protocol = protocol
        self._held = held
        self._transport: asyncio.Transport | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is being answered; unknown is no."""
        if self._transport is None or self._transport.get_protocol() is not self:
            return False  # a websocket now
        cycle = getattr(self._protocol, "cycle", self)
        return cycle is None or bool(getattr(cycle, "response_complete", False))

    def close(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._held.add(self)
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._held.renew(self)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        answered: bool | None = self._protocol.eof_received()
        return answered

    def connection_lost(self, error: Exception | None) -> None:
        self._held.remove(self)
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

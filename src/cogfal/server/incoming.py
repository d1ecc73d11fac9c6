"""Bound what a request costs before anybody looks at it: many chunks, and heads of many lines.

A chunk of one byte costs the server's parser as much as one of 64 KiB does, and a thousand of them
come with one reading of the socket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

LINES: Final = 128
"""Lines that a connection's protocol is given in one step of the loop."""

MOST_HEADERS: Final = 256
"""Headers that a request may have: each layer of an app looks through all of them."""


class Steps:
    """What the connections of a loop have still to be given: one step in each of its turns.

    So however many callers send what takes long to read, the others wait for one step.
    """

    def __init__(self) -> None:
        self._waiting: deque[Incoming] = deque()
        self._scheduled = False

    def line_up(self, incoming: Incoming) -> None:
        """Let a connection have its turn, after those that wait already."""
        self._waiting.append(incoming)
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


class Incoming:
    """What one caller has sent and its protocol was not given yet; read no further meanwhile.

    Args:
        give: Gives the protocol data.
        end: Tells it that no more will come; returns whether the connection stays open.
        steps: Those of the loop.
    """

    def __init__(
        self, give: Callable[[bytes], None], end: Callable[[], bool | None], steps: Steps
    ) -> None:
        self._give = give
        self._end = end
        self._steps = steps
        self._transport: Any = None
        self._left = bytearray()
        self._unwanted = False
        self._ended = False
        self._waits = False

    def open(self, transport: asyncio.Transport) -> None:
        """Say where it comes from."""
        self._transport = transport

    def take(self, data: bytes) -> None:
        """Give data at once, or step by step where it has many lines."""
        if not self._left and _end_of_lines(data) == len(data):
            self._give(data)
            return
        self._left += data
        self._settle()

    def end(self) -> bool | None:
        """Note that the caller sends no more; return whether the connection stays open."""
        if self._left:
            self._ended = True
            return True
        return self._end()

    def drop(self) -> None:
        """Forget what is left, and that it had an end: the connection is gone."""
        self._left.clear()
        self._ended = False

    def want(self, *, more: bool) -> None:
        """Note whether the protocol wants more."""
        self._unwanted = not more
        self._settle()

    def step(self) -> None:
        """Give the next lines."""
        self._waits = False
        if self._left and not self._unwanted:
            end = _end_of_lines(self._left)
            piece = bytes(self._left[:end])
            del self._left[:end]
            try:
                self._give(piece)
            except BaseException:
                self._transport.abort()  # as the loop does with a protocol that it gives data
                raise
        if self._ended and not self._left:
            self._ended = False
            if not self._end():
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
            self._steps.line_up(self)


def _end_of_lines(data: bytes | bytearray) -> int:
    """Return where so many lines end; to count them all would take long where there are none."""
    end = -1
    for _ in range(LINES):
        following = data.find(b"\n", end + 1)
        if following < 0:
            return len(data)
        end = following
    return end + 1


class HeadLimit:
    """ASGI middleware that refuses requests of more than `MOST_HEADERS` headers with 431."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if len(scope.get("headers", ())) <= MOST_HEADERS:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            reason = f"a request has at most {MOST_HEADERS} headers"
            await JSONResponse({"detail": reason}, 431)(scope, receive, send)

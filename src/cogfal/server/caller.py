"""Read what a caller sends, and know whether it is still there while something is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

R = TypeVar("R")
UNWATCHED: Final = 0.05
"""Seconds for which nobody looks whether the caller has left: most answers are faster."""


BODY_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of one request's JSON."""


class BodyTooLarge(Exception):
    """Report a body of more than `BODY_LIMIT` bytes; no more than that was kept of it."""

    def __init__(self) -> None:
        super().__init__(f"The request body exceeds {BODY_LIMIT} bytes")


class BodyCutShort(Exception):
    """Report a caller that left in the middle of its own request, and hears no answer."""

    def __init__(self) -> None:
        super().__init__("The caller left before the request was complete")


async def read_body(request: Request) -> bytes:
    """Return the whole body; raises BodyTooLarge or BodyCutShort."""
    try:
        return await _read(request)
    except ClientDisconnect as error:
        raise BodyCutShort from error


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


async def wait_watching(done: Awaitable[R], request: Request, cancel: Callable[[], None]) -> R:
    """Return what `done` gives; call `cancel` when the caller leaves or this is cancelled.

    After the caller has left `done` is still waited for. The request's body must have been read.
    """
    waiting = asyncio.ensure_future(done)
    try:
        await asyncio.wait({waiting}, timeout=UNWATCHED)
        if not waiting.done():
            await _wait_for_either(waiting, request, cancel)
        return waiting.result()
    except asyncio.CancelledError:
        cancel()
        raise
    finally:
        waiting.cancel()


async def _wait_for_either(
    waiting: asyncio.Future[Any], request: Request, cancel: Callable[[], None]
) -> None:
    gone = asyncio.ensure_future(until_gone(request.receive))
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            cancel()
            await asyncio.wait({waiting})
    finally:
        gone.cancel()


async def until_gone(receive: Receive) -> None:
    """Return once the caller has dropped the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""Know whether the caller of a request is still there while something is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

R = TypeVar("R")
UNWATCHED = 0.05
"""Seconds for which nobody looks whether the caller has left: most answers are faster."""


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

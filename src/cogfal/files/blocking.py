"""Call what blocks, such as work on files, without holding the event loop up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import TypeVarTuple, Unpack

SHORT: Final = 128 * 1024
"""Bytes that are read, coded, written or removed sooner than a thread takes the work over."""

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


async def to_the_end(
    function: Callable[[Unpack[Arguments]], Result], *arguments: Unpack[Arguments]
) -> Result:
    """Call `function` on a thread; cancelling this also waits until it has returned."""
    work = asyncio.ensure_future(anyio.to_thread.run_sync(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            while not work.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
        raise

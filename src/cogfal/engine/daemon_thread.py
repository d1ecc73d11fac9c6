"""Await what blocks, on a thread that the process does not wait for when it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def on_daemon_thread(work: Callable[[], T]) -> T:
    """Await what blocks on a thread that the process does not wait for when it ends.

    Cancelled, it returns at once and leaves the thread to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            told = partial(_settle, future.set_result, future, work())
        except BaseException as error:  # it is raised where it is awaited
            told = partial(_settle, future.set_exception, future, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(told)

    threading.Thread(target=run, name="cogfal-work", daemon=True).start()
    return await future


def _settle(settle: Callable[[Any], None], future: asyncio.Future[Any], outcome: Any) -> None:
    if not future.done():
        settle(outcome)

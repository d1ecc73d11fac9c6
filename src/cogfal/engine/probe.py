"""Ask the author's `healthcheck()`, which may block, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any

from cogfal.engine.thread import PredictorThread


async def probe(
    healthcheck: Callable[[], Any], thread: PredictorThread, timeout: float
) -> str | None:
    """Return why the predictor is not well, or None.

    It runs beside predictions. A coroutine runs on the predictor's loop where that is running. A
    check that takes over `timeout` seconds counts as unhealthy; its thread ends with it.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def ask() -> None:
        reason = _ask(healthcheck, thread, timeout)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_set, answer, reason)

    threading.Thread(target=ask, name="cogfal-healthcheck", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, timeout)
    except asyncio.TimeoutError:
        return f"healthcheck() took more than {timeout:g} seconds"


def _ask(healthcheck: Callable[[], Any], thread: PredictorThread, timeout: float) -> str | None:
    try:
        well = healthcheck()
        if isawaitable(well):
            well = _complete(well, thread, timeout)
    except BaseException as error:  # SystemExit and its like say no more than other exceptions
        return f"healthcheck() raised {type(error).__name__}: {error}"
    return None if well else f"healthcheck() returned {well!r}"


def _complete(awaitable: Any, thread: PredictorThread, timeout: float) -> Any:
    async def complete() -> Any:
        return await asyncio.wait_for(awaitable, timeout)

    if thread.looping:
        return asyncio.run_coroutine_threadsafe(complete(), thread.loop).result()
    return asyncio.run(complete())


def _set(answer: asyncio.Future[str | None], reason: str | None) -> None:
    if not answer.done():
        answer.set_result(reason)

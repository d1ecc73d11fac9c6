"""Call what blocks on a thread, and do several things at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import TypeVarTuple, Unpack

SHORT: Final = 128 * 1024
"""Bytes that are read, coded, written or removed sooner than a thread takes the work over."""

Arguments = TypeVarTuple("Arguments")
Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


async def to_the_end(
    function: Callable[[Unpack[Arguments]], Result],
    *arguments: Unpack[Arguments],
    stop: Callable[[], object] | None = None,
) -> Result:
    """Call `function` on a thread; cancelling this also waits until it has returned.

    `stop` is called first then, so that a function in steps can end before its next one.
    """
    work = asyncio.ensure_future(anyio.to_thread.run_sync(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        with anyio.CancelScope(shield=True):
            while not work.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
        raise


async def together(
    work: Mapping[Key, Callable[[], Awaitable[Result]]], at_once: int
) -> dict[Key, Result]:
    """Do all of `work`, at most `at_once` at a time, and return the results by their keys.

    The first failure cancels what is under way and is raised as it is; so does cancelling.
    """
    if len(work) <= 1:
        return {key: await job() for key, job in work.items()}
    results: dict[Key, Result] = {}
    failures: list[Exception] = []
    waiting = iter(work.items())
    async with anyio.create_task_group() as tasks:

        async def do_some() -> None:
            for key, job in waiting:
                try:
                    results[key] = await job()
                except Exception as error:  # noqa: PERF203 (few)
                    failures.append(error)
                    tasks.cancel_scope.cancel()
                    return

        for _ in range(min(at_once, len(work))):
            tasks.start_soon(do_some)
    if failures:
        raise failures[0]
    return results


async def on_daemon_thread(work: Callable[[], Result]) -> Result:
    """Await what blocks on a thread that the process does not wait for when it ends.

    Cancelled, it returns at once and leaves the thread to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

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

"""What the end of an app needs: signals that lead to its teardown, and steps that all are taken."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, TypeVar

T = TypeVar("T")

_ENDING: Final = (signal.SIGHUP, signal.SIGQUIT)
"""Signals that end a process at once, for which nobody else cares."""


def end_process(*_: object) -> None:
    """End the app as fal does, with its teardown."""
    signal.raise_signal(signal.SIGTERM)


def heed_signals() -> Callable[[], None]:
    """Let a hang-up and a quit end the app as SIGTERM does; one that is ignored stays so.

    Returns:
        What puts things back as they were.
    """
    restore = ExitStack()
    if threading.current_thread() is threading.main_thread():
        for each in _ENDING:
            if signal.getsignal(each) is signal.SIG_DFL:
                signal.signal(each, end_process)
                restore.callback(signal.signal, each, signal.SIG_DFL)
    return restore.close


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
        if not loop.is_closed():
            loop.call_soon_threadsafe(told)

    threading.Thread(target=run, name="cogfal-provide", daemon=True).start()
    return await future


def _settle(settle: Callable[[Any], None], future: asyncio.Future[Any], outcome: Any) -> None:
    if not future.done():
        settle(outcome)

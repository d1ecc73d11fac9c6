"""The one thread on which the author's code runs, from import to teardown."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, TypeAlias, TypeVar

from cogfal.guest.interruption import Interruption

R = TypeVar("R")
Job: TypeAlias = Callable[[], None]
TURN: Final = 0.001
"""Seconds for which the author's Python code keeps the interpreter while the server wants it.

Each turn of the server's loop waits that long, and a request takes several: with Python's own 5 ms
a cancellation took 16 ms to arrive. A thread that nobody waits for is not interrupted at all.
"""


class PredictorThread:
    """A long-lived thread with an event loop of its own.

    Model code ties itself to a thread: CUDA contexts, thread-locals, event loops. At first jobs run
    one after the other, and coroutines only when a job asks for it; after `begin_looping` the event
    loop runs all the time and jobs are callbacks on it. The server's loop is another one, so that
    author's code which blocks cannot stop health checks and cancellations.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.looping = False
        self._interval = sys.getswitchinterval()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._farewell: Callable[[], object] = _nothing
        self._thread = threading.Thread(target=self._run, name="cogfal-predictor", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(min(self._interval, TURN))
        Interruption.watch_ignored()
        self._thread.start()

    def begin_looping(self) -> None:
        """Let the event loop run from now on, for a predictor that is asynchronous."""
        self.looping = True
        self._jobs.put(self.loop.run_forever)

    def post(self, job: Job) -> None:
        """Run `job` on the thread, after those posted before; it must not raise."""
        if self.looping:
            self.loop.call_soon_threadsafe(job)
        else:
            self._jobs.put(job)

    def complete(self, future: asyncio.Future[R]) -> R:
        """Run the loop until a future is done; on the thread, while the loop is not running."""
        return self.loop.run_until_complete(future)

    async def stop(self, timeout: float) -> bool:
        """End the thread once its present job is over; return whether that took under `timeout`.

        A thread that does not end is left behind; it does not keep the process alive.
        """
        if sys.getswitchinterval() == min(self._interval, TURN):
            sys.setswitchinterval(self._interval)
        home = asyncio.get_running_loop()
        ended = asyncio.Event()
        self._farewell = lambda: home.call_soon_threadsafe(ended.set)
        if self.looping:
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._jobs.put(None)
        try:
            await asyncio.wait_for(ended.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        self._thread.join()
        return True

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while (job := self._jobs.get()) is not None:
            job()
            del job
        self._close_loop()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._farewell()

    def _close_loop(self) -> None:
        """Cancel the author's left-over tasks and close the loop, as `asyncio.run` does."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        self.loop.close()


def _nothing() -> None:
    """Tell nobody."""

"""The one thread on which the author's code runs, from import to teardown.

Model code ties itself to a thread: CUDA contexts, thread-locals, event loops, signal handlers. In
a process of its own it is the main thread, else one beside the server's.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

TURN = 0.001
"""Seconds for which the author's Python code keeps the interpreter while another thread wants it.

Each turn of the server's loop waits that long, and a request takes several: with Python's own 5 ms
a cancellation took 16 ms to arrive. A thread that nobody waits for is not interrupted at all.
"""
TURN_APART = 0.0002
"""The same in a process of its own, where what waits is a thread that reads orders, or sends.

Sync code is cancelled past that thread on Linux; coroutines, and code elsewhere, are not: with a
millisecond a cancellation took 3.3 ms to arrive, so it takes 1.8. The server's own loop, which has
far more to do, would change threads too often.
"""


class _Job:
    """Something to do, once; where anything is raised in it, that is told in its place.

    Attributes:
        do: Does it.
        fail: Told what was raised in it.
        begun: Whether it was touched.
        error: What was raised in it.
    """

    __slots__ = ("begun", "do", "error", "fail")

    def __init__(self, do: Callable[[], None], fail: Callable[[Any], None]) -> None:
        self.do = do
        self.fail = fail
        self.begun = False
        self.error: BaseException | None = None


class AuthorThread:
    """Runs jobs one after the other, or an event loop once `begin_looping` is over.

    `run` is to be called by the thread itself. The loop, and asyncio with it, comes into being when
    it is first asked for: a sync predictor pays for neither.

    Args:
        turn: Seconds for which the author's Python code keeps the interpreter.
    """

    def __init__(self, turn: float = TURN) -> None:
        self._turn = turn
        self.looping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: deque[_Job] = deque()
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._raised: BaseException | None = None
        self._ending = False
        self._interval = 0.0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the thread, which runs all the time or while something is completed."""
        if self._loop is None or self._loop.is_closed():
            import asyncio  # noqa: PLC0415  # see the class

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    def run(self) -> None:
        """Do the jobs until the end."""
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(min(self._interval, self._turn))
        while not self._ending:
            try:
                self._work()
            except BaseException as error:  # of a signal handler of the author's
                # Nothing else here, where the next one that raises would end the thread.
                self._raised = error
        if self._loop is not None:
            self._close_loop(self._loop)
        if sys.getswitchinterval() == min(self._interval, self._turn):
            sys.setswitchinterval(self._interval)

    def begin_looping(self) -> None:
        """Let the event loop run from now on, for an asynchronous predictor; on the thread."""
        self.loop  # noqa: B018  # it comes into being on its own thread
        self.looping = True

    def post(self, job: Callable[[], None], fail: Callable[[Any], None]) -> None:
        """Run `job` on the thread, after those posted before; not once the loop is running.

        Where it raises, or a signal handler of the author's raises around it, `fail` is called
        there with the exception, again until it returns.
        """
        self._jobs.append(_Job(job, fail))
        self._calls.put(None)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have the loop, which is running, call a function; from any thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(function)

    def complete(self, future: Any) -> Any:
        """Run the loop until a future is done; on the thread, while the loop is not running."""
        return self.loop.run_until_complete(future)

    def end(self) -> None:
        """Let `run` return once the present job is over; from any thread."""
        self._ending = True
        if self.looping and self._loop is not None:
            self.call_soon(self._loop.stop)
        self._calls.put(None)

    def _work(self) -> None:
        self._settle()
        while not self._ending:
            if self._jobs:
                # It stays at the head until it has ended: a handler that raises before it has
                # begun, in it or right after it finds it there, and it is run again or fails.
                # Nothing of the author's is kept alive by what waits here.
                if self._jobs[0].begun:
                    self._jobs[0].fail(self._jobs[0].error)
                else:
                    # First noted, then done: what comes again after this is never done twice.
                    self._jobs[0].begun = True
                    self._jobs[0].do()
                self._jobs.popleft()
            elif self.looping:
                # Again where a task of the author's raised SystemExit, or stopped it.
                self.loop.run_forever()
            else:
                # A handler that raises here takes a call for a job, and never a job.
                self._calls.get()

    def _settle(self) -> None:
        """Give what was raised to the job in which it was, or else to the log."""
        error, self._raised = self._raised, None
        if error is None:
            return
        if self._jobs and self._jobs[0].begun:
            self._jobs[0].error = error
        else:
            # Not by `traceback`, which calls a `print` that may be the author's.
            sys.__excepthook__(type(error), error, error.__traceback__)

    @staticmethod
    def _close_loop(loop: asyncio.AbstractEventLoop) -> None:
        """Cancel the author's left-over tasks and close the loop, as `asyncio.run` does."""
        import asyncio  # noqa: PLC0415  # see the class

        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
        if hasattr(loop, "shutdown_default_executor"):  # since 3.9
            loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()

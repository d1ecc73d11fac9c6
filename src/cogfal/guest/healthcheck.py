"""Ask the author's `healthcheck()`, which may block, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from .faults import summary
from .thread import AuthorThread


class Healthcheck:
    """The author's `healthcheck`, asked beside predictions and one at a time.

    A coroutine runs on the predictor's loop where that is running. A check that takes too long
    counts as unhealthy; while it goes on no other is begun, so that none piles up.

    Args:
        function: The author's.
        thread: The predictor's.
    """

    def __init__(self, function: Callable[[], Any], thread: AuthorThread) -> None:
        self._function = function
        self._thread = thread
        self._asking: threading.Thread | None = None

    def ask(self, seconds: float, answer: Callable[[str | None], None]) -> None:
        """Have `answer` told once why the predictor is not well, or None; from any thread.

        It is told after so many seconds at the latest.
        """
        late = f"Healthcheck failed: user-defined healthcheck timed out after {seconds:.1f} seconds"
        if self._asking is not None and self._asking.is_alive():
            answer(late)
            return
        once = _Once(answer)
        timer = threading.Timer(seconds, once, (late,))
        timer.daemon = True
        timer.name = "cogfal-healthcheck-limit"

        def ask() -> None:
            once(self._ask(seconds))
            timer.cancel()

        timer.start()
        self._asking = threading.Thread(target=ask, name="cogfal-healthcheck", daemon=True)
        self._asking.start()

    def _ask(self, seconds: float) -> str | None:
        try:
            well = self._function()
            if isawaitable(well):
                well = self._complete(well, seconds)
        except BaseException as error:  # SystemExit and its like say no more than other exceptions
            return f"Healthcheck failed: {summary(error)}"
        return None if well else "Healthcheck failed: user-defined healthcheck returned False"

    def _complete(self, awaitable: Any, seconds: float) -> Any:
        import asyncio  # noqa: PLC0415  # only what is asynchronous pays for it

        async def complete() -> Any:
            return await asyncio.wait_for(awaitable, seconds)

        if self._thread.looping:
            return asyncio.run_coroutine_threadsafe(complete(), self._thread.loop).result()
        return asyncio.run(complete())


class _Once:
    """Passes the first answer on."""

    def __init__(self, answer: Callable[[str | None], None]) -> None:
        self._answer: Callable[[str | None], None] | None = answer
        self._lock = threading.Lock()

    def __call__(self, reason: str | None) -> None:
        with self._lock:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer(reason)

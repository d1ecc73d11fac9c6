"""Raise an exception inside one stretch of another thread's code, and never outside of it."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

R = TypeVar("R")
Post: TypeAlias = Callable[[Callable[[], None]], object]
"""Has a function called by another thread, without a lock that the calling one might hold."""
CHANCES: Final = 100
"""Turns of a loop, at each of which the interpreter raises what is pending."""
_ORIGIN: Final = "_cogfal_interruption"


class Interruption:
    """A stretch of code, run once in one thread, that another thread can interrupt once.

    Both sides only set flags in an order that lets one of them see the other, so no lock can be
    left behind by an exception that lands between two instructions. `landed` tells whether the
    exception was raised inside the stretch, even where the code there caught it; `deaf` that it
    would not be seen now.

    Args:
        exception: What to raise.
        post: Fires again after the exception landed where Python can only ignore it, such as in a
            finalizer or the callback of a weak reference, once `watch_ignored` was called.
    """

    __slots__ = (
        "_closed",
        "_exception",
        "_fired",
        "_firing",
        "_post",
        "_requested",
        "_thread",
        "deaf",
        "landed",
    )

    def __init__(self, exception: type[BaseException], post: Post) -> None:
        self.landed = False
        self._exception = exception
        self._post = post
        self._thread: int | None = None
        self._requested = False
        self._firing = False
        self._fired = False
        self._closed = False
        self.deaf = False

    def run(self, function: Callable[[], R]) -> R:
        """Call `function`; raises the exception if it is fired before or during the call.

        When this returns or raises, the exception has been raised or will never be.
        """
        try:
            return self._run(function)
        except self._exception:
            # It may have landed while `_close` was under way; it cannot land again.
            self._close()
            raise

    def fire(self) -> None:
        """Interrupt; from another thread. Does nothing when the stretch is over, or repeated.

        A thread that waits inside C code sees the exception when that code returns.
        """
        if self._requested:
            return
        while self.deaf:
            time.sleep(0)
        self._firing = True
        self._requested = True
        if self._thread is not None and not self._closed:
            self._fired = True
            _raise_in(self._thread, self._witness())
        self._firing = False

    def fire_again(self) -> None:
        """Forget that it landed, and have it fired once more; in the interrupted thread."""
        self.deaf = True
        self.landed = False
        self._requested = False
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._post(self.fire)

    @classmethod
    def watch_ignored(cls) -> None:
        """Notice interruptions that Python ignores; what else it ignores is reported as before."""
        before = sys.unraisablehook
        if getattr(before, _ORIGIN, False):
            return

        def hook(ignored: Any) -> None:
            interruption = getattr(ignored.exc_type, _ORIGIN, None)
            if isinstance(interruption, cls):
                interruption.fire_again()
                interruption.deaf = False  # the last step: what lands before it is ignored, too
            else:
                before(ignored)

        setattr(hook, _ORIGIN, True)
        sys.unraisablehook = hook

    def _witness(self) -> type[BaseException]:
        """Make a class that passes for the exception and notes that it was raised."""

        def note(*_: object) -> None:
            self.landed = True

        exception = self._exception
        names = {"__init__": note, "__module__": exception.__module__, _ORIGIN: self}
        return type(exception.__name__, (exception,), names)

    def _run(self, function: Callable[[], R]) -> R:
        self._thread = threading.get_ident()
        try:
            if self._requested:
                raise self._witness()
            return function()
        finally:
            self._close()

    def _close(self) -> None:
        self._closed = True
        while self._firing:
            time.sleep(0)
        if self._fired and not self.landed:
            self._let_it_land()

    def _let_it_land(self) -> None:
        """Have the exception raised here, where it does no harm, if it is still to come.

        Taking it back would leave CPython before 3.13 on the watch for it: every call in the
        process would be slower from then on, and a traced one on 3.11 would never end.
        """
        try:
            for _ in range(CHANCES):
                pass
        except self._exception:
            self.landed = False


def _raise_in(thread: int, exception: type[BaseException]) -> None:
    """Make `exception` pending in a thread, which raises it between two of its instructions."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))

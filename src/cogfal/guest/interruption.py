"""Raise an exception inside one stretch of the author's code, and never outside of it.

Two mechanisms, and the only thing that is double in the two modes: a signal, which ends a sleep
and a blocked system call at once but reaches the main thread alone; and an exception that is made
pending in another thread, which that sees between two of its instructions.
"""

from __future__ import annotations

import _thread
import ctypes
import fcntl
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

R = TypeVar("R")
CHANCES = 100
"""Turns of a loop, at each of which the interpreter raises what is pending."""
NUMBER = signal.SIGURG
"""The signal: one that ends no process in which nobody takes it, such as one that finalizes.

Hardly anybody else uses it, and it finds room where the system can queue no more for its user.
"""
SOON = 0.001
"""Seconds after which a signal that has not landed is sent once more."""
LONGEST_PAUSE = 0.1
"""Seconds between two signals of which none lands."""
F_SETOWN_EX, F_OWNER_TID = 15, 0
CALL = struct.Struct("!Q")
"""The number of a call, as it comes over the socket that the signal announces."""
_ORIGIN = "_cogfal_interruption"


class Interruption:
    """A stretch of code, run once in one thread, that another thread can interrupt once.

    Both sides only set flags in an order that lets one of them see the other, so no lock can be
    left behind by an exception that lands between two instructions. `landed` tells whether the
    exception was raised inside the stretch, even where the code there caught it; `deaf` that it
    would not be seen now.

    Args:
        exception: What to raise.
    """

    __slots__ = (
        "_closed",
        "_exception",
        "_fired",
        "_firing",
        "_requested",
        "_thread",
        "deaf",
        "landed",
    )

    def __init__(self, exception: type[BaseException]) -> None:
        self.landed = False
        self.deaf = False
        self._exception = exception
        self._thread: int | None = None
        self._requested = False
        self._firing = False
        self._fired = False
        self._closed = False

    def run(self, function: Callable[[], R]) -> R:
        """Call `function`; raises the exception if it is fired before or during the call.

        When this returns or raises, the exception has been raised or will never be.
        """
        try:
            # First the thread, then the look: `fire` sets its flag and then looks for the thread,
            # so one of the two sees the other, and an interruption is never lost between them.
            self._thread = threading.get_ident()
            try:
                if self._requested:
                    raise self._witness()
                return function()
            finally:
                self._close()
        except self._exception:
            # It may have landed while `_close` was under way; it cannot land again.
            self._close()
            raise

    def fire(self) -> None:
        """Interrupt; from another thread. Does nothing when the stretch is over, or repeated."""
        if self._requested:
            return
        while self.deaf:
            time.sleep(0)
        # The order is what makes it safe: the stretch looks at `_requested` after it has set
        # `_thread`, and waits for `_firing` after it has set `_closed`.
        self._firing = True
        self._requested = True
        if self._thread is not None and not self._closed:
            self._fired = True
            self._raise_in(self._thread)
        self._firing = False

    def request(self) -> None:
        """Note that the caller, a signal handler in the thread of the stretch, is to raise it."""
        # Who is deaf has a thread that fires once it is not; what is raised before that is lost.
        if not self.deaf:
            self._requested = True

    def fire_again(self) -> None:
        """Forget that it landed, and have it fired once more; in the interrupted thread."""
        self.deaf = True
        self.landed = False
        self._requested = False
        # Without the locks of `threading`, which the code that was interrupted may hold.
        _thread.start_new_thread(self.fire, ())

    @classmethod
    def watch_ignored(cls) -> Callable[[], None]:
        """Notice interruptions that Python ignores, as in finalizers; returns how to stop that.

        What else it ignores is reported as before. Python 3.7 has no such hook.
        """
        before = getattr(sys, "unraisablehook", None)
        if before is None or getattr(before, _ORIGIN, False):
            return _nothing

        def hook(ignored: Any) -> None:
            interruption = getattr(ignored.exc_type, _ORIGIN, None)
            if isinstance(interruption, Interruption):
                interruption.fire_again()
                interruption.deaf = False  # the last step: what lands before it is ignored, too
            else:
                before(ignored)

        def stop() -> None:
            if sys.unraisablehook is hook:
                sys.unraisablehook = before

        setattr(hook, _ORIGIN, True)
        sys.unraisablehook = hook
        return stop

    def _witness(self) -> type[BaseException]:
        """Make a class that passes for the exception and notes that it was raised."""

        def note(*_: object) -> None:
            self.landed = True

        exception = self._exception
        names = {
            "__init__": note,
            "__module__": exception.__module__,
            "__qualname__": exception.__qualname__,
            _ORIGIN: self,
        }
        return type(exception.__name__, (exception,), names)

    def _close(self) -> None:
        # First closed, then the wait: whoever began to fire before that is done afterwards, and
        # whoever begins later finds it closed. Only then is it known whether one is still to land.
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

    def _raise_in(self, thread: int) -> None:
        """Make the exception pending in a thread."""
        set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
        set_exception(ctypes.c_ulong(thread), ctypes.py_object(self._witness()))


class SignalInterruption(Interruption):
    """A stretch of the main thread's code, interrupted by a signal whose handler raises."""

    __slots__ = ()

    current: SignalInterruption | None = None
    """The stretch that is running; set and read in the main thread alone."""

    @classmethod
    def install(cls, alarm: int, note: Callable[[int], None]) -> Callable[[], None]:
        """Take the signal; in the main thread. Returns how to give it back, in a fork.

        Args:
            alarm: A socket over which come the numbers of calls that are cancelled.
            note: Told of each, by the signal's handler; it is to `request` an interruption.
        """

        def arrived(_number: int, frame: Any) -> None:
            for call in _calls(alarm):
                note(call)
            if cls.current is not None:
                cls.current.land(frame)

        def give_back() -> None:
            if signal.getsignal(NUMBER) is arrived:
                signal.signal(NUMBER, signal.SIG_DFL)

        # In this order: without a handler the signal is lost.
        signal.signal(NUMBER, arrived)
        _announce(alarm)
        return give_back

    def run(self, function: Callable[[], R]) -> R:
        """Call `function`; raises the exception if it is fired before or during the call."""
        try:
            SignalInterruption.current = self
            return super().run(function)
        finally:
            # Also where it has landed before `super().run` was there to note the end. What comes
            # from here on finds a stretch that is over.
            self._close()
            SignalInterruption.current = None

    def _close(self) -> None:
        # From here the handler raises no more; a signal that is still on its way finds nothing.
        self._closed = True

    def land(self, frame: Any) -> None:
        """Raise, unless the stretch is over; called by the handler alone."""
        if self._closed or self.landed or not self._requested:
            return
        if not hasattr(sys, "unraisablehook") and _is_finalizing(frame):
            return  # Python would drop it: it comes again, see `_insist`
        raise self._witness()

    def fire(self) -> None:
        """Interrupt; from another thread. Does nothing when the stretch is over, or repeated."""
        super().fire()
        # Also where the alarm's handler has requested it, and has found a finalizer.
        if self._thread is not None and not self.landed and not self._closed:
            _thread.start_new_thread(self._insist, (SOON,))

    def _insist(self, pause: float) -> None:
        """Send the signal until it lands.

        One that comes as a sleep begins waits for its end, and one in a finalizer is dropped.
        """
        time.sleep(pause)
        while not self.landed and not self._closed:
            self._raise_in(self._thread or 0)
            pause = min(2 * pause, LONGEST_PAUSE)
            time.sleep(pause)

    def _raise_in(self, thread: int) -> None:
        signal.pthread_kill(thread, NUMBER)


def _announce(alarm: int) -> None:
    """Have the signal sent as soon as anything comes over a socket; on Linux.

    So a cancellation needs no thread of this process, which would have to get the interpreter.
    """
    os.set_blocking(alarm, False)
    # To the thread: of two that come for the process at once, the second may reach another.
    main_thread = struct.pack("ii", F_OWNER_TID, os.getpid())
    try:
        fcntl.fcntl(alarm, fcntl.F_SETSIG, NUMBER)
        fcntl.fcntl(alarm, F_SETOWN_EX, main_thread)
        fcntl.fcntl(alarm, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    except (AttributeError, OSError):  # elsewhere than on Linux; the order that follows is enough
        return


def _calls(alarm: int) -> Iterator[int]:
    """Take the numbers that have come."""
    try:
        data = os.read(alarm, 512 * CALL.size)
    except OSError:  # none has come: the signal is another thread's; or the author closed it
        return
    for (call,) in CALL.iter_unpack(data):
        yield call


def _is_finalizing(frame: Any) -> bool:
    """Tell whether an exception raised here would be ignored, as in `__del__`."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _nothing() -> None:
    """Stop nothing."""

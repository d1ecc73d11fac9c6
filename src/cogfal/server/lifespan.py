"""What an app begins and ends with: what its project gets, its loop, signals, log, and teardown."""

from __future__ import annotations

import _thread
import asyncio
import faulthandler
import gc
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from cogfal.engine.guest_python import GuestPython, guest_variables
from cogfal.engine.leftovers import VARIABLE, marking
from cogfal.guest.thread import TURN
from cogfal.guest.way_out import WayOut
from cogfal.provision import make_model_environment, provide
from cogfal.spec import ProjectSpec

_ENDING: Final = (signal.SIGHUP, signal.SIGQUIT)
"""Signals that end a process at once, for which nobody else cares."""
_LATE: Final = (
    "cogfal: the app has not ended within termination_grace_period_seconds, so the system ends it "
    "now; the next app here removes what it leaves on disk. What it waits for:"
)
_THREADS: Final = "What its threads do:"
_SOON: Final = 0.05
"""Seconds before the end at which it is told."""
_TOLD: Final = 50  # tasks whose places are told


class Provided(NamedTuple):
    """What was given: how to take it away again, and the Python of the author's own process.

    Without an `interpreter` the author's code runs in this process.
    """

    withdraw: Callable[[], None]
    interpreter: GuestPython | None = None


def provide_on_runner(project: ProjectSpec, root: Path) -> Provided:
    """Provide for a project on a runner, where its plan says which Python the model has.

    Where nothing has made that Python's environment yet, it is made.

    Raises:
        SetupError: Weights cannot be fetched, or the environment cannot be made.
    """
    if project.interpreter is None:
        with ExitStack() as given:
            given.callback(_mark())  # the next server here ends what outlives this one
            given.callback(provide(project, root))
            return Provided(given.pop_all().close)
    python = Path(project.interpreter)
    if project.model_environment is not None:
        python = make_model_environment(project.model_environment, project.interpreter)
    return provide_own(project, root, python)


def provide_own(project: ProjectSpec, root: Path, python: Path) -> Provided:
    """Provide for a project whose code runs in a process of its own.

    Its variables are that process's, and not the server's.
    """
    environ = dict(os.environ)
    withdraw = provide(project, root, environ)
    return Provided(withdraw, GuestPython(str(python), guest_variables(python, environ)))


def _mark() -> Callable[[], None]:
    """Mark what this process starts from now on; returns how to stop."""
    before = {name: value for name, value in os.environ.items() if name == VARIABLE}
    os.environ.update(marking())

    def unmark() -> None:
        os.environ.pop(VARIABLE, None)
        os.environ.update(before)

    return unmark


def favour_loop() -> Callable[[], None]:
    """Shorten what the event loop waits for: other threads' turns, and the garbage collector's.

    What was imported until now is not looked through again: it stays.

    Returns:
        What puts things back as they were, except what somebody else has changed as well.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(min(interval, TURN))
    ours, frozen = sys.getswitchinterval(), gc.get_freeze_count()
    gc.freeze()

    def restore() -> None:
        if not frozen:  # else by somebody else, too, and what is whose is not known
            gc.unfreeze()
        if sys.getswitchinterval() == ours:
            sys.setswitchinterval(interval)

    return restore


def end_process(*_: object) -> None:
    """End the app as fal does, with its teardown."""
    signal.raise_signal(signal.SIGTERM)


def heed_signals(begin: Callable[[], None]) -> Callable[[], None]:
    """Let a hang-up and a quit end the app as SIGTERM does; one that is ignored stays so.

    Args:
        begin: Called as soon as SIGTERM comes. Of fal's two servers, the one for metrics has its
            handler first, and tells the app's only when it has itself ended.

    Returns:
        What puts things back as they were.
    """
    restore = ExitStack()
    if threading.current_thread() is threading.main_thread():
        for each in _ENDING:
            if signal.getsignal(each) is signal.SIG_DFL:
                _take(each, end_process, restore)
        server = signal.getsignal(signal.SIGTERM)
        if callable(server):

            def told(number: int, frame: FrameType | None) -> None:
                try:
                    begin()
                finally:  # without descriptors or threads for that the app ends nevertheless
                    server(number, frame)

            _take(signal.SIGTERM, told, restore)
    return restore.close


def _take(number: int, handler: Callable[..., None], restore: ExitStack) -> None:
    """Take a signal, and give it back where nobody else has taken it meanwhile."""
    before = signal.signal(number, handler)

    def give_back() -> None:
        if signal.getsignal(number) is handler:
            signal.signal(number, before)

    restore.callback(give_back)


def end_by(seconds: float, log: int, loop: asyncio.AbstractEventLoop) -> None:
    """Have the system end this process after so many seconds, whatever its threads do then.

    It needs neither the loop nor the interpreter for that, nor anybody who reads the log. What each
    thread was doing is written to `log`, a descriptor, and where the interpreter is free, for what
    each task of the loop waits. For a signal handler in the main thread.
    """
    way = WayOut(log)
    log = os.dup(way.number)  # as long as the process lives
    way.close()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, log, chain=True)
    signal.setitimer(signal.ITIMER_REAL, seconds)

    def tell() -> None:
        time.sleep(max(0.0, seconds - _SOON))
        with suppress(OSError):  # nobody reads it any more, or not in time
            os.write(log, "\n".join([_LATE, *_waiting(loop), _THREADS, ""]).encode())

    # Without the locks of `threading`, which the main thread may hold at this instruction.
    _thread.start_new_thread(tell, ())


def _waiting(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Say where some tasks of a loop wait; from any thread."""
    for task in islice(asyncio.all_tasks(loop), _TOLD):
        outer: Any = task.get_coro()
        inner = outer
        while inspect.iscoroutine(getattr(inner, "cr_await", None)):
            inner = inner.cr_await
        if (frame := getattr(inner, "cr_frame", None)) is not None:
            place = f'File "{frame.f_code.co_filename}", line {frame.f_lineno}'
            yield f"  {outer.__qualname__}: {place}, in {frame.f_code.co_name}"

"""What an app begins and ends with: what its project is provided with, and its teardown."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from cogfal.engine.interpreter import Interpreter, guest_variables
from cogfal.engine.leftovers import marking
from cogfal.provision import make_model_environment, provide
from cogfal.spec import ProjectSpec

T = TypeVar("T")

_ENDING: Final = (signal.SIGHUP, signal.SIGQUIT)
"""Signals that end a process at once, for which nobody else cares."""


class Provided(NamedTuple):
    """What was given: how to take it away again, and the Python of the author's own process.

    Without an `interpreter` the author's code runs in this process.
    """

    withdraw: Callable[[], None]
    interpreter: Interpreter | None = None


def provide_on_runner(project: ProjectSpec, root: Path) -> Provided:
    """Provide for a project on a runner, where its plan says which Python the model has.

    Where nothing has made that Python's environment yet, it is made.

    Raises:
        SetupError: Weights cannot be fetched, or the environment cannot be made.
    """
    if project.interpreter is None:
        os.environ.update(marking())  # the next server here ends what outlives this one
        return Provided(provide(project, root))
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
    return Provided(withdraw, Interpreter(str(python), guest_variables(python, environ)))


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

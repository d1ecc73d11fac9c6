"""Take from the forks of the author's what is the server's: its signals, sockets and locks."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable

_ALL = set(range(1, signal.NSIG)) - {32, 33}
"""All signals; the C library keeps two for itself."""


def watch_forks(in_the_fork: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in each fork of this process; returns how to stop that.

    It is not called in the forks of forks, which have nothing of this process's any more.
    It must wait for no lock: the thread that held it is not in the fork. Signals that come to the
    fork before it is over wait for that, and so find the handlers that it leaves.
    """
    wanted = [in_the_fork]
    masks = threading.local()

    def before() -> None:
        if wanted:
            masks.usual = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)

    def call() -> None:
        try:
            for each in wanted:
                each()
        finally:  # a fork that heard no signal could not even be terminated
            wanted.clear()
            after()

    def after() -> None:
        usual = vars(masks).pop("usual", None)
        if usual is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, usual)

    os.register_at_fork(before=before, after_in_child=call, after_in_parent=after)
    return wanted.clear


def restore_signals() -> None:
    """Give every signal that has a handler its default again; in a fork."""
    signal.set_wakeup_fd(-1)
    for number in _ALL:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors that a fork has no use for."""
    for descriptor in descriptors:
        try:
            os.close(descriptor)
        except OSError:
            continue  # it was closed meanwhile


class Leash:
    """Has the forks of this process, and theirs, killed when it is let go or this process ends.

    That is of Linux alone, and not inherited by what a fork executes.
    """

    def __init__(self) -> None:
        self._end, self._held = os.pipe()
        self._over = False
        os.register_at_fork(after_in_child=self._bind)

    def let_go(self) -> None:
        """End the forks."""
        self._over = True
        close_all([self._held, self._end])

    def _bind(self) -> None:
        """Ask for a signal when nobody holds the other end any more; in each fork."""
        if self._over:
            return
        if self._held >= 0:  # not in the fork of a fork, where the number may be another's
            os.close(self._held)
            self._held = -1
        try:
            # Opened anew: the signal goes to one process for each open file.
            end = os.open(f"/proc/self/fd/{self._end}", os.O_RDONLY | os.O_NONBLOCK)
            fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(end, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        except (AttributeError, OSError):
            return
        # Looked at last: it may have been let go before the signal was asked for.
        if select.select([end], [], [], 0)[0]:
            os.kill(os.getpid(), signal.SIGKILL)

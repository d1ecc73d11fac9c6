"""Take from the forks of the author's what is the server's: its signals, sockets and locks."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG = 1
_ALL = set(range(1, signal.NSIG)) - {32, 33}
"""All signals; the C library keeps two for itself."""


def watch_forks(in_the_fork: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in each fork of this process; returns how to stop that.

    It must wait for no lock: the thread that held it is not in the fork. Signals that come to the
    fork before it is over wait for that, and so find the handlers that it leaves.
    """
    wanted = [in_the_fork]
    masks = threading.local()

    def before() -> None:
        if wanted:
            masks.usual = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)

    def call() -> None:
        for each in wanted:
            each()
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


class EndsWithThread:
    """Has the forks of one long-lived thread killed when that thread ends, or its process does.

    The forks of other threads may outlive them. So may what a fork starts: this is not inherited.
    """

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread.ident
        self._prctl = getattr(ctypes.CDLL(None), "prctl", None)  # of Linux alone

    def __call__(self) -> None:
        """Arrange it; in the fork."""
        if self._prctl is not None and threading.get_ident() == self._thread:
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

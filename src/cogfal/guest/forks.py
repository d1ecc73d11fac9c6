"""Take from the forks of the author's what is the server's: its signals, sockets and locks."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar

from .inheriting import lend

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


class _Descriptor:
    """A descriptor that may be closed by others, who then have its number for something else."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._file = _file_of(number)

    @property
    def lasts(self) -> bool:
        """Whether the number is still that of what it was."""
        return self._file is not None and _file_of(self.number) == self._file

    def close(self) -> None:
        """Close it, once, unless it is another's."""
        if self.lasts:
            close_all([self.number])
        # Said last: who is forked meanwhile finds that it is closed, or closes it.
        self._file = None


def _file_of(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Leash:
    """Has the author's forks, and theirs, killed when it is let go or this process ends.

    Those are the forks of code that `hold` has been called for, and of the threads and jobs that it
    starts; everybody else's are left alone, in a process that is not the author's alone. That is of
    Linux only, and not inherited by what a fork executes.
    """

    def __init__(self) -> None:
        self._ends: tuple[_Descriptor, ...] = ()

    def open(self) -> None:
        """Begin to look at forks; raises OSError."""
        os.register_at_fork(after_in_child=self._bind)
        self._ends = tuple(map(_Descriptor, os.pipe()))

    def hold(self) -> None:
        """Let the calling context, and what it starts, be the author's."""
        LEASH.set(self)
        lend((LEASH, self))

    @property
    def held(self) -> bool:
        """Whether the calling code is the author's."""
        return LEASH.get() is self

    def let_go(self) -> None:
        """End the forks."""
        # What holds them comes first: who is forked in between finds that it is over.
        for each in reversed(self._ends):
            each.close()

    def _bind(self) -> None:
        """Ask for a signal when nobody holds the other end any more; in each fork, anybody's."""
        if not self._ends:
            return
        end, holding = self._ends
        # In every fork and before all else: who kept it open would keep all others alive.
        holding.close()
        if not self.held:
            end.close()
        elif end.lasts:
            _die_with(end.number)


def _die_with(end: int) -> None:
    """Have this process killed when nobody can write to a pipe any more."""
    try:
        # Opened anew: the signal goes to one process for each open file.
        end = os.open(f"/proc/self/fd/{end}", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        # Looked at last: it may have come to its end before the signal was asked for.
        if not os.read(end, 1):
            os.kill(os.getpid(), signal.SIGKILL)
    except (AttributeError, OSError):  # elsewhere than on Linux; or it has not, as nothing is read
        return


LEASH: ContextVar[Leash | None] = ContextVar("cogfal_leash", default=None)
"""The leash of the author whose code runs."""

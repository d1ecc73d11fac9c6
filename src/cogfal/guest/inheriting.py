"""Say what the author's threads, jobs of thread pools and forks inherit, and what they do not.

A thread of Python's begins with an empty context, and a job has that of the pool's thread. So what
says whose a piece of code is, is handed to them. The author's own context variables are not.
A fork has everything; what is the server's is taken from it: signals, sockets and locks.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

_BEGIN = "_bootstrap_inner"
"""What `Thread` calls first in the new thread; unlike `run` it is no author's to replace."""
_lent: ContextVar[tuple[tuple[ContextVar[Any], Any], ...]] = ContextVar("cogfal_lent", default=())
_lock = threading.Lock()
_users = 0
"""How many have what is lent handed on."""

_ALL = set(range(1, signal.NSIG)) - {32, 33}
"""All signals; the C library keeps two for itself."""


def lend(*values: tuple[ContextVar[Any], Any]) -> None:
    """Give each variable its value in the calling context, what it starts, and what that starts."""
    for variable, value in values:
        variable.set(value)
    _lent.set(values)


def watch_threads() -> Callable[[], None]:
    """Hand on what is lent, from now on in this whole process; returns how to stop.

    Code that is not the author's, such as the server's, finds everything as it was.
    """
    global _users  # noqa: PLW0603  # the process has one `Thread`, whoever asks
    with _lock:
        _users += 1
        if _users == 1:
            for wrapper in _WRAPPERS:
                wrapper.install()
    return _stop_watching


def _stop_watching() -> None:
    global _users  # noqa: PLW0603  # see above
    with _lock:
        _users -= 1
        if _users == 0:
            for wrapper in _WRAPPERS:
                wrapper.remove()


class _Wrapper:
    """Calls `around` in place of a class's method, with the method and its arguments."""

    def __init__(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        self._owner = owner
        self._name = name
        self._around = around
        self._method: Any = None
        self._wrapped: Any = None

    def install(self) -> None:
        """Put it over what is there, unless it lies there already."""
        found = vars(self._owner)[self._name]
        # Under somebody else's, it was left there when it was last removed.
        if self._wrapped is None or found is self._method:
            self._method, self._wrapped = found, self._over(found)
            setattr(self._owner, self._name, self._wrapped)

    def remove(self) -> None:
        """Put back what was there; what somebody else has put over it stays, and calls that."""
        if vars(self._owner)[self._name] is self._wrapped:
            setattr(self._owner, self._name, self._method)
            self._method = self._wrapped = None

    def _over(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def wrapped(*args: Any, **named: Any) -> Any:
            values = _lent.get() if _users else ()
            if not values or not args:
                return method(*args, **named)
            return self._around(values, method, args, named)

        return wrapped


def _start(
    values: tuple[Any, ...], start: Callable[..., None], args: Any, named: dict[str, Any]
) -> None:
    thread: Any = args[0]
    vars(thread)[_BEGIN] = partial(_begin, values, thread, getattr(thread, _BEGIN))
    try:
        start(*args, **named)
    finally:
        vars(thread).pop(_BEGIN, None)  # it was not started, or not anew


def _begin(values: tuple[Any, ...], thread: Any, begin: Callable[[], None]) -> None:
    vars(thread).pop(_BEGIN, None)  # the thread would hold itself
    with _heir(values):
        begin()


def _submit(
    values: tuple[Any, ...], submit: Callable[..., Any], args: Any, named: dict[str, Any]
) -> Any:
    if len(args) < 2:  # before Python 3.9 the function may be named; who does that is nobody's
        return submit(*args, **named)
    pool, function, *rest = args
    # A thread that the pool starts for this job is the pool's, and does others' later.
    with _heir(()):
        return submit(pool, partial(_work, values, function), *rest, **named)


def _work(*args: Any, **named: Any) -> Any:
    values, function, *rest = args
    with _heir(values):
        return function(*rest, **named)


@contextmanager
def _heir(values: tuple[tuple[ContextVar[Any], Any], ...]) -> Iterator[None]:
    tokens = [(variable, variable.set(value)) for variable, value in [*values, (_lent, values)]]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


_WRAPPERS = (
    _Wrapper(threading.Thread, "start", _start),
    _Wrapper(ThreadPoolExecutor, "submit", _submit),
)


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
            # From here until the fork has lost the server's handlers, they would run in both.
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


def leave_fork(process: int, error: BaseException | None = None) -> None:
    """End this process where it is not `process`, but a fork that has left the author's code.

    It ends as a program of its own would: with the status of `sys.exit`, or with a traceback. The
    thread that it has would wait for orders that only its parent gets.
    """
    if os.getpid() == process:
        return
    status = 0
    try:
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            status = error.code or 0
        elif error is not None:
            status = 1
            sys.__excepthook__(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # whatever the author's text or stream does
        os._exit(status & 0xFF)


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
        # The hook comes first: no fork has the pipe without knowing what to do with it.
        os.register_at_fork(after_in_child=self._bind)
        self._ends = tuple(map(_Descriptor, os.pipe()))

    def hold(self) -> None:
        """Let the calling context, and what it starts, be the author's."""
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

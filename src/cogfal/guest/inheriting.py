"""Let threads, and jobs of thread pools, belong to the author's code that started them.

A thread of Python's begins with an empty context, and a job has that of the pool's thread. So what
says whose a piece of code is, is handed to them. The author's own context variables are not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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


def lend(*values: tuple[ContextVar[Any], Any]) -> None:
    """Give each variable its value in what the calling context starts, and in what that starts."""
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

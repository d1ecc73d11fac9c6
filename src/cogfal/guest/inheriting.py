"""Let threads, and jobs of thread pools, belong to the prediction whose code started them.

A thread of Python's begins with an empty context, and a job has that of the pool's thread. So what
says whose a piece of code is, is handed to them. The author's own context variables are not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any

_lent: ContextVar[tuple[tuple[ContextVar[Any], Any], ...]] = ContextVar("cogfal_lent", default=())


def lend(context: Context, *values: tuple[ContextVar[Any], Any]) -> None:
    """Give each variable its value in what code of this context starts, and in what that starts."""
    context.run(_lent.set, values)


def watch_threads() -> Callable[[], None]:
    """Hand on what is lent, from now on in this whole process; returns how to stop.

    Code outside of a prediction, such as the server's, finds everything as it was.
    """
    threads: Any = threading.Thread
    pools: Any = ThreadPoolExecutor
    start, submit = threads.start, pools.submit

    def start_heir(thread: threading.Thread) -> None:
        values = _lent.get()
        if values:
            thread.run = partial(_run, thread, values, thread.run)  # type: ignore[method-assign]
        start(thread)

    def submit_heir(
        pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any, **named: Any
    ) -> Any:
        values = _lent.get()
        if not values:
            return submit(pool, function, *args, **named)
        # A thread that the pool starts for this job is the pool's, and does others' later.
        context = copy_context()
        context.run(_lent.set, ())
        return context.run(submit, pool, partial(_work, values, function), *args, **named)

    def stop() -> None:
        # What somebody else has put around it meanwhile stays, and calls what was there before.
        if threads.start is start_heir:
            threads.start = start
        if pools.submit is submit_heir:
            pools.submit = submit

    threads.start, pools.submit = start_heir, submit_heir
    return stop


def _run(thread: threading.Thread, values: tuple[Any, ...], run: Callable[[], None]) -> None:
    vars(thread).pop("run", None)  # the thread would hold itself
    with _heir(values):
        run()


def _work(values: tuple[Any, ...], function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    with _heir(values):
        return function(*args, **named)


@contextmanager
def _heir(values: tuple[tuple[ContextVar[Any], Any], ...]) -> Iterator[None]:
    tokens = [(variable, variable.set(value)) for variable, value in [*values, (_lent, values)]]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)

"""Let an App override `setup` and `teardown` as any `fal.App` does: with or without `async`.

    class App(cogfal.App):
        def setup(self):
            super().setup()  # the predictor is up afterwards

What is written without `async` runs on a thread, in which cogfal's own methods block until they
are done; the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio.to_thread


class Overridable:
    """A method that is a coroutine on the event loop, and blocks in the thread of an override.

    Args:
        function: The method.
        last: The method of cogfal's own that runs afterwards, whatever this one did.
    """

    def __init__(
        self, function: Callable[..., Any], last: Callable[..., Any] | None = None
    ) -> None:
        self.function = function
        self.last = last

    def __get__(self, app: Any, owner: type | None = None) -> Callable[..., Any]:
        if app is None:
            return self.function
        bound: Callable[..., Any] = partial(_run, app, self.function, self.last)
        try:
            app.__dict__["_loop"] = asyncio.get_running_loop()
        except RuntimeError:
            loop = app.__dict__.get("_loop")
            return bound if loop is None else partial(_wait_for, bound, loop)
        return bound


async def _run(
    app: Any, function: Callable[..., Any], last: Callable[..., Any] | None, *args: Any
) -> None:
    try:
        if inspect.iscoroutinefunction(function):
            await function(app, *args)
        else:
            await anyio.to_thread.run_sync(function, app, *args)
    finally:
        if last is not None:
            await last(app)


def _wait_for(bound: Callable[..., Any], loop: asyncio.AbstractEventLoop, *args: Any) -> None:
    asyncio.run_coroutine_threadsafe(bound(*args), loop).result()


def allow_overrides(cls: type, base: type) -> None:
    """Make what a class overrides of `base` behave as described, and end with cogfal's teardown."""
    for name, last in (("setup", None), ("teardown", vars(base)["teardown"].function)):
        function = _overriding(cls, base, name)
        if function is not None and (last or not inspect.iscoroutinefunction(function)):
            setattr(cls, name, Overridable(function, last))


def _overriding(cls: type, base: type, name: str) -> Callable[..., Any] | None:
    """Return the method of the class or of a mixin that hides the one of `base`."""
    for each in cls.__mro__[: cls.__mro__.index(base)]:
        if name in vars(each):
            found = vars(each)[name]
            return None if isinstance(found, Overridable) else found
    return None

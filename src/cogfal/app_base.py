"""What `cogfal.App` stands on: what a class holds, and methods that a subclass may override.

This travels to the runner by value, as `app` does.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import anyio.to_thread

from cogfal.server.stores import StoreChooser, choose_without_fal
from cogfal.settings import AppSettings, Settings
from cogfal.source_bundle import WithSource
from cogfal.spec import ProjectSpec


class AppBase(WithSource, Settings):
    """What is known of a class once it was made; on a runner it arrives with all of this."""

    project: ClassVar[ProjectSpec | None] = None
    """What was read when the class was made."""

    checked_settings: ClassVar[AppSettings] = AppSettings()
    """What the class says of itself, read once when it was made."""

    app_file: ClassVar[str | None] = None
    """The file that names the project, and that its paths are relative to."""

    given: ClassVar[tuple[Any, ...]] = ()
    """The predictor itself, where it travels with the App."""

    own_settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What the class itself sets of cogfal's and fal's settings, before its project was read."""

    choose_store: ClassVar[StoreChooser] = choose_without_fal
    """Says where output files go; fal's own stores travel only with an App that may need them."""

    local_python_modules: ClassVar[list[str]]
    host_kwargs: ClassVar[dict[str, Any]]


class Overridable:
    """A method that may be overridden as any `fal.App`'s: with or without `async`.

        class App(cogfal.App):
            def setup(self):
                super().setup()  # the predictor is up afterwards

    It is a coroutine on the event loop. An override that is written without `async` runs on a
    thread, in which cogfal's own method blocks until it is done; the event loop goes on meanwhile.

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
        # Noted whenever the loop asks: the thread of an override has none, and waits for this one.
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

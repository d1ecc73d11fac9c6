"""The way to the author's side and back: within this process, or (see `process`) to another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import anyio
from typing_extensions import override

from cogfal.guest.capture import Capture
from cogfal.guest.core import Guest
from cogfal.guest.inheriting import Leash, close_all, restore_signals, watch_forks
from cogfal.guest.interruption import Interruption
from cogfal.guest.thread import AuthorThread

Receive: TypeAlias = Callable[[Any], Callable[[], bool]]
"""Takes an event; returns what says whether more should wait, for the loop to keep up."""

Foreign: TypeAlias = Callable[[str, str], None]
"""Takes the source and text of what was written past Python, whoever's it is."""

PAUSE: Final = 0.001
"""Seconds after which whoever waits looks again."""


class Channel(Protocol):
    """One life of the author's side.

    Attributes:
        death: Why it is over though nobody asked for it; None as long as it is not.
        apart: Whether it is another process, to which only what is written crosses.
    """

    death: str | None
    apart: bool

    async def open(self) -> None:
        """Bring the author's side into being."""

    def send(self, order: str, *details: Any) -> None:
        """Give an order, a method of `Guest`; one to a process that is dead is lost."""

    def kill(self) -> None:
        """End the author's process, where it is one of its own."""

    async def close(self, seconds: float) -> bool:
        """Give all back; return whether the author's code had ended within so many seconds."""


class DirectChannel(Channel):
    """The author's side in this process, on a thread of its own.

    Args:
        receive: Takes the events, on whichever thread they happen.
        capture: Of this process, opened.
        forget: Lets go, in a fork of the author's, of what is the server's.
    """

    death: str | None = None
    apart = False

    def __init__(
        self, receive: Receive, capture: Capture, forget: Callable[[], None] = lambda: None
    ) -> None:
        self._receive = receive
        self._capture = capture
        self._forget = forget
        self._stop_watching: Callable[[], None] = lambda: None
        self._home = threading.get_ident()
        self._thread = AuthorThread()
        self._leash = Leash()
        self._guest = Guest(self._emit, self._thread, capture, Interruption, self._leash)
        self._over = asyncio.Event()

    @override
    async def open(self) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            self._leash.hold()
            self._thread.run()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._over.set)

        # A thread that does not end does not keep the process alive.
        self._runs = threading.Thread(target=run, name="cogfal-predictor", daemon=True)
        self._runs.start()
        self._stop_watching = watch_forks(partial(self._forked, loop))
        self._leash.open()

    @override
    def send(self, order: str, *details: Any) -> None:
        getattr(self._guest, order)(*details)

    @override
    def kill(self) -> None:
        """Do nothing: nobody can end a thread."""

    @override
    async def close(self, seconds: float) -> bool:
        self._thread.end()
        try:
            with anyio.move_on_after(seconds):
                await self._over.wait()
        finally:
            self._stop_watching()
            self._leash.let_go()
            self._guest.leave()
        if self._over.is_set():
            self._runs.join()
        return self._over.is_set()

    def _forked(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep what is the server's from a fork, which would hold it for ever."""
        if self._leash.held:  # who else forks here may count on the handlers
            restore_signals()
        # There is no other way to learn the sockets of a loop: who listens, and who is connected.
        selector = getattr(loop, "_selector", None)
        if selector is not None and selector.get_map() is not None:
            close_all([*selector.get_map()])
            selector.close()  # once: another predictor on this loop would close what is opened then
        self._forget()
        self._capture.forked()

    def _emit(self, event: Any) -> None:
        crowded = self._receive(event)
        # The loop itself never waits: it is who makes room.
        while crowded() and threading.get_ident() != self._home:
            time.sleep(PAUSE)

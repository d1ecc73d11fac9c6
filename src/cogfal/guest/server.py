"""The author's process: its main thread, its end of the socket, what its forks must not have."""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cogfal.guest.capture import Capture
from cogfal.guest.core import Guest
from cogfal.guest.descriptors import Inherited
from cogfal.guest.events import SEVERAL
from cogfal.guest.inheriting import Leash, close_all, watch_forks
from cogfal.guest.interruption import SignalInterruption
from cogfal.guest.thread import TURN_APART, AuthorThread
from cogfal.guest.wire import Garbage, Unpacker, decoded, encoded, framed, from_plain, message_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue

CHUNK = 256 * 1024
"""Bytes received at once."""
MOST = 4096
"""Events that may wait before whoever tells more has to."""
AT_ONCE = 256
"""Events that are taken for one frame."""
ROOM = 64 * 1024
"""Characters of a frame's header after which it takes no further event."""
PAUSE = 0.001
"""Seconds after which whoever waits looks again."""
ORDERS = ("load", "setup", "start", "advance", "cancel", "close", "check", "teardown")


class Outbox:
    """Events on their way to the server, in the order they happened.

    What the author's code does may be interrupted at any instruction of `put`, and its own signal
    handlers may raise there; so a queue without locks of Python's stands between it and a thread of
    its own, which alone writes to the socket: no frame is ever torn.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._events: SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, event: Any) -> None:
        """Take an event; wait while the server takes nothing."""
        self._events.put(event)
        while self._events.qsize() > MOST:
            time.sleep(PAUSE)

    def run(self) -> None:
        """Send what is put, as long as the server is there.

        Whatever ends this hangs up: a process of which nothing is heard is of no use.
        """
        try:
            while True:
                for piece in self._frame():
                    self._connection.sendall(piece)
        except OSError:
            pass  # the server hung up
        finally:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def _frame(self) -> list[bytes]:
        """Wait for events, and take them up to one that has bytes of its own."""
        message, body = message_of(self._events.get())
        texts: list[str] = []
        room = ROOM
        for _ in range(AT_ONCE):
            if body or room < 0 or self._events.empty():
                break
            following, body = message_of(self._events.get())
            if message[:3] == following[:3] and message[::2][:2] == ["Piece", SEVERAL]:
                message[3] += following[3]
            else:
                texts.append(encoded(message))
                room -= len(texts[-1])
                message = following
        return framed([*texts, encoded(message)], body)


def serve(number: int, alarm: int, outlets: tuple[int, int]) -> None:
    """Carry out what comes over a socket, on the main thread, until the server hangs up.

    A call that is cancelled is also told over `alarm`; see `SignalInterruption`.
    """
    for descriptor in (number, alarm, *outlets):
        os.set_inheritable(descriptor, False)  # no child of the author's gets them
    connection = socket.socket(fileno=number)
    capture = Capture(Inherited(outlets))
    capture.open(home=False)
    outbox, thread = Outbox(connection), AuthorThread(TURN_APART)
    leash = Leash()
    guest = Guest(outbox.put, thread, capture, SignalInterruption, leash)
    # All this before the first order is read: what the author's code forks finds how to let go of
    # the server, and what cancels it is heard.
    give_back = SignalInterruption.install(alarm, guest.note_cancelled)
    watch_forks(lambda: _forked((number, alarm), give_back, capture))
    leash.open()  # this process is killed with its keeper, and they with it
    # Processes that `multiprocessing` spawns import the main module again, where it has a file.
    ours = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    receive = threading.Thread(target=_listen, args=(connection, guest, thread), daemon=True)
    receive.start()
    threading.Thread(target=outbox.run, daemon=True).start()
    leash.hold()
    thread.run()
    del ours


def _listen(connection: socket.socket, guest: Guest, thread: AuthorThread) -> None:
    unpacker = Unpacker()
    try:
        while True:
            data = connection.recv(CHUNK)
            if not data:
                break
            _take(guest, unpacker, data)
    except (OSError, Garbage):
        pass  # nothing more will come
    finally:
        thread.end()


def _take(guest: Guest, unpacker: Unpacker, data: bytes) -> None:
    """Carry out what has come, and keep nothing of it: inputs may be large."""
    for (order, *details), body in unpacker.feed(data):
        if body:  # a prediction's inputs
            details[1] = decoded(body)
        _obey(guest, order, details)


def _obey(guest: Guest, order: str, details: list[Any]) -> None:
    if order not in ORDERS:
        return
    if order == "load":
        number, spec, root, log_limit, _ = details
        guest.load(number, from_plain(spec), root, log_limit)
    else:
        getattr(guest, order)(*details)


def _forked(ours: tuple[int, int], give_back: Callable[[], None], capture: Capture) -> None:
    """Take from a fork of the author's what is the server's; its parent reads what it prints."""
    close_all(ours)
    give_back()
    capture.forked()

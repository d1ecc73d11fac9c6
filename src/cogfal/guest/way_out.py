"""Write to the runner's log without waiting for whoever reads it.

A pipe that nobody reads in time is full, and then whoever writes to it waits: the author's code
may, the server's loop never. Nothing about the descriptor is changed, since others have it too.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queue import SimpleQueue

MOST = 1024 * 1024
"""Bytes of the server's own lines that wait to be written."""
PATIENCE = 500
"""Milliseconds after which whoever waits for room looks again."""
LAST = 0.5
"""Seconds for what still waits in the end."""


class WayOut:
    """A way to where a descriptor leads, on which nobody waits.

    Attributes:
        number: A descriptor that can be asked whether there is room.
    """

    def __init__(self, number: int) -> None:
        mode = os.fstat(number).st_mode
        self.number = number
        self._socket: socket.socket | None = None
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=os.dup(number))
            self.number = self._socket.fileno()
        elif stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            # Opened anew, it has a mode of its own. A regular file would have a place of its own,
            # too, and write over what others write.
            with suppress(OSError):  # it is another user's, or there is no Linux
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
                self.number = os.open(f"/proc/self/fd/{number}", flags)
        self._own = self.number != number

    def write(self, data: Any) -> int:
        """Write as much as there is room for now; return how many bytes need no more writing."""
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            return os.write(self.number, data)
        except BlockingIOError:
            return 0
        except OSError:  # nobody reads it any more, or its disk is full
            return len(data)

    def wait(self) -> None:
        """Wait until there is room, not for long."""
        coming = select.poll()
        coming.register(self.number, select.POLLOUT)
        coming.poll(PATIENCE)

    def close(self) -> None:
        """Give up what is this way's own."""
        if self._socket is not None:
            self._socket.close()
        elif self._own:
            os.close(self.number)


class Unhurried:
    """A text stream to the runner's log on which one thread, the server's, never waits.

    What has no room yet another thread writes, and what is too much is counted. Everybody else
    writes to the stream itself, and waits.

    Args:
        stream: The way of everybody else.
        number: The descriptor that it leads to.
        home: The identity of the server's thread.
    """

    def __init__(self, stream: Any, number: int, home: int) -> None:
        self._stream = stream
        self._way = WayOut(number)
        self._home = home
        self._waiting: SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = MOST
        self._lost = 0
        self._lock = threading.Lock()
        # Begun before the author's code can leave no room for threads, or break their class.
        self._thread = threading.Thread(target=self._work, name="cogfal-log", daemon=True)
        self._thread.start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, or have it written."""
        if threading.get_ident() != self._home:
            return int(self._stream.write(text))
        data = text.encode(self._stream.encoding, "backslashreplace")
        if self._room == MOST:  # nothing waits, which would have to come before
            data = data[self._way.write(data) :]
        if data:
            self._write_later(data)
        return len(text)

    def flush(self) -> None:
        """Do nothing for the server's thread, whose lines are on their way already."""
        if threading.get_ident() != self._home:
            self._stream.flush()

    def close(self) -> None:
        """Give up the way once what waits was written, or will not be for some time."""
        self._waiting.put(None)
        self._thread.join(LAST)
        if not self._thread.is_alive():
            self._way.close()

    def _write_later(self, data: bytes) -> None:
        with self._lock:
            if self._room < len(data):
                self._lost += 1
                return
            self._room -= len(data)
        self._waiting.put(data)

    def _work(self) -> None:
        data = self._waiting.get()
        while data is not None:
            size = len(data)
            while data:
                data = data[self._way.write(data) :]
                if data:
                    self._way.wait()
            with self._lock:
                self._room += size
            data = self._told_loss() or self._waiting.get()

    def _told_loss(self) -> bytes | None:
        """Return a line about what was lost, once nothing waits any more."""
        with self._lock:
            if self._lost == 0 or self._room < MOST:
                return None
            lost, self._lost = self._lost, 0
            line = f"cogfal: {lost} lines are missing here, since the log was not read\n".encode()
            self._room -= len(line)
            return line

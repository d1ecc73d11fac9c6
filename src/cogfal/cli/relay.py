"""Stand between the terminal and whatever runs in this process, so that both have order."""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO

from typing_extensions import Self

CHUNK: Final = 65536  # bytes read at once


class Relay:
    """Takes the descriptors 1 and 2; what is written to them is passed to `receive`, in order.

    `out` and `err` are where they led before: the terminal itself.
    """

    def __init__(self) -> None:
        self.receive: Callable[[str], object] = _nothing
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="cogfal-relay", daemon=True)
        self.out: TextIO
        self.err: TextIO

    def __enter__(self) -> Self:
        sys.stdout.flush()
        sys.stderr.flush()
        self.out, self.err = (os.fdopen(os.dup(n), "w", encoding="utf-8") for n in (1, 2))
        self._end, entrance = os.pipe()
        os.set_blocking(self._end, False)
        self._wake = os.pipe()
        os.dup2(entrance, 1)
        os.dup2(entrance, 2)
        os.close(entrance)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(self._wake[1], b"x")
        self._thread.join()
        self.drain()
        os.dup2(self.out.fileno(), 1)
        os.dup2(self.err.fileno(), 2)
        for number in (self._end, *self._wake):
            os.close(number)
        for stream in (self.out, self.err):
            with suppress(BrokenPipeError):  # whoever read it has gone, and knows
                stream.close()

    def lead(self, receive: Callable[[str], object]) -> None:
        """Pass what has been written so far to where it was to go, and the rest to `receive`."""
        self.drain()
        self.receive = receive

    def drain(self) -> None:
        """Pass on everything that has been written."""
        with self._lock:
            while data := self._chunk():
                self.receive(self._decoder.decode(data))

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while self._wake[0] not in dict(poll.poll()):
            self.drain()

    def _chunk(self) -> bytes:
        try:
            return os.read(self._end, CHUNK)
        except BlockingIOError:
            return b""


def _nothing(_text: str) -> None:
    """Receive text that nobody wants."""

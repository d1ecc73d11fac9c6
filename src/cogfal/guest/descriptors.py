"""Read what is written to the file descriptors 1 and 2, and pass it on to where they led."""

from __future__ import annotations

import codecs
import ctypes
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

NUMBERS = {"stdout": 1, "stderr": 2}
CHUNK = 65536
"""Bytes read at once."""
AT_ONCE = 16
"""Chunks read from one pipe before others have their turn: who writes without end delays nobody."""

if TYPE_CHECKING:
    from typing import TypeAlias

    Receiver: TypeAlias = Callable[[str, str], None]


class Outlets:
    """The ways out of a process whose standard streams are captured: those that are there."""

    def open(self, originals: Mapping[str, Any], receive: Receiver) -> None:
        """Begin; `receive` gets the source and text of what is written past Python."""

    def outlet(self, source: str) -> Any:
        """Return the way to the runner's log, or None where the original stream is the way."""

    def numbers(self) -> tuple[int, int]:
        """Return descriptors that lead to the runner's log, for another process."""
        return 1, 2

    def drain(self) -> None:
        """Pass on everything written so far, C's buffers included."""

    def close(self) -> None:
        """Restore what was there."""


class Descriptors(Outlets):
    """The redirection of both descriptors into pipes, read by one thread.

    `receive` gets the text of whoever writes to the descriptors themselves: C code and child
    processes. Python's own streams go around the pipes, through `outlet`.
    """

    def __init__(self) -> None:
        self._receive: Receiver = _drop
        self._pipes: list[_Pipe] = []
        self._outlets: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._c = CStreams()
        self._wake: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    def open(self, originals: Mapping[str, Any], receive: Receiver) -> None:
        """Begin; `receive` gets the source and text of what is written past Python."""
        self._receive = receive
        for source, stream in originals.items():
            stream.flush()  # before the pipe is there: this is no call's
            pipe = _Pipe(source)
            self._pipes.append(pipe)
            if _number(stream) == pipe.number:
                self._outlets[source] = pipe.outlet(stream)
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._read, name="cogfal-output", daemon=True)
        self._thread.start()

    def outlet(self, source: str) -> Any:
        """Return the way to the runner's log."""
        return self._outlets.get(source)

    def numbers(self) -> tuple[int, int]:
        """Return descriptors that lead to the runner's log."""
        stdout, stderr = self._pipes
        return stdout.saved, stderr.saved

    def drain(self) -> None:
        """Pass on everything written so far, C's buffers included."""
        if self._pipes:
            self._c.flush()
            self._pass_on()

    def close(self) -> None:
        """Restore what was there."""
        if self._thread is None or self._wake is None:
            return
        # First nobody writes to the pipes any more, then their reader ends, then what is left in
        # them is passed on: no text is lost, and no descriptor is closed under a reader.
        self._c.flush()
        for pipe in self._pipes:
            pipe.restore()
        os.write(self._wake[1], b"x")
        self._thread.join()
        self._thread = None
        self._pass_on()
        for pipe in self._pipes:
            pipe.close()
        for end in self._wake:
            os.close(end)
        self._pipes, self._outlets, self._wake = [], {}, None

    def _read(self) -> None:
        poll = select.poll()
        assert self._wake is not None
        poll.register(self._wake[0], select.POLLIN)
        for pipe in self._pipes:
            poll.register(pipe.end, select.POLLIN)
        while self._wake[0] not in dict(poll.poll()):
            self._pass_on()

    def _pass_on(self) -> None:
        """Empty the pipes; from any thread."""
        with self._lock:
            for pipe in self._pipes:
                for text in pipe.read():
                    self._receive(pipe.source, text)


class Inherited(Outlets):
    """Descriptors that another process opened, while 1 and 2 are pipes which that process reads."""

    def __init__(self, numbers: tuple[int, int]) -> None:
        self._numbers = numbers
        self._outlets: dict[str, Any] = {}
        self._c = CStreams()

    def open(self, originals: Mapping[str, Any], receive: Receiver) -> None:  # noqa: ARG002  # as in `Outlets`
        """Begin; what is written past Python is read by the other process."""
        for source, number in zip(NUMBERS, self._numbers):
            self._outlets[source] = open_text(number, originals[source])

    def outlet(self, source: str) -> Any:
        """Return the way to the runner's log."""
        return self._outlets[source]

    def drain(self) -> None:
        """Pass on everything written so far, C's buffers included."""
        self._c.flush()


class _Pipe:
    """One descriptor, replaced by a pipe."""

    def __init__(self, source: str) -> None:
        self.source: str = source
        self.number = NUMBERS[source]
        self.end, self._entrance = os.pipe()
        os.set_blocking(self.end, False)
        self.saved = os.dup(self.number)
        self._outlet: Any = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.dup2(self._entrance, self.number)

    def outlet(self, stream: Any) -> Any:
        """Open a stream like `stream` to where the descriptor led."""
        self._outlet = open_text(self.saved, stream)
        return self._outlet

    def read(self) -> Iterator[str]:
        """Return what has arrived, after writing it to where the descriptor led."""
        for _ in range(AT_ONCE):
            try:
                data = os.read(self.end, CHUNK)
            except BlockingIOError:
                return
            if not data:
                return
            _write_all(self.saved, data)
            text = self._decoder.decode(data)
            if text:
                yield text

    def restore(self) -> None:
        """Lead the descriptor back to where it led."""
        os.dup2(self.saved, self.number)
        os.close(self._entrance)

    def close(self) -> None:
        """Give up the pipe."""
        if self._outlet is not None:
            self._outlet.close()
        os.close(self.end)
        os.close(self.saved)


class CStreams:
    """C's own buffered streams; their calls let other threads run, unlike `ctypes.pythonapi`'s."""

    def __init__(self) -> None:
        self._c = ctypes.CDLL(None)
        name = "{}" if sys.platform != "darwin" else "__{}p"
        self._streams = [ctypes.c_void_p.in_dll(self._c, name.format(each)) for each in NUMBERS]

    def flush(self) -> None:
        """Flush what no thread of C's is using: that may never let go, and `fflush(NULL)` waits."""
        for stream in self._streams:
            if self._c.ftrylockfile(stream) == 0:
                self._c.fflush(stream)  # the lock is one that its owner may take again
                self._c.funlockfile(stream)


def open_text(descriptor: int, like: Any) -> Any:
    """Open a stream like another one on a descriptor, which stays open when it is closed."""
    return open(  # a descriptor has no path
        descriptor, "w", encoding=like.encoding, errors=like.errors, buffering=1, closefd=False
    )


def _drop(_source: str, _text: str) -> None:
    """Receive text before anybody wants it."""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    with suppress(OSError):  # nobody reads the runner's log; the author's code must not suffer
        while view:
            view = view[os.write(descriptor, view) :]


def _number(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (OSError, ValueError):  # io.UnsupportedOperation: a stream without a descriptor
        return None

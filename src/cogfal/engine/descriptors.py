"""Read what is written to the file descriptors 1 and 2, and pass it on to where they led."""

from __future__ import annotations

import codecs
import ctypes
import os
import select
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Protocol, TextIO, TypeAlias

from typing_extensions import override

from cogfal.engine.prediction import Source

NUMBERS: Final[dict[Source, int]] = {"stdout": 1, "stderr": 2}
CHUNK: Final = 65536  # bytes read at once

Receiver: TypeAlias = Callable[[Source, str], None]


class Outlets(Protocol):
    """The ways out of a process whose standard streams are captured."""

    def open(self, originals: Mapping[Source, TextIO], receive: Receiver) -> None:
        """Begin; `receive` gets what is written past Python."""

    def outlet(self, source: Source) -> TextIO | None:
        """Return the way to the runner's log, or None where the original stream is the way."""

    def numbers(self) -> tuple[int, int]:
        """Return descriptors that lead to the runner's log, for another process."""

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
        self._outlets: dict[Source, TextIO] = {}
        self._lock = threading.Lock()
        self._c = ctypes.CDLL(None)  # unlike ctypes.pythonapi, its calls let other threads run
        self._wake: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    @override
    def open(self, originals: Mapping[Source, TextIO], receive: Receiver) -> None:
        self._receive = receive
        for source, stream in originals.items():
            stream.flush()
            pipe = _Pipe(source)
            self._pipes.append(pipe)
            if _number(stream) == pipe.number:
                self._outlets[source] = pipe.outlet(stream)
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._read, name="cogfal-output", daemon=True)
        self._thread.start()

    @override
    def outlet(self, source: Source) -> TextIO | None:
        return self._outlets.get(source)

    @override
    def numbers(self) -> tuple[int, int]:
        stdout, stderr = self._pipes
        return stdout.saved, stderr.saved

    @override
    def drain(self) -> None:
        if self._pipes:
            self._c.fflush(None)
            self._pass_on()

    @override
    def close(self) -> None:
        if self._thread is None or self._wake is None:
            return
        self._c.fflush(None)
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
        self._outlets: dict[Source, TextIO] = {}
        self._c = ctypes.CDLL(None)

    @override
    def open(self, originals: Mapping[Source, TextIO], receive: Receiver) -> None:
        for source, number in zip(NUMBERS, self._numbers, strict=True):
            self._outlets[source] = _open_text(number, originals[source])

    @override
    def outlet(self, source: Source) -> TextIO | None:
        return self._outlets[source]

    @override
    def numbers(self) -> tuple[int, int]:
        return self._numbers

    @override
    def drain(self) -> None:
        self._c.fflush(None)

    @override
    def close(self) -> None:
        for outlet in self._outlets.values():
            outlet.close()


class _Pipe:
    """One descriptor, replaced by a pipe."""

    def __init__(self, source: Source) -> None:
        self.source: Source = source
        self.number = NUMBERS[source]
        self.end, self._entrance = os.pipe()
        os.set_blocking(self.end, False)
        self.saved = os.dup(self.number)
        self._outlet: TextIO | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.dup2(self._entrance, self.number)

    def outlet(self, stream: TextIO) -> TextIO:
        """Open a stream like `stream` to where the descriptor led."""
        self._outlet = _open_text(self.saved, stream)
        return self._outlet

    def read(self) -> Iterator[str]:
        """Return what has arrived, after writing it to where the descriptor led."""
        while data := self._chunk():
            _write_all(self.saved, data)
            if text := self._decoder.decode(data):
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

    def _chunk(self) -> bytes:
        try:
            return os.read(self.end, CHUNK)
        except BlockingIOError:
            return b""


def _open_text(descriptor: int, like: TextIO) -> TextIO:
    return open(  # a descriptor has no path
        descriptor, "w", encoding=like.encoding, errors=like.errors, buffering=1, closefd=False
    )


def _drop(_source: Source, _text: str) -> None:
    """Receive text before anybody wants it."""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    with suppress(OSError):  # nobody reads the runner's log; the author's code must not suffer
        while view:
            view = view[os.write(descriptor, view) :]


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # io.UnsupportedOperation: a stream without a descriptor
        return None

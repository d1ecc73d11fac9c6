"""Read what is written to the file descriptors 1 and 2, and pass it on to where they led."""

from __future__ import annotations

import codecs
import ctypes
import logging
import os
import select
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, TextIO, TypeAlias

from cogfal.engine.prediction import Source

NUMBERS: Final[dict[Source, int]] = {"stdout": 1, "stderr": 2}
CHUNK: Final = 65536  # bytes read at once

Receiver: TypeAlias = Callable[[Source, str], None]


class Descriptors:
    """The redirection of both descriptors into pipes, read by one thread.

    `receive` gets the text of whoever writes to the descriptors themselves: C code and child
    processes. Python's own streams go around the pipes, through `outlet`.
    """

    def __init__(self, receive: Receiver) -> None:
        self._receive = receive
        self._pipes: list[_Pipe] = []
        self._outlets: dict[Source, TextIO] = {}
        self._handlers: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
        self._lock = threading.Lock()
        self._c = ctypes.CDLL(None)  # unlike ctypes.pythonapi, its calls let other threads run
        self._wake: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None

    def open(self, originals: Mapping[Source, TextIO]) -> None:
        """Redirect; streams and log handlers that lead to the descriptors keep leading out."""
        for source, stream in originals.items():
            stream.flush()
            pipe = _Pipe(source)
            self._pipes.append(pipe)
            if _number(stream) == pipe.number:
                self._outlets[source] = pipe.outlet(stream)
        self._spare_handlers(originals)
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._read, name="cogfal-output", daemon=True)
        self._thread.start()

    def outlet(self, source: Source) -> TextIO | None:
        """Return the way around the pipe, or None where the stream never led to the descriptor."""
        return self._outlets.get(source)

    def drain(self) -> None:
        """Pass on everything written so far, C's buffers included."""
        if self._pipes:
            self._c.fflush(None)
            self._pass_on()

    def close(self) -> None:
        """Restore the descriptors and end the thread."""
        if self._thread is None or self._wake is None:
            return
        self._c.fflush(None)
        for pipe in self._pipes:
            pipe.restore()
        os.write(self._wake[1], b"x")
        self._thread.join()
        self._thread = None
        self._pass_on()
        for handler, stream in self._handlers:
            handler.setStream(stream)
        for pipe in self._pipes:
            pipe.close()
        for end in self._wake:
            os.close(end)
        self._pipes, self._outlets, self._handlers, self._wake = [], {}, [], None

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

    def _spare_handlers(self, originals: Mapping[Source, TextIO]) -> None:
        """Lead the server's own log handlers around the pipes: their text is no prediction's."""
        for handler in _stream_handlers():
            for source, outlet in self._outlets.items():
                if handler.stream is originals[source]:
                    self._handlers.append((handler, handler.stream))
                    handler.setStream(outlet)


class _Pipe:
    """One descriptor, replaced by a pipe."""

    def __init__(self, source: Source) -> None:
        self.source: Source = source
        self.number = NUMBERS[source]
        self.end, self._entrance = os.pipe()
        os.set_blocking(self.end, False)
        self._saved = os.dup(self.number)
        self._outlet: TextIO | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.dup2(self._entrance, self.number)

    def outlet(self, stream: TextIO) -> TextIO:
        """Open a stream like `stream` to where the descriptor led."""
        self._outlet = open(  # noqa: SIM115  # a descriptor, closed by `close`
            self._saved,
            "w",
            encoding=stream.encoding,
            errors=stream.errors,
            buffering=1,
            closefd=False,
        )
        return self._outlet

    def read(self) -> Iterator[str]:
        """Return what has arrived, after writing it to where the descriptor led."""
        while data := self._chunk():
            _write_all(self._saved, data)
            if text := self._decoder.decode(data):
                yield text

    def restore(self) -> None:
        """Lead the descriptor back to where it led."""
        os.dup2(self._saved, self.number)
        os.close(self._entrance)

    def close(self) -> None:
        """Give up the pipe."""
        if self._outlet is not None:
            self._outlet.close()
        os.close(self.end)
        os.close(self._saved)

    def _chunk(self) -> bytes:
        try:
            return os.read(self.end, CHUNK)
        except BlockingIOError:
            return b""


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


def _stream_handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler

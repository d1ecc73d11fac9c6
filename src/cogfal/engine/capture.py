"""Give what is printed to the runner's own log and to the prediction that printed it.

Two ways lead out of a process. Python code writes to `sys.stdout` and `sys.stderr`, which are
replaced; a context variable says whose text it is. C libraries and child processes write to the
file descriptors 1 and 2, which become pipes; their text belongs to whichever prediction is running,
if it is the only one. So does the text of threads that the author started.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import Context, ContextVar
from typing import Any, Final, TextIO

from cogfal.engine.descriptors import Descriptors, Outlets
from cogfal.engine.event_queue import EventQueue
from cogfal.engine.prediction import Source

_owner: ContextVar[EventQueue | None] = ContextVar("cogfal_feed", default=None)

SOURCES: Final[tuple[Source, Source]] = ("stdout", "stderr")


class Capture:
    """The capturing of one process's output; may be opened by several owners at once."""

    def __init__(self, outlets: Outlets | None = None) -> None:
        self._openings = 0
        self._active: list[EventQueue] = []
        self._home: int | None = None
        self._originals: dict[Source, TextIO] = {}
        self._tees: dict[Source, _Tee] = {}
        self._outlets = outlets or Descriptors()

    def open(self) -> None:
        """Begin to capture; the calling thread is the server's, whose own prints are nobody's."""
        self._openings += 1
        if self._openings > 1:
            return
        self._home = threading.get_ident()
        for source in SOURCES:
            self._originals[source] = getattr(sys, source)
        self._outlets.open(self._originals, self._foreign)
        for source in SOURCES:
            tee = _Tee(source, self._outlet(source), self)
            self._tees[source] = tee
            setattr(sys, source, tee)
            self._lead_handlers(self._originals[source], tee)

    def close(self) -> None:
        """Restore what was there before, once every owner has closed."""
        self._openings -= 1
        if self._openings:
            return
        for source, original in self._originals.items():
            tee = self._tees.pop(source)
            tee.retire(original)
            self._lead_handlers(tee, original)
            if getattr(sys, source) is tee:
                setattr(sys, source, original)
        self._outlets.close()
        self._originals.clear()

    def begin(self, feed: EventQueue, context: Context) -> None:
        """Attribute what code in `context` prints to `feed`."""
        context.run(_owner.set, feed)
        self.attend(feed)

    def attend(self, feed: EventQueue) -> None:
        """Count `feed` among those that foreign text may belong to."""
        self._active.append(feed)

    def end(self, feed: EventQueue) -> None:
        """Hand over what is still on its way, and attribute nothing more to `feed`."""
        self._outlets.drain()
        if feed in self._active:
            self._active.remove(feed)

    def owner(self) -> EventQueue | None:
        """Return whose text the calling code prints."""
        feed = _owner.get()
        if feed is not None:
            return feed
        return None if threading.get_ident() == self._home else self._only()

    def say(self, text: str) -> None:
        """Write a line to the runner's log alone."""
        stream = self._outlet("stderr") if self._originals else sys.stderr
        stream.write(f"{text}\n")
        stream.flush()

    def numbers(self) -> tuple[int, int]:
        """Return descriptors that lead to the runner's log, for a child process."""
        return self._outlets.numbers()

    def _lead_handlers(self, old: TextIO | io.TextIOBase, new: TextIO | io.TextIOBase) -> None:
        """Lead log handlers made earlier, which hold a stream, to the one that replaces it.

        Others, as `logging.lastResort`, look their stream up and can be given none.
        """
        for handler in _stream_handlers():
            if vars(handler).get("stream") is old:
                handler.setStream(new)

    def _outlet(self, source: Source) -> TextIO:
        return self._outlets.outlet(source) or self._originals[source]

    def _only(self) -> EventQueue | None:
        active = self._active
        return active[0] if len(active) == 1 else None

    def _foreign(self, source: Source, text: str) -> None:
        feed = self._only()
        if feed is not None:
            feed.write(source, text)
            feed.flush(source)


class _Tee(io.TextIOBase):
    """A standard stream that writes to the runner's log and to the feed of whoever writes."""

    def __init__(self, source: Source, outlet: TextIO, capture: Capture) -> None:
        self._source: Source = source
        self._outlet = outlet
        self._capture = capture
        self.buffer = _BinaryTee(self)

    def retire(self, original: TextIO) -> None:
        """Write to the original stream alone, for those who still hold this one."""
        self._outlet.flush()
        self._outlet = original

    def write(self, text: str, /) -> int:
        self._outlet.write(text)
        feed = self._capture.owner()
        if feed is not None:
            feed.write(self._source, text)
        return len(text)

    def flush(self) -> None:
        self._outlet.flush()
        feed = self._capture.owner()
        if feed is not None:
            feed.flush(self._source)

    def close(self) -> None:
        """Stay open: the process's streams are not the author's to close."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._outlet.isatty()

    def fileno(self) -> int:
        return SOURCES.index(self._source) + 1

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return self._outlet.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # a plain attribute in typeshed
        return self._outlet.errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)


class _BinaryTee(io.RawIOBase):
    """The `buffer` of a captured stream: bytes are written as the text they are."""

    def __init__(self, tee: _Tee) -> None:
        self._tee = tee

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._tee.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._tee.flush()

    def close(self) -> None:
        """Stay open, as the text stream does."""


def _stream_handlers() -> Iterator[logging.StreamHandler[Any]]:
    for logger in [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler

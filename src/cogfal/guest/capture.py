"""Give what is printed to the runner's own log and to the call that printed it.

Two ways lead out of a process. Python code writes to `sys.stdout` and `sys.stderr`, which are
replaced; a context variable says whose text it is. C libraries and child processes write to the
file descriptors 1 and 2, which are pipes; their text belongs to whichever call is running, if it
is the only one. Threads, and jobs of thread pools, belong to the call that started them, as long as
it goes on (see `inheriting`).
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, Optional

from cogfal.guest.descriptors import NUMBERS, Descriptors, Outlets, open_text
from cogfal.guest.inheriting import watch_threads
from cogfal.guest.way_out import Unhurried

if TYPE_CHECKING:
    from cogfal.guest.events import CallEvents

_owner: ContextVar[Optional[CallEvents]] = ContextVar("cogfal_owner", default=None)  # noqa: UP045  # evaluated by 3.7
STARTER: ContextVar[Optional[CallEvents]] = ContextVar("cogfal_starter", default=None)  # noqa: UP045  # evaluated by 3.7
"""The call that started the thread, or the pool's job, that asks."""


class Capture:
    """The capturing of one process's output; may be opened by several owners at once.

    Attributes:
        outlets: The ways out; to be drained before a call is over, whose the text may be.
    """

    def __init__(self, outlets: Outlets | None = None) -> None:
        self._openings = 0
        self._begun: list[CallEvents] = []
        self._home: int | None = None
        self._originals: dict[str, Any] = {}
        self._tees: dict[str, _Tee] = {}
        self._unhurried: dict[str, Unhurried] = {}
        self.outlets = outlets or Descriptors()
        self._stop_watching: Callable[[], None] | None = None

    def open(self, *, home: bool = True) -> None:
        """Begin to capture.

        Where the calling thread is the server's, its prints are nobody's, and it never waits for
        whoever reads the runner's log.
        """
        self._openings += 1
        if self._openings > 1:
            return
        self._home = threading.get_ident() if home else None
        for source in NUMBERS:
            self._originals[source] = getattr(sys, source)
        self.outlets.open(self._originals, self._foreign)
        if self._home is not None:
            for source, number in zip(NUMBERS, self.outlets.numbers()):
                outlet = self.outlets.outlet(source)
                if outlet is not None:
                    self._unhurried[source] = Unhurried(outlet, number, self._home)
        self._stop_watching = watch_threads()
        for source in NUMBERS:
            tee = _Tee(source, self._outlet(source), self)
            self._tees[source] = tee
            setattr(sys, source, tee)
            _lead_handlers(self._originals[source], tee)

    def close(self) -> None:
        """Restore what was there before, once every owner has closed."""
        self._openings -= 1
        if self._openings:
            return
        # The streams are back before anything is closed: whoever prints meanwhile always finds
        # one that is open.
        if self._stop_watching is not None:
            self._stop_watching()
        for source in NUMBERS:
            tee = self._tees.pop(source)
            original = tee.retire(self._originals[source])
            _lead_handlers(tee, original)
            if getattr(sys, source) is tee:
                setattr(sys, source, original)
        for each in self._unhurried.values():
            each.close()
        self._unhurried.clear()
        self.outlets.close()
        self._originals.clear()
        self._begun = self._going_on()

    def begin(self, events: CallEvents, context: Context) -> None:
        """Attribute what code in `context` prints to a call, until that is over."""
        context.run(_owner.set, events)
        self._begun = [*self._going_on(), events]

    def owner(self) -> CallEvents | None:
        """Return whose text the calling code prints."""
        events = _owner.get()
        if events is not None:
            return events
        events = STARTER.get()
        if events is not None and not events.over:
            return events
        return None if threading.get_ident() == self._home else self._only()

    def say(self, text: str) -> None:
        """Write a line to the runner's log alone."""
        stream = self._outlet("stderr") if self._originals else sys.stderr
        stream.write(f"{text}\n")
        stream.flush()

    def numbers(self) -> tuple[int, int]:
        """Return descriptors that lead to the runner's log, for another process."""
        return self.outlets.numbers() if self._originals else (1, 2)

    def forked(self) -> None:
        """Let what a fork prints go through the descriptors, which its parent reads; in the fork.

        No lock of the parent's is taken here: the thread that held it is not in the fork.
        """
        for source, tee in self._tees.items():
            original = self._originals[source]
            try:
                tee.lead_to(open_text(NUMBERS[source], original))
            except OSError:  # the author has closed the descriptor
                tee.lead_to(original)

    def _outlet(self, source: str) -> Any:
        outlet = self._unhurried.get(source) or self.outlets.outlet(source)
        return outlet or self._originals[source]

    def _going_on(self) -> list[CallEvents]:
        # Nobody takes a call out when it ends: a signal handler of the author's might prevent that.
        return [each for each in self._begun if not each.over]

    def _only(self) -> CallEvents | None:
        going_on = self._going_on()
        return going_on[0] if len(going_on) == 1 else None

    def _foreign(self, source: str, text: str) -> None:
        events = self._only()
        if events is not None:
            events.write(source, text)
            events.flush(source)


class _Tee(io.TextIOBase):
    """A standard stream that writes to the runner's log and to the call of whoever writes.

    It may lie over that of another capture, which then knows whose the text is that is nobody's
    here.
    """

    def __init__(self, source: str, outlet: Any, capture: Capture) -> None:
        self._source = source
        self._outlet = outlet
        self._owner = capture.owner
        self.buffer = _BinaryTee(self)

    def retire(self, original: Any) -> Any:
        """Write to the original stream alone, for those who still hold this one; return that."""
        self._outlet.flush()
        # Where captures change places, none is held by the next one for good.
        self.lead_to(original.lasting if isinstance(original, _Tee) else original)
        return self._outlet

    def lead_to(self, outlet: Any) -> None:
        """Write to `outlet` alone."""
        self._outlet = outlet
        self._owner = _nobody

    @property
    def lasting(self) -> Any:
        """This stream, or what it leads to once it is retired."""
        outlet = self._outlet
        if self._owner is not _nobody:
            return self
        return outlet.lasting if isinstance(outlet, _Tee) else outlet

    @property
    def way_out(self) -> Any:
        """Where text goes of which no other capture is to tell, too."""
        outlet = self._outlet
        return outlet.way_out if isinstance(outlet, _Tee) else outlet

    def write(self, text: str) -> int:
        events = self._owner()
        if events is None:
            self._outlet.write(text)
        else:
            self.way_out.write(text)
            events.write(self._source, text)
        return len(text)

    def flush(self) -> None:
        events = self._owner()
        if events is None:
            self._outlet.flush()
        else:
            self.way_out.flush()
            events.flush(self._source)

    def close(self) -> None:
        """Stay open: the process's streams are not the author's to close."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._outlet.isatty())

    def fileno(self) -> int:
        return NUMBERS[self._source]

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in typeshed
        return str(self._outlet.encoding)

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # a plain attribute in typeshed
        return self._outlet.errors  # type: ignore[no-any-return]  # a text stream's

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)


class _BinaryTee(io.RawIOBase):
    """The `buffer` of a captured stream: bytes are written as the text they are."""

    def __init__(self, tee: _Tee) -> None:
        self._tee = tee

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._tee.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._tee.flush()

    def close(self) -> None:
        """Stay open, as the text stream does."""


def _nobody() -> None:
    """Say that a text is no call's."""


def _lead_handlers(old: Any, new: Any) -> None:
    """Lead log handlers made earlier, which hold a stream, to the one that replaces it.

    Others, as `logging.lastResort`, look their stream up and can be given none.
    """
    for handler in _stream_handlers():
        if vars(handler).get("stream") is old:
            handler.setStream(new)


def _stream_handlers() -> Iterator[logging.StreamHandler[Any]]:
    for logger in [logging.getLogger(), *list(logging.Logger.manager.loggerDict.values())]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler

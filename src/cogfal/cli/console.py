"""Write messages and questions to the terminal, and take over what this process prints."""

from __future__ import annotations

import codecs
import json
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Final, TextIO

from rich.console import Console
from rich.markup import escape
from typing_extensions import Self

from cogfal.errors import AdvisedError, SetupError
from cogfal.spec import JSON

IN_TRACEBACK: Final = (
    "correct the line that the traceback above ends with, or give it what it needs"
)
CHUNK: Final = 65536  # bytes read at once


class Sign(Enum):
    """What became of a check or a step; the value is its character and colour."""

    GOOD = ("✓", "green")
    NOTE = ("!", "yellow")
    BAD = ("✗", "red")


def stderr() -> Console:
    """Return a console for messages; plain where stderr is no terminal."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def printable(text: str) -> str:
    """Return a text of somebody else's without what a terminal would obey."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )


def say_error(error: Exception) -> None:
    """Say what went wrong: where, what, and the remedy."""
    place, what, remedy = "", str(error), None
    if isinstance(error, AdvisedError):
        place = f"{error.where}: " if error.where is not None else ""
        what, remedy = error.what, error.remedy
    if isinstance(error, SetupError) and error.__cause__ is not None:
        remedy = remedy or IN_TRACEBACK
    console = stderr()
    console.print(f"[bold red]error:[/] [bold]{escape(place)}[/]{escape(printable(what))}")
    if remedy:
        console.print(f"  [green]remedy:[/] {escape(remedy)}")


def say(message: str, sign: Sign | None = None) -> None:
    """Say something on stderr, with a sign in front of it if one is given."""
    if sign is None:
        stderr().print(escape(message))
        return
    character, colour = sign.value
    stderr().print(f"[{colour}]{character}[/] {escape(message)}")


def write_json(value: JSON) -> None:
    """Write JSON on stdout, indented for people and read by programs alike."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def confirm(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    stderr().print(f"{escape(question)} [dim](y/N)[/] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


class Relay:
    """Takes over stdout and stderr: what is written to them is passed to `receive`, in order.

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

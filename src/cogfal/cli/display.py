"""Show on stderr what goes on: on a terminal with bars that move, elsewhere line by line.

How far a model has come is found in what it prints: tqdm's bars, `12/50`, `45 %`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text
from typing_extensions import override

from cogfal.files.progress import Progress as Lines
from cogfal.files.progress import Reporter, readable

WIDTH: Final = 28  # characters of a bar


class Display:
    """What somebody who waits for a command sees; this one is for files, pipes and programs.

    It draws no bars, and shows what the predictor printed as it stands.
    """

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._ours = False  # whether our own last line has not ended
        self._theirs = False  # whether that of what is written to the same terminal has not

    def phase(self, text: str) -> None:
        """Say what is going on, where that can be taken back."""

    def log(self, text: str) -> None:
        """Show what the predictor printed."""
        if not text:
            return
        self._err.write(f"\n{text}" if self._theirs else text)
        self._err.flush()
        self._ours, self._theirs = not text.endswith(("\n", "\r")), False

    def tell(self, text: str) -> None:
        """Say something on a line of its own."""
        self.log(f"{text}\n")

    def transfer(self, name: str, size: int | None, verb: str = "Downloading") -> Reporter:
        """Follow a file's bytes on their way."""
        return Lines(name, size, self.tell, verb=verb)

    def beside(self, text: str) -> None:
        """Keep off the line that `text` is about to be written to, on the same terminal."""
        if not text:
            return
        if self._ours:
            self._err.write("\n")
            self._err.flush()
        self._ours, self._theirs = False, not text.endswith("\n")

    def quiet(self) -> None:
        """Take away what moves, for good, as before output on stdout."""


class LiveDisplay(Display):
    """For a terminal: lines above, and below them what moves."""

    def __init__(self, err: TextIO) -> None:
        super().__init__(err)
        self._console = Console(
            file=err, highlight=False, soft_wrap=True, emoji=False, markup=False
        )
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            _OnlyKnown(bar_width=WIDTH),
            TextColumn("{task.fields[detail]}", style="progress.data.speed", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._main: TaskID | None = None
        self._work: TaskID | None = None
        self._unfinished = ""
        self._on = True
        self._progress.start()

    @override
    def phase(self, text: str) -> None:
        if self._main is None:
            self._main = self._progress.add_task(text, total=None, detail="")
        else:
            self._progress.update(self._main, description=text)

    @override
    def log(self, text: str) -> None:
        if not self._on:
            super().log(text)
            return
        *lines, self._unfinished = _lines(self._unfinished + text)
        for line in lines:
            self._line(line)
        step = step_of(self._unfinished)
        if step is not None and step.bar:  # a bar that goes back to its start before it is drawn
            self._advance(step)

    @override
    def tell(self, text: str) -> None:
        self._flush()
        if self._on:
            self._console.print(text)
        else:
            super().tell(text)

    @override
    def transfer(self, name: str, size: int | None, verb: str = "Downloading") -> Reporter:
        return _Transfer(self._progress, f"{verb} {name}", size)

    @override
    def quiet(self) -> None:
        self._flush()
        self._on = False
        self._progress.stop()

    def _flush(self) -> None:
        """Show a line that never ended."""
        if self._unfinished:
            rest, self._unfinished = self._unfinished, ""
            self._line(f"{rest}\n")

    def _line(self, line: str) -> None:
        step = step_of(line)
        if step is not None:
            self._advance(step)
        if step is not None and step.bar and step.done < step.total:
            return
        if text := line.rstrip("\r\n"):
            self._console.print(Text.from_ansi(text))

    def _advance(self, step: Step) -> None:
        """Move the bar of the predictor's own work; it goes when the work is done."""
        if step.done >= step.total:
            if self._work is not None:
                self._progress.remove_task(self._work)
                self._work = None
            return
        what = step.what or "Working"
        detail = f"{step.done:g}/{step.total:g}" + (f", {step.detail}" if step.detail else "")
        if self._work is None:
            self._work = self._progress.add_task(what, total=step.total, detail=detail)
        self._progress.update(
            self._work, completed=step.done, total=step.total, description=what, detail=detail
        )


@contextmanager
def open_display(err: TextIO, *, bars: bool = True) -> Iterator[Display]:
    """Show what goes on until the block ends; with bars where `err` is a terminal."""
    on_terminal = bars and Console(file=err).is_terminal
    display = LiveDisplay(err) if on_terminal else Display(err)
    try:
        yield display
    finally:
        display.quiet()  # whatever happened: a bar that is left would hide the cursor


class _Transfer:
    """A bar of bytes; it goes when all have passed."""

    def __init__(self, progress: Progress, what: str, size: int | None) -> None:
        self._progress = progress
        self._size = size
        self._task: TaskID | None = progress.add_task(what, total=size, detail="")

    def report(self, count: int) -> None:
        """Show the number."""
        if self._task is None:
            return
        if self._size is not None and count >= self._size:
            self._progress.remove_task(self._task)
            self._task = None
            return
        whole = f" of {readable(self._size)}" if self._size else ""
        self._progress.update(self._task, completed=count, detail=f"{readable(count)}{whole}")


class _OnlyKnown(BarColumn):
    """A bar where it is known how much there is."""

    @override
    def render(self, task: Task) -> Text:  # type: ignore[override]  # Text is as good as a bar
        return super().render(task) if task.total else Text("")  # type: ignore[return-value]  # as above


def _lines(text: str) -> list[str]:
    """Split after each end of a line, also one that only goes back to its start."""
    parts = text.replace("\r\n", "\n").splitlines(keepends=True)
    if not parts or not parts[-1].endswith(("\n", "\r")):
        return parts or [""]
    return [*parts, ""]


LONGEST: Final = 400  # characters of a line that may tell of progress
LONGEST_NAME: Final = 40  # characters of what the line calls the work

_BAR: Final = re.compile(
    r"(?:(?P<what>[^|]*?):\s*)?\s*(?P<percent>\d{1,3})%\|[^|]*\|\s*"
    r"(?P<done>[\d.]+)(?P<unit>[kKMGT]?)i?/(?P<total>[\d.]+)(?P<whole>[kKMGT]?)i?\S*"
    r"(?:\s*\[(?P<detail>[^\]]*)\])?"
)
_COUNT: Final = re.compile(r"(?<![\w/.:\-])(\d{1,9})\s*/\s*(\d{1,9})(?![\w/.\-])")
_PERCENT: Final = re.compile(r"(?<![\w.\-])(\d{1,3}(?:\.\d+)?)\s?%(?!\w)")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Step:
    """How far a piece of work is: `done` of `total`.

    `what` is the work's own name where the line has one, `detail` what it says of its pace. `bar`
    tells a drawn bar, which is nothing but progress, from a line that is also worth reading.
    """

    done: float
    total: float
    what: str = ""
    detail: str = ""
    bar: bool = False


def step_of(line: str) -> Step | None:
    """Return what one printed line says of progress, None where it says nothing for sure."""
    text = _ESCAPES.sub("", line).strip()
    if not text or len(text) > LONGEST:
        return None
    if (found := _BAR.search(text)) is not None:
        return _drawn(found)
    counts = list(_COUNT.finditer(text))
    percents = list(_PERCENT.finditer(text))
    if len(counts) == 1:
        return _step(float(counts[0][1]), float(counts[0][2]), text[: counts[0].start()])
    if len(percents) == 1 and not counts:
        return _step(float(percents[0][1]), 100.0, text[: percents[0].start()])
    return None


def _step(done: float, total: float, before: str) -> Step | None:
    what = before.strip(" \t:([-=,")
    return Step(done, total, what[-LONGEST_NAME:]) if total > 1 and done <= total else None


def _drawn(found: re.Match[str]) -> Step:
    """Return what a bar of tqdm's says; by its percentage where its counts are in two units."""
    try:
        done, total = float(found["done"]), float(found["total"])
    except ValueError:
        done = total = 0.0
    if found["unit"] != found["whole"] or not total:
        done, total = float(found["percent"]), 100.0
    spent, _, left = (found["detail"] or "").partition("<")
    pace = f"{left.partition(',')[0]} left,{left.partition(',')[2]}" if left else spent
    return Step(min(done, total), total, found["what"] or "", pace, bar=True)

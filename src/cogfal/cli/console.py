"""Write messages, questions and findings to the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cogfal.answers import printable
from cogfal.errors import AdvisedError, CogfalError, ProjectError, SetupError
from cogfal.spec import JSON

IN_TRACEBACK: Final = (
    "correct the line that the traceback above ends with, or give it what it needs"
)


class CommandFailed(CogfalError):
    """Report why a command cannot do what it is asked to do."""


class Sign(Enum):
    """What became of a check or a step; the value is its character and colour."""

    GOOD = ("✓", "green")
    NOTE = ("!", "yellow")
    BAD = ("✗", "red")


def stderr() -> Console:
    """Return a console for messages; plain where stderr is no terminal."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def say_error(error: Exception) -> None:
    """Say what went wrong: where, what, and the remedy."""
    place, what, remedy = "", str(error), None
    if isinstance(error, AdvisedError):
        place = f"{error.where}: " if error.where is not None else ""
        what, remedy = error.what, error.remedy
    if isinstance(error, SetupError) and error.traceback:
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


def write_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table without lines on stdout; what is too long goes on below, and is not cut off.

    Cells may be marked up.
    """
    table = Table(box=None, pad_edge=False)
    for each in headers:
        table.add_column(each, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, emoji=False).print(table)


def confirm(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    stderr().print(f"{escape(question)} [dim](y/N)[/] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its mark, what it is about, where, and what to do."""

    mark: Sign
    what: str
    where: str | None = None
    remedy: str | None = None

    def json(self) -> JSON:
        """Return it as JSON."""
        status = {Sign.GOOD: "ok", Sign.NOTE: "warning", Sign.BAD: "error"}[self.mark]
        return {"status": status, "what": self.what, "where": self.where, "remedy": self.remedy}

    def show(self) -> None:
        """Print it on stderr."""
        place = f"{self.where}: " if self.where else ""
        say(f"{place}{self.what}", self.mark)
        if self.remedy:
            stderr().print(f"    [green]remedy:[/] {escape(self.remedy)}")


@dataclass(slots=True)
class Findings:
    """Collects the findings of several checks."""

    all: list[Finding] = field(default_factory=list)

    def attempt(self, look: Callable[[], Iterable[Finding]]) -> None:
        """Add what a look finds; what it cannot get past is a finding too, told once."""
        try:
            self.all.extend(look())
        except ProjectError as error:
            where = None if error.where is None else str(error.where)
            found = Finding(Sign.BAD, error.what, where, error.remedy)
            if found not in self.all:
                self.all.append(found)

    @property
    def failed(self) -> bool:
        """Whether any of them says that something would not work."""
        return any(finding.mark is Sign.BAD for finding in self.all)

"""Speak to whoever runs a command: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from enum import Enum
from typing import Final

from rich.console import Console
from rich.markup import escape

from cogfal.errors import AdvisedError, SetupError
from cogfal.spec import JSON

IN_TRACEBACK: Final = (
    "correct the line that the traceback above ends with, or give it what it needs"
)


class Mark(Enum):
    """What became of a check or a step; the value is its sign and colour."""

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


def say(message: str, mark: Mark | None = None) -> None:
    """Say something on stderr, with a mark in front of it if one is given."""
    if mark is None:
        stderr().print(escape(message))
        return
    sign, colour = mark.value
    stderr().print(f"[{colour}]{sign}[/] {escape(message)}")


def write_json(value: JSON) -> None:
    """Write JSON on stdout, indented for people and read by programs alike."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def confirm(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    stderr().print(f"{escape(question)} [dim](y/N)[/] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}

"""Tell what a comparison found: a table for people, JSON for programs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cogfal.compare.comparison import CaseResult, Comparison
from cogfal.compare.gate import Change, Verdict
from cogfal.compare.measures import Difference
from cogfal.compare.sides import Answer
from cogfal.spec import JSON

_MARKS = {
    Verdict.SAME: "[green]same[/]",
    Verdict.COMPATIBLE: "[yellow]compatible[/]",
    Verdict.BREAKING: "[red]breaking[/]",
}


def as_json(result: Comparison) -> dict[str, JSON]:
    """Return a comparison as JSON; an infinite distance is null."""
    return {
        "before": result.before,
        "after": result.after,
        "schema": result.verdict.value,
        "changes": [
            {"place": each.place, "verdict": each.verdict.value, "what": each.what}
            for each in result.changes
        ],
        "same": result.same,
        "cases": [_case_json(each) for each in result.cases],
        "behaviours": [
            {"what": b.what, "before": b.before, "after": b.after, "same": b.same}
            for b in result.behaviours
        ],
    }


def show(result: Comparison, console: Console) -> None:
    """Print a comparison as tables."""
    console.print(f"schema: {_MARKS[result.verdict]}")
    for change in result.changes:
        console.print(f"  {_MARKS[change.verdict]} {escape(change.place)}: {escape(change.what)}")
    if result.cases:
        console.print(_case_table(result))
    for case in result.cases:
        for difference in case.differences:
            console.print(f"[red]✗[/] {escape(case.example.name)}: {escape(told(difference))}")
    if result.behaviours:
        console.print(_behaviour_table(result))


def told(difference: Difference) -> str:
    """Say one difference in a sentence."""
    return f"{difference.place}: {difference.what}"


def seconds_of(answers: Sequence[Answer]) -> str:
    """Return how long answers took: the first, then the median of the others and their spread."""
    known = [each.seconds for each in answers if each.seconds is not None]
    if not known:
        return "-"
    first, *others = known
    if not others:
        return f"{first:.3f} s"
    spread = f"{min(others):.3f} to {max(others):.3f}"
    return f"{first:.3f} s, then {statistics.median(others):.3f} ({spread})"


def pieces_of(answer: Answer) -> str:
    """Return how many pieces an answer had and when the first came."""
    if answer.first_piece is None or not isinstance(answer.output, list):
        return ""
    return f"{len(answer.output)} pieces, the first after {answer.first_piece:.3f} s"


def changes_text(changes: Sequence[Change]) -> str:
    """Return changes as lines of plain text."""
    return "\n".join(f"{each.verdict.value}: {each.place}: {each.what}" for each in changes)


def _case_json(case: CaseResult) -> dict[str, JSON]:
    return {
        "name": case.example.name,
        "same": case.same,
        "before": [_answer_json(each) for each in case.before],
        "after": _answer_json(case.after),
        "spread": _finite(case.spread),
        "differences": [
            {"place": d.place, "distance": _finite(d.distance), "what": d.what}
            for d in case.differences
        ],
    }


def _answer_json(answer: Answer) -> dict[str, JSON]:
    return {
        "outcome": answer.outcome.value,
        "error": answer.error,
        "seconds": answer.seconds,
        "first_piece": answer.first_piece,
        "pieces": len(answer.output) if answer.first_piece is not None else None,
    }


def _finite(distance: float) -> float | None:
    return distance if math.isfinite(distance) else None


def _case_table(result: Comparison) -> Table:
    table = Table("case", "answer", escape(result.before), escape(result.after))
    for case in result.cases:
        mark = "[green]same[/]" if case.same else "[red]differs[/]"
        cells = (_cell(case.before), _cell([case.after]))
        table.add_row(escape(case.example.name), mark, *map(escape, cells))
    return table


def _cell(answers: Sequence[Answer]) -> str:
    lines = [answers[-1].outcome.value, seconds_of(answers), pieces_of(answers[-1])]
    return "\n".join(filter(None, lines))


def _behaviour_table(result: Comparison) -> Table:
    table = Table("asked", "", escape(result.before), escape(result.after))
    for each in result.behaviours:
        mark = "[green]same[/]" if each.same else "[red]differs[/]"
        table.add_row(escape(each.what), mark, escape(each.before), escape(each.after))
    return table

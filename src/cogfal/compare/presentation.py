"""Tell what a comparison found: a table for people, JSON for programs, one HTML file to keep."""

from __future__ import annotations

import html
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cogfal.compare.comparison import CaseResult, Comparison
from cogfal.compare.endpoints import Answer
from cogfal.compare.signatures import Verdict
from cogfal.files.data_urls import to_data_url
from cogfal.files.media import describe
from cogfal.spec import JSON

_MARKS = {
    Verdict.SAME: "[green]same[/]",
    Verdict.COMPATIBLE: "[yellow]compatible[/]",
    Verdict.BREAKING: "[red]breaking[/]",
    True: "[green]same[/]",
    False: "[red]differs[/]",
}


def as_json(result: Comparison) -> dict[str, JSON]:
    """Return a comparison as JSON; an infinite distance is null."""
    return {
        "before": result.before,
        "after": result.after,
        "schema": result.verdict.value,
        "changes": [asdict(each) for each in result.changes],
        "same": result.same,
        "cases": [_case_json(each) for each in result.cases],
        "behaviours": [asdict(each) for each in result.behaviours],
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
            console.print(f"[red]✗[/] {escape(case.example.name)}: {escape(str(difference))}")
    if result.behaviours:
        console.print(_behaviour_table(result))


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
        cells = (_cell(case.before), _cell([case.after]))
        table.add_row(escape(case.example.name), _MARKS[case.same], *map(escape, cells))
    return table


def _cell(answers: Sequence[Answer]) -> str:
    lines = [answers[-1].outcome.value, seconds_of(answers), pieces_of(answers[-1])]
    return "\n".join(filter(None, lines))


def _behaviour_table(result: Comparison) -> Table:
    table = Table("asked", "", escape(result.before), escape(result.after))
    for each in result.behaviours:
        table.add_row(escape(each.what), _MARKS[each.same], escape(each.before), escape(each.after))
    return table


LARGEST: Final = 20 * 1024**2
"""The largest file that is put into the page, in bytes; a larger one is named."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
.two {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; }}
img, video {{ max-width: 100%; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
section {{ border-top: 1px solid; margin-top: 2rem; }}
.same {{ color: light-dark(#116329, #7ee787); }}
.differs {{ color: light-dark(#a40e26, #ff7b72); }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def write_page(result: Comparison, path: Path, secrets: frozenset[str]) -> None:
    """Write the report; `secrets` are inputs that are not shown."""
    title = html.escape(f"{result.before} and {result.after}")
    body = "\n".join(_sections(result, secrets))
    path.write_text(_PAGE.format(title=title, body=body), "utf-8")


def _sections(result: Comparison, secrets: frozenset[str]) -> Iterator[str]:
    yield f"<p>Schema: <strong>{result.verdict.value}</strong></p>"
    if result.changes:
        lines = [f"{each.verdict.value}: {each.place}: {each.what}" for each in result.changes]
        yield f"<pre>{html.escape(chr(10).join(lines))}</pre>"
    for case in result.cases:
        yield _section(case, result, secrets)
    if result.behaviours:
        rows = "".join(
            f"<tr><th>{html.escape(b.what)}</th><td>{html.escape(b.before)}</td><td>{html.escape(b.after)}</td>"
            f"<td>{_verdict(b.same)}</td></tr>"
            for b in result.behaviours
        )
        yield f"<section><h2>Behaviour</h2><table>{rows}</table></section>"


def _verdict(same: bool) -> str:
    word = "same" if same else "differs"
    return f'<span class="{word}">{word}</span>'


def _section(case: CaseResult, result: Comparison, secrets: frozenset[str]) -> str:
    inputs = {
        name: "**********" if name in secrets else value
        for name, value in case.example.input.items()
    }
    found = "".join(
        f"<li>{html.escape(str(each))}{_media(each.picture) if each.picture else ''}</li>"
        for each in case.differences
    )
    return (
        f"<section><h2>{html.escape(case.example.name)} {_verdict(case.same)}</h2>"
        f"<details><summary>Inputs</summary>{_value(inputs)}</details>"
        f"<ul>{found}</ul>"
        f'<div class="two">{_side(result.before, case.before[0], seconds_of(case.before))}'
        f"{_side(result.after, case.after, seconds_of([case.after]))}</div></section>"
    )


def _side(label: str, answer: Answer, seconds: str) -> str:
    times = " · ".join(filter(None, [answer.outcome.value, seconds, pieces_of(answer)]))
    shown = _value(answer.output) if not answer.error else f"<pre>{html.escape(answer.error)}</pre>"
    return f"<div><h3>{html.escape(label)}</h3><p>{html.escape(times)}</p>{shown}</div>"


def _value(value: Any) -> str:
    match value:
        case Path():
            return _media(value)
        case list() if any(isinstance(one, Path) for one in value):
            return "".join(map(_value, value))
        case Mapping() if any(isinstance(one, Path | list) for one in value.values()):
            rows = (
                f"<dt>{html.escape(str(n))}</dt><dd>{_value(one)}</dd>" for n, one in value.items()
            )
            return f"<dl>{''.join(rows)}</dl>"
        case str():
            return f"<pre>{html.escape(value)}</pre>"
        case _:
            text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
            return f"<pre>{html.escape(text)}</pre>"


def _media(path: Path) -> str:
    content_type = describe(path).content_type
    size = path.stat().st_size
    told_of = html.escape(f"{path.name} ({content_type}, {size} bytes)")
    if size > LARGEST:
        return f"<p>{told_of}</p>"
    url = html.escape(to_data_url(path, content_type))
    match content_type.partition("/")[0]:
        case "image":
            return f'<img src="{url}" alt="{told_of}"><p>{told_of}</p>'
        case "audio" | "video" as kind:
            return f'<{kind} controls src="{url}"></{kind}><p>{told_of}</p>'
        case _:
            return f"<p>{told_of}</p>"

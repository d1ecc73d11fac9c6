"""Write a comparison as one HTML file that opens without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from cogfal.compare.comparison import CaseResult, Comparison
from cogfal.compare.sides import Answer
from cogfal.compare.summary import changes_text, pieces_of, seconds_of, told
from cogfal.files import describe, to_data_url

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
    title = escape(f"{result.before} and {result.after}")
    body = "\n".join(_sections(result, secrets))
    path.write_text(_PAGE.format(title=title, body=body), "utf-8")


def _sections(result: Comparison, secrets: frozenset[str]) -> Iterator[str]:
    yield f"<p>Schema: <strong>{result.verdict.value}</strong></p>"
    if result.changes:
        yield f"<pre>{escape(changes_text(result.changes))}</pre>"
    for case in result.cases:
        yield _section(case, result, secrets)
    if result.behaviours:
        rows = "".join(
            f"<tr><th>{escape(b.what)}</th><td>{escape(b.before)}</td><td>{escape(b.after)}</td>"
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
        f"<li>{escape(told(each))}{_media(each.picture) if each.picture else ''}</li>"
        for each in case.differences
    )
    return (
        f"<section><h2>{escape(case.example.name)} {_verdict(case.same)}</h2>"
        f"<details><summary>Inputs</summary>{_value(inputs)}</details>"
        f"<ul>{found}</ul>"
        f'<div class="two">{_side(result.before, case.before[0], seconds_of(case.before))}'
        f"{_side(result.after, case.after, seconds_of([case.after]))}</div></section>"
    )


def _side(label: str, answer: Answer, seconds: str) -> str:
    times = " · ".join(filter(None, [answer.outcome.value, seconds, pieces_of(answer)]))
    shown = _value(answer.output) if not answer.error else f"<pre>{escape(answer.error)}</pre>"
    return f"<div><h3>{escape(label)}</h3><p>{escape(times)}</p>{shown}</div>"


def _value(value: Any) -> str:
    match value:
        case Path():
            return _media(value)
        case list() if any(isinstance(one, Path) for one in value):
            return "".join(map(_value, value))
        case Mapping() if any(isinstance(one, Path | list) for one in value.values()):
            rows = (f"<dt>{escape(str(n))}</dt><dd>{_value(one)}</dd>" for n, one in value.items())
            return f"<dl>{''.join(rows)}</dl>"
        case str():
            return f"<pre>{escape(value)}</pre>"
        case _:
            return (
                f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False, default=str))}</pre>"
            )


def _media(path: Path) -> str:
    content_type = describe(path).content_type
    size = path.stat().st_size
    told_of = escape(f"{path.name} ({content_type}, {size} bytes)")
    if size > LARGEST:
        return f"<p>{told_of}</p>"
    url = escape(to_data_url(path, content_type))
    match content_type.partition("/")[0]:
        case "image":
            return f'<img src="{url}" alt="{told_of}"><p>{told_of}</p>'
        case "audio" | "video" as kind:
            return f'<{kind} controls src="{url}"></{kind}><p>{told_of}</p>'
        case _:
            return f"<p>{told_of}</p>"

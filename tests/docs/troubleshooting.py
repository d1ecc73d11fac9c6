"""The page of errors by symptom, made of the table: `python -m tests.docs.troubleshooting`."""

from __future__ import annotations

import json
from typing import Final

from tests.docs.error_table import CASES, COMMANDS, INPUTS, RUNTIME, Case, Told
from tests.docs.markdown import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "troubleshooting.md"
HEAD: Final = """\
# Troubleshooting

Each message says where something is wrong, what, and what to do.
Below stand those that are met most, by what one was doing; search the page for a few of the words.
`cogfal check` finds the first kind before anything is deployed.
[Errors](guide/errors.md) says how callers are told.
"""
KNOWN: Final = {"{root}": "your/project", "{python}": "3.11", "{pydantic}": "2.12.0"}


def written() -> str:
    """Return the page."""
    parts = [
        HEAD,
        "## Making the App: `cogfal check`, `migrate`, `deploy`, `import app`\n",
        _table(("it says", "what to do"), [_row_of(case) for case in CASES]),
        "## Calling: an input is refused\n",
        _table(("a caller sends", "and is told"), [_told(each) for each in INPUTS]),
        "## Predicting: there is no result\n",
        "The predictor's first argument says in this table what it does.\n",
        _table(
            ("the predictor is asked for", "and the answer is"), [_told(each) for each in RUNTIME]
        ),
        "## On the command line\n",
        _table(("you type", "it says"), [_told(each) for each in COMMANDS]),
    ]
    return "\n".join(parts)


def _row_of(case: Case) -> tuple[str, str]:
    place = f"{_code(case.where)}: " if case.where else ""
    return place + _code(case.what), _code(case.remedy)


def _told(each: Told) -> tuple[str, str]:
    given = f"cogfal {each.given}" if isinstance(each.given, str) else json.dumps(each.given)
    return _code(given), _code(each.message)


def _code(text: str) -> str:
    """Return a text as code in a cell of a table."""
    for mark, example in KNOWN.items():
        text = text.replace(mark, example)
    fence = "``" if "`" in text else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}".replace("|", "\\|")


def _table(heads: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")

"""Write a run down as Markdown: what was compared, the ratios, and whether goals were reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.notebook import Claim, Curve, Notebook
from benchmarks.statistics import growth

LINEAR = 1.15  # an exponent up to this counts as linear
FLAT = {"ms": 1.0, "MiB": 4.0}  # rises below this are noise
BUSY = 409


def report(notebook: Notebook, machine: Mapping[str, str], images: Iterable[str]) -> str:
    """Return the whole report; `images` are the file names of its plots."""
    sections = [
        "# Benchmarks",
        _introduction(machine),
        "## Against what a user would use instead",
        _claims(notebook),
        *(f"![{name}]({name})" for name in images),
        "## How cost grows",
        _curves(notebook),
        "## Every figure",
        _figures(notebook),
        "## Answers by status",
        _statuses(notebook),
        *_notes(notebook),
    ]
    return "\n\n".join(sections) + "\n"


def _introduction(machine: Mapping[str, str]) -> str:
    facts = _table(("", ""), machine.items())
    return f"""Written by `make bench`; `make bench-quick` measures less of everything.
All servers run on loopback, one of each kind at a time, and take turns in a rotated order.
A ratio is the median of the ratios of all rounds, with its 95% bootstrap interval.
"Cog" is `python -m cog.server.http`; its busy answers are counted, and tried again after 1 ms.
What needs torch runs on the Python that `COGFAL_TORCH_PYTHON` names, and on a GPU if any.

{facts}"""


def _claims(notebook: Notebook) -> str:
    rows = [_claim(notebook, claim) for claim in notebook.claims]
    for work, reason in notebook.unmeasured.items():
        rows.append((work, f"not measured: {reason}", *[""] * 6))
    return _table(
        ("work", "what", "cogfal", "against", "ratio", "95% interval", "goal", "reached"), rows
    )


def _claim(notebook: Notebook, claim: Claim) -> tuple[str, ...]:
    ours = notebook.series[claim.work, claim.ours, claim.metric]
    result = notebook.result(claim)
    interval = f"{_short(result.low)} to {_short(result.high)}"
    name = claim.ours.removeprefix("cogfal").strip(" ,")
    mine = f"{_short(ours.median)} {ours.unit}" + (f" ({name})" if name else "")
    goal = str(claim.goal or "")
    if claim.theirs is None:
        goal += f" {ours.unit}" if goal else ""
        against, ratio = "", ""
    else:
        theirs = notebook.series[claim.work, claim.theirs, claim.metric]
        against = f"{claim.theirs}: {_short(theirs.median)} {theirs.unit}"
        ratio = _short(result.median)
    reached = {True: "yes", False: "**no**", None: ""}[notebook.reached(claim)]
    return claim.work, claim.metric, mine, against, ratio, interval, goal, reached


def _curves(notebook: Notebook) -> str:
    rows = [_curve(curve) for curve in notebook.curves.values()]
    return "The exponent is that of what rises above the smallest size: 1 is linear.\n\n" + _table(
        ("what grows", "arm", "metric", "from", "to", "exponent", "linear or better"), rows
    )


def _curve(curve: Curve) -> tuple[str, ...]:
    exponent = growth(curve.sizes, curve.values, FLAT[curve.unit])
    ends = (f"{_short(curve.values[i])} {curve.unit} at {curve.sizes[i]:,.0f}" for i in (0, -1))
    shown = "flat" if exponent is None else f"{exponent:.2f}"
    good = "yes" if exponent is None or exponent <= LINEAR else "**no**"
    return curve.name, curve.arm, curve.metric, *ends, shown, good


def _figures(notebook: Notebook) -> str:
    rows = [
        (each.work, each.arm, each.metric, f"{_short(each.median)} {each.unit}", len(each.values))
        for each in notebook.series.values()
    ]
    return _table(("work", "arm", "metric", "median", "rounds"), rows)


def _statuses(notebook: Notebook) -> str:
    rows = [
        (work, arm, counts[200], counts[BUSY], _others(counts))
        for (work, arm), counts in notebook.statuses.items()
    ]
    return _table(("work", "arm", "200", "409 (busy)", "others"), rows)


def _others(counts: Mapping[int, int]) -> str:
    others = {status: count for status, count in counts.items() if status not in (200, BUSY)}
    return ", ".join(f"{status}: {count}" for status, count in others.items()) or "0"


def _notes(notebook: Notebook) -> list[str]:
    notes = [*notebook.notes, *(f"{name} could not be measured" for name in notebook.failures)]
    return ["## Notes", "\n".join(f"- {note}" for note in notes)] if notes else []


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _short(value: float) -> str:
    """Write three significant digits, and thousands in full."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

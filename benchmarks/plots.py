"""Draw a run: every ratio with its interval and goal, and every curve."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.notebook import COGFAL, Claim, Curve, Notebook

mpl.use("agg")
GOOD, BAD, NEUTRAL = "#2a7f4f", "#b3382c", "#5a6270"
COLOURS = {COGFAL: "#5b3df5"}
OTHER = "#8a8f98"


def draw(notebook: Notebook, directory: Path) -> list[str]:
    """Write the plots to a directory and return their names, in the report's order."""
    drawn = []
    if any(claim.theirs for claim in notebook.claims):
        drawn.append(_ratios(notebook, directory / "ratios.png"))
    if notebook.curves:
        drawn.append(_curves(notebook, directory / "growth.png"))
    return drawn


def _ratios(notebook: Notebook, file: Path) -> str:
    claims = [claim for claim in notebook.claims if claim.theirs is not None]
    figure, axes = plt.subplots(figsize=(11, 1.5 + 0.28 * len(claims)))
    for height, claim in enumerate(reversed(claims)):
        _ratio(axes, notebook, claim, height)
    axes.set_yticks(range(len(claims)), [_label(claim) for claim in reversed(claims)], fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color=NEUTRAL, linewidth=0.8)
    axes.set_xlabel("cogfal / other, with 95% interval; the tick is the goal")
    axes.grid(visible=True, axis="x", which="both", alpha=0.2)
    return _saved(figure, file)


def _ratio(axes: Axes, notebook: Notebook, claim: Claim, height: int) -> None:
    result = notebook.result(claim)
    colour = {True: GOOD, False: BAD, None: NEUTRAL}[notebook.reached(claim)]
    axes.plot([result.low, result.high], [height, height], color=colour, linewidth=2)
    axes.plot(result.median, height, "o", color=colour, markersize=4)
    if claim.goal:
        axes.plot(claim.goal.limit, height, "|", color="black", markersize=9)


def _label(claim: Claim) -> str:
    ours = "" if claim.ours == COGFAL else f" ({claim.ours.removeprefix(COGFAL).strip(' ,')})"
    return f"{claim.work}: {claim.metric}{ours} / {claim.theirs}"


def _curves(notebook: Notebook, file: Path) -> str:
    names = list(dict.fromkeys(curve.name for curve in notebook.curves.values()))
    metrics = list(dict.fromkeys(curve.metric for curve in notebook.curves.values()))
    figure, grid = plt.subplots(
        len(metrics), len(names), figsize=(3.2 * len(names), 3 * len(metrics)), squeeze=False
    )
    for row, metric in zip(grid, metrics, strict=True):
        for axes, name in zip(row, names, strict=True):
            curves = [c for c in notebook.curves.values() if (c.name, c.metric) == (name, metric)]
            _panel(axes, name, curves)
    grid[0][0].legend(fontsize=7)
    return _saved(figure, file)


def _panel(axes: Axes, name: str, curves: list[Curve]) -> None:
    for curve in curves:
        colour = COLOURS.get(curve.arm, OTHER)
        values = [max(value, 0.01) for value in curve.values]
        axes.plot(curve.sizes, values, "o-", color=colour, label=curve.arm, markersize=3)
    ours = curves[0]
    _guide(axes, ours)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _at_least_a_decade(axes)
    axes.set_xlabel(name, fontsize=8)
    axes.set_ylabel(f"{ours.metric}, {ours.unit}", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(visible=True, alpha=0.2)


def _at_least_a_decade(axes: Axes) -> None:
    """Keep noise from looking like growth."""
    low, high = axes.get_ylim()
    if high < low * 10:
        middle = math.sqrt(low * high)
        axes.set_ylim(middle / math.sqrt(10), middle * math.sqrt(10))


def _guide(axes: Axes, curve: Curve) -> None:
    """Draw linear growth back from the largest size, down to where the curve begins."""
    last, top = curve.sizes[-1], max(curve.values[-1], 0.01)
    floor = max(min(curve.values), 0.01)
    first = max(curve.sizes[0], last * floor / top) if top > floor else last
    if not math.isclose(first, last):
        axes.plot([first, last], [top * first / last, top], ":", color=NEUTRAL, linewidth=1)


def _saved(figure: Figure, file: Path) -> str:
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return file.name

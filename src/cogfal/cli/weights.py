"""`cogfal weights`: tell which weights are fetched and not uploaded, and fetch them here."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cogfal.cli.console import Sign, say, write_json
from cogfal.cli.options import add_directory
from cogfal.cli.targets import find_target
from cogfal.provision.runner import weights_store
from cogfal.provision.weights import place_weights

EPILOG = """\
Weights are named in cog.yaml (`weights:`) or on the App, with where they come from; the runner
fetches each once to its disk, and so does the first run here.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_directory(parser, "the project")
    parser.add_argument("--fetch", action="store_true", help="fetch those that are not here")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    """List them, or fetch them; raises SetupError where one cannot be had."""
    target = find_target(str(arguments.directory))
    weights = dict(target.environment().weights)
    if arguments.fetch:
        place_weights(weights, target.root, store=weights_store())
        say(f"{len(weights)} in their places", Sign.GOOD)
    elif arguments.json:
        write_json(
            [
                {"path": path, "url": each.url, "here": (target.root / path).exists()}
                for path, each in weights.items()
            ]
        )
    elif not weights:
        say("no weights are named; what lies in the project goes to the runner with it")
    else:
        _show(target.root, {path: each.url for path, each in weights.items()})
    return 0


def _show(root: Path, weights: dict[str, str]) -> None:
    table = Table("", "path", "from", box=None, pad_edge=False)
    for path, url in weights.items():
        here = "[green]here[/]" if (root / path).exists() else "[yellow]to fetch[/]"
        table.add_row(here, escape(path), escape(url))
    Console(highlight=False).print(table)

"""`cogfal schema`: print the document that Cog's callers and fal's Playground read."""

from __future__ import annotations

import argparse
from pathlib import Path

from cogfal import __version__
from cogfal.cli.console import write_json
from cogfal.local import find_project
from cogfal.schema import components, document
from cogfal.spec import Role


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), help="the project")
    parser.add_argument(
        "--components",
        action="store_true",
        help="only Cog's schemas of inputs and outputs, as `components.schemas` has them",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the document as JSON."""
    project = find_project(arguments.directory)
    spec = project.read()
    trainer = project.read(Role.TRAIN) if project.config.train else None
    if arguments.components:
        write_json(components(spec, trainer))
    else:
        title = project.root.name
        write_json(document(spec, trainer, title=title, version=__version__))
    return 0

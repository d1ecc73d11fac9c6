"""`cogfal entry`: write a deployment that pickles nothing, for another Python than this one."""

from __future__ import annotations

import argparse
from pathlib import Path

from cogfal.cli.console import Mark, say
from cogfal.cli.options import add_directory
from cogfal.local import find_project
from cogfal.project.entry import write_entry
from cogfal.project.settings import PlanSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_directory(parser, "the project, as cog.yaml has it")
    parser.add_argument(
        "-o", "--output", type=Path, help="where to write it (default: DIRECTORY/fal-entry)"
    )
    parser.add_argument(
        "--name", help="the app's name (default: cog.yaml's `image`, else the directory's name)"
    )
    parser.add_argument("--machine-type", help="such as GPU-H100; default from cog.yaml")


def run(arguments: argparse.Namespace) -> int:
    """Write the package and say how to deploy it."""
    project = find_project(arguments.directory)
    entry = write_entry(
        project.config,
        project.root,
        arguments.output or project.root / "fal-entry",
        name=arguments.name,
        settings=PlanSettings(
            machine_type=arguments.machine_type,
            asynchronous=project.read().shape.asynchronous,
        ),
    )
    say(f"{entry.directory} written", Mark.GOOD)
    say(f"Next: cd {entry.directory} && fal deploy {entry.name}")
    return 0

"""`cogfal dockerfile`: print the Dockerfile that fal would build, as `cog debug` does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cogfal.cli.console import Mark, say
from cogfal.local import find_project
from cogfal.project.environment import plan_environment
from cogfal.project.settings import PlanSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        default=Path(),
        help="the project, as cog.yaml has it (default: the working directory)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it, and say where it would not be used."""
    project = find_project(arguments.directory)
    if plan_environment(project.config, project.root).dockerfile is None:
        say("this project needs no image: fal installs its packages itself", Mark.NOTE)
    environment = plan_environment(project.config, project.root, PlanSettings(kind="container"))
    sys.stdout.write(environment.dockerfile or "")
    return 0

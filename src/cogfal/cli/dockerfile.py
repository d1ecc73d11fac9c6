"""`cogfal dockerfile`: print the Dockerfile that fal would build, as `cog debug` does."""

from __future__ import annotations

import argparse
import sys

from cogfal.cli.console import Sign, say
from cogfal.cli.options import add_directory
from cogfal.local.session import find_project
from cogfal.project.plan import plan_environment
from cogfal.project.plan_settings import PlanSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_directory(parser, "the project, as cog.yaml has it")


def run(arguments: argparse.Namespace) -> int:
    """Print the Dockerfile, and say so where fal would not use it."""
    project = find_project(arguments.directory)
    project.read()  # a directory that is no project has no Dockerfile
    if plan_environment(project.config, project.root).dockerfile is None:
        say("this project needs no image: fal installs its packages itself", Sign.NOTE)
    environment = plan_environment(project.config, project.root, PlanSettings(kind="container"))
    sys.stdout.write(environment.dockerfile or "")
    return 0

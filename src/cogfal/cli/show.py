"""`cogfal schema`, `dockerfile` and `weights`: print what is made of a project."""

from __future__ import annotations

import argparse
import sys

from rich.markup import escape

from cogfal.app_file import open_project
from cogfal.cli.console import Sign, say, write_json, write_table
from cogfal.cli.options import add_directory
from cogfal.cli.targets import document_of, find_target, trainer_of
from cogfal.local.session import find_project
from cogfal.project.config import PlanSettings
from cogfal.project.plan import plan_environment
from cogfal.provision.runner import weights_store
from cogfal.provision.weights import place_weights
from cogfal.schema.cog_schema import components

WEIGHTS_EPILOG = """\
Weights are named in cog.yaml (`weights:`) or on the App, with where they come from; the runner
fetches each once to its disk, and so does the first run here.
"""


def add_schema(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal schema`."""
    add_directory(parser, "the project")
    parser.add_argument(
        "--ref",
        metavar="REF",
        help="an App, app.py::App, or another predictor, file.py:Name (default: the App in "
        "app.py or fal_app.py, else cog.yaml)",
    )
    parser.add_argument(
        "--components",
        action="store_true",
        help="only Cog's schemas of inputs and outputs, as `components.schemas` has them",
    )
    parser.set_defaults(run=show_schema)


def show_schema(arguments: argparse.Namespace) -> int:
    """Print the document that Cog's callers and fal's Playground read."""
    project = open_project(arguments.directory, arguments.ref)
    if arguments.components:
        write_json(components(project.read(), trainer_of(project)))
    else:
        write_json(document_of(project))
    return 0


def add_dockerfile(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal dockerfile`."""
    add_directory(parser, "the project, as cog.yaml has it")
    parser.set_defaults(run=show_dockerfile)


def show_dockerfile(arguments: argparse.Namespace) -> int:
    """Print the Dockerfile, as `cog debug` does, and say so where fal would not use it."""
    project = find_project(arguments.directory)
    project.read()  # a directory that is no project has no Dockerfile
    if plan_environment(project.config, project.root).dockerfile is None:
        say("this project needs no image: fal installs its packages itself", Sign.NOTE)
    environment = plan_environment(project.config, project.root, PlanSettings(kind="container"))
    sys.stdout.write(environment.dockerfile or "")
    return 0


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal weights`."""
    parser.epilog = WEIGHTS_EPILOG
    add_directory(parser, "the project")
    parser.add_argument("--fetch", action="store_true", help="fetch those that are not here")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=show_weights)


def show_weights(arguments: argparse.Namespace) -> int:
    """List which weights are fetched, or fetch them; raises SetupError where one cannot be had."""
    target = find_target(str(arguments.directory))
    weights = target.environment.weights
    if arguments.fetch:
        place_weights(weights, target.root, store=weights_store())
        say(f"{len(weights)} in their places", Sign.GOOD)
        return 0
    listed = [(path, each.url, (target.root / path).exists()) for path, each in weights]
    if arguments.json:
        write_json([{"path": path, "url": url, "here": here} for path, url, here in listed])
    elif not listed:
        say("no weights are named; what lies in the project goes to the runner with it")
    else:
        marks = {True: "[green]here[/]", False: "[yellow]to fetch[/]"}
        rows = [(marks[here], escape(path), escape(url)) for path, url, here in listed]
        write_table(("", "path", "from"), rows)
    return 0

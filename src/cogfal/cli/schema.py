"""`cogfal schema`: print the document that Cog's callers and fal's Playground read."""

from __future__ import annotations

import argparse

from cogfal.app_file import open_project
from cogfal.cli.console import write_json
from cogfal.cli.options import add_directory
from cogfal.local.session import LocalProject
from cogfal.schema import components, document
from cogfal.spec import JSON, PredictorSpec, Role
from cogfal.version import __version__


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
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


def run(arguments: argparse.Namespace) -> int:
    """Print the document as JSON."""
    project = open_project(arguments.directory, arguments.ref)
    if arguments.components:
        write_json(components(project.read(), _trainer(project)))
    else:
        write_json(document_of(project))
    return 0


def document_of(project: LocalProject) -> dict[str, JSON]:
    """Return the document that the project's app has; raises ProjectError."""
    return document(
        project.read(),
        _trainer(project),
        title=project.root.name,
        version=__version__,
        output_name=project.settings.host.output_name,
    )


def _trainer(project: LocalProject) -> PredictorSpec | None:
    return project.read(Role.TRAIN) if project.trains else None

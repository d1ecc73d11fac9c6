"""`cogfal client`: write a typed client for an app."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cogfal.app_file import open_project
from cogfal.cli.console import Mark, say
from cogfal.cli.inputs import BadArgument
from cogfal.cli.remote import streaming
from cogfal.cli.schema import document_of
from cogfal.cli.typed_client import write_client
from cogfal.spec import JSON, IteratorType

UNKNOWN: Final = "your-name/{}"
EPILOG = """\
examples:
  cogfal client --app you/painter -o painter.py
  cogfal client . --app you/painter -o painter.py    # from the project's text; fal is not asked
then:
  import painter
  painter.predict(prompt="a red square", image=Path("photo.png"))
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="the project (default: the working directory, or what the app on fal says)",
    )
    parser.add_argument("--app", metavar="OWNER/NAME", help="the app as fal names it")
    parser.add_argument(
        "--ref", metavar="REF", help="an App of the project, app.py::App (default: its app.py)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the module to write"
    )
    parser.add_argument("--force", action="store_true", help="replace another file")


def run(arguments: argparse.Namespace) -> int:
    """Write it."""
    target: Path = arguments.output
    _refuse_foreign(target, force=arguments.force)
    app, document, streams = _described(arguments)
    target.write_text(write_client(app, document, streams=streams), encoding="utf-8")
    say(f"{target} calls {app}", Mark.GOOD)
    if arguments.app is None:
        say(f"set APP in {target} to the name that fal gave the app, or give --app", Mark.NOTE)
    return 0


def _described(arguments: argparse.Namespace) -> tuple[str, Mapping[str, JSON], bool]:
    if arguments.app and arguments.directory is None and arguments.ref is None:
        document = _asked(arguments.app)
        return arguments.app, document, streaming(document)[0]
    project = open_project(arguments.directory or Path(), arguments.ref)
    streams = isinstance(project.read().output, IteratorType)
    app = arguments.app or UNKNOWN.format(project.root.name)
    return app, document_of(project), streams


def _asked(app: str) -> dict[str, JSON]:
    try:
        from cogfal.client import document  # noqa: PLC0415  # needs an optional extra
    except ImportError as error:
        raise BadArgument(f"--app needs {error.name}: pip install 'cogfal[client]'") from error
    return document(app)


def _refuse_foreign(target: Path, *, force: bool) -> None:
    """Replace only what this command wrote, unless it is asked for."""
    if force or not target.exists():
        return
    if target.is_dir() or "`cogfal client` made this" not in target.read_text(errors="replace"):
        raise BadArgument(
            f"{target} is there already, and `cogfal client` did not make it; give another name, "
            "or --force to replace it"
        )

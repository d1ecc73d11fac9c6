"""`cogfal predict`: run the predictor here, or call a running or deployed app."""

from __future__ import annotations

import argparse

from cogfal.cli.inputs import BadArgument
from cogfal.cli.remote import call_url
from cogfal.cli.running import add_project_options, run_here
from cogfal.spec import Role

EPILOG = """\
examples:
  cogfal predict -i prompt="a red square" -i image=@photo.png
  cogfal predict --json @inputs.json -o result.png
  cogfal predict -i prompt=hi --url http://127.0.0.1:8080
  cogfal predict -i prompt=hi --app you/your-model
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_project_options(parser, Role.PREDICT)
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--url", help="call the app that runs at this URL")
    elsewhere.add_argument("--app", metavar="OWNER/NAME", help="call this app on fal")


def run(arguments: argparse.Namespace) -> int:
    """Run it once."""
    if arguments.url:
        return call_url(arguments)
    if arguments.app:
        return _call_app(arguments)
    return run_here(arguments, Role.PREDICT)


def _call_app(arguments: argparse.Namespace) -> int:
    try:
        from cogfal.cli.deployed import call_app  # noqa: PLC0415  # needs an optional extra
    except ImportError as error:
        raise BadArgument(f"--app needs {error.name}: pip install 'cogfal[client]'") from error
    return call_app(arguments)

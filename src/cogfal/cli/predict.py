"""`cogfal predict`: run the predictor here, or call a running or deployed app."""

from __future__ import annotations

import argparse

from cogfal.cli.batch import run_batch
from cogfal.cli.run_elsewhere import call_app, call_url
from cogfal.cli.run_here import add_project_options, run_here
from cogfal.spec import Role

EPILOG = """\
examples:
  cogfal predict -i prompt="a red square" -i image=@photo.png
  cogfal predict --json @inputs.json -o result.png
  cogfal predict -i prompt=hi --url http://127.0.0.1:8080
  cogfal predict -i prompt=hi --app you/your-model
  cogfal predict --batch inputs.jsonl -o results/
  cogfal predict --batch photos:image -i scale=2 -o results/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_project_options(parser, Role.PREDICT)
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--url", help="call the app that runs at this URL")
    elsewhere.add_argument("--app", metavar="OWNER/NAME", help="call this app on fal")
    elsewhere.add_argument(
        "--batch",
        metavar="FILE|DIR:INPUT",
        help="a prediction for each line of inputs.jsonl, or each file of a folder; -o DIR gets "
        "the results, and the same command again goes on where it stopped",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run one prediction, or a batch of them, where the options say."""
    if arguments.url:
        return call_url(arguments)
    if arguments.app:
        return call_app(arguments)
    if arguments.batch:
        return run_batch(arguments)
    return run_here(arguments, Role.PREDICT)

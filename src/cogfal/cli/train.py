"""`cogfal train`: run the training function here."""

from __future__ import annotations

import argparse

from cogfal.cli.run_here import add_project_options, run_here
from cogfal.spec import Role

EPILOG = """\
example:
  cogfal train -i data=@dataset.zip -i steps=100 -o weights.tar
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_project_options(parser, Role.TRAIN)


def run(arguments: argparse.Namespace) -> int:
    """Run the training function once."""
    return run_here(arguments, Role.TRAIN)

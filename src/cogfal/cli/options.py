"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_directory(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the directory that a command works in; `what` it is, for the help."""
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        default=Path(),
        help=f"{what} (default: the working directory)",
    )


def add_variables(parser: argparse.ArgumentParser) -> None:
    """Declare `-e`."""
    parser.add_argument(
        "-e",
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an environment variable for the predictor",
    )

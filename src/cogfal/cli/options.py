"""Options that several commands have."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cogfal.cli.console import Mark, say

HERE: Final = "COGFAL_HERE"
COGS_OWN: Final = MappingProxyType({"--gpus": "GPUS", "--use-replicate-token": None})
INSTEAD: Final = MappingProxyType(
    {
        "--gpus": "a model that runs here sees every GPU that CUDA_VISIBLE_DEVICES names",
        "--use-replicate-token": "a token is a variable: -e REPLICATE_API_TOKEN=...",
    }
)


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


def add_here(parser: argparse.ArgumentParser) -> None:
    """Declare `--here`."""
    parser.add_argument(
        "--here",
        action="store_true",
        help=f"use the present environment, not the model's own ({HERE}=1 does so everywhere)",
    )


def obey_here(arguments: argparse.Namespace) -> None:
    """Let everything that asks for the model's environment get the present one, if wanted."""
    if arguments.here:
        os.environ[HERE] = "1"


def add_cogs_own(parser: argparse.ArgumentParser) -> None:
    """Declare options of Cog's command line that mean something only where Docker runs a model.

    They are taken and told of, so that a command that was written for Cog goes on working.
    """
    for flag, metavar in COGS_OWN.items():
        nothing = {"action": "store_true"} if metavar is None else {"metavar": metavar}
        parser.add_argument(flag, help=argparse.SUPPRESS, **nothing)  # type: ignore[arg-type]


def tell_of_cogs_own(arguments: argparse.Namespace) -> None:
    """Say of each option of Cog's that was given what there is in its place."""
    for flag, instead in INSTEAD.items():
        if getattr(arguments, flag.strip("-").replace("-", "_"), None):
            say(f"{flag}: {instead}", Mark.NOTE)

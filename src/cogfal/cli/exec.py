"""`cogfal exec`: run a command in the model's own environment."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from cogfal.app_file import open_project
from cogfal.cli.console import say
from cogfal.cli.given_inputs import read_variables
from cogfal.cli.options import (
    OF_CONTAINERS,
    BadArgument,
    add_cogs_own,
    add_here,
    add_variables,
    obey_here,
    tell_of_cogs_own,
)
from cogfal.engine.guest_python import guest_variables
from cogfal.local.session import LocalProject

EPILOG = """\
The environment is the one that `cogfal predict` uses: cog.yaml's Python and packages, made at the
first use. Words after the command are its own.
examples:
  cogfal exec python train.py --epochs 3
  cogfal exec python
"""
NOT_FOUND = 127


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    add_variables(parser)
    add_here(parser)
    add_cogs_own(parser, OF_CONTAINERS)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...")


def run(arguments: argparse.Namespace) -> int:
    """Replace this process by the command, whose exit status is the result."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise BadArgument("there is no command; write it after the options")
    obey_here(arguments)
    tell_of_cogs_own(arguments)
    environ = _variables(open_project(Path())) | read_variables(arguments)
    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is None:
        say(f"{words[0]}: there is no such command in the model's environment")
        return NOT_FOUND
    return _become(program, words, environ)


def _become(program: str, words: list[str], environ: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(program, words, environ)  # noqa: S606  # as asked


def _variables(project: LocalProject) -> dict[str, str]:
    """Return the variables of the model's environment, which is made if need be."""
    python = project.python(say)
    environ = dict(os.environ) if python is None else guest_variables(python, os.environ)
    return environ | project.variables

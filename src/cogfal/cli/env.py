"""`cogfal env` and `cogfal exec`: the environments that models have here, and commands in them."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.markup import escape

from cogfal.app_file import open_project
from cogfal.cli.console import CommandFailed, Sign, say, write_json, write_table
from cogfal.cli.given_inputs import read_variables
from cogfal.cli.options import add_cogs_own, add_here, add_variables, obey_here, tell_of_cogs_own
from cogfal.engine.guest_python import guest_variables
from cogfal.environments import KeptEnvironment, kept_environments, remove_environment
from cogfal.files.progress import readable

DAY = 24 * 60 * 60  # seconds
EPILOG = """\
Environments are shared by projects that ask for the same Python and packages, and made anew when
they are needed.
examples:
  cogfal env
  cogfal env --remove 3f2a
  cogfal env --remove-unused 30
"""
EXEC_EPILOG = """\
The environment is the one that `cogfal predict` uses: cog.yaml's Python and packages, made at the
first use. Words after the command are its own.
examples:
  cogfal exec python train.py --epochs 3
  cogfal exec python
"""
NOT_FOUND = 127


def add_env(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal env`."""
    parser.epilog = EPILOG
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--remove", metavar="KEY", help="remove one, by the beginning of its key")
    chosen.add_argument(
        "--remove-unused", type=int, metavar="DAYS", help="remove those not used for so long"
    )
    chosen.add_argument("--remove-all", action="store_true", help="remove all of them")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=list_or_remove)


def list_or_remove(arguments: argparse.Namespace) -> int:
    """List environments, or remove them."""
    kept = kept_environments()
    unwanted = _unwanted(kept, arguments)
    for each in unwanted:
        remove_environment(each)
        say(f"{each.key} removed", Sign.GOOD)
    if unwanted or arguments.remove_all or arguments.remove_unused is not None:
        return 0
    if arguments.json:
        write_json([_facts(each) for each in kept])
    elif kept:
        write_table(("key", "Python", "packages", "size", "used"), map(_row, kept))
        sys.stdout.write(f"in {kept[0].path.parent}\n")
    else:
        say("there are none; `cogfal predict` makes one where cog.yaml asks for it")
    return 0


def _unwanted(
    kept: Sequence[KeptEnvironment], arguments: argparse.Namespace
) -> Sequence[KeptEnvironment]:
    if arguments.remove_all:
        return kept
    if arguments.remove_unused is not None:
        limit = time.time() - arguments.remove_unused * DAY
        return [each for each in kept if each.used < limit]
    if arguments.remove is None:
        return []
    found = [each for each in kept if each.key.startswith(arguments.remove)]
    if len(found) != 1:
        keys = ", ".join(each.key for each in found or kept) or "none"
        raise CommandFailed(f"--remove {arguments.remove}: there are {keys}; name one")
    return found


def _facts(each: KeptEnvironment) -> dict[str, object]:
    return {
        "key": each.key,
        "python": each.environment.python,
        "packages": each.environment.packages,
        "bytes": each.size(),
        "used": _used(each).isoformat(timespec="seconds"),
        "path": str(each.path),
    }


def _row(each: KeptEnvironment) -> tuple[str, ...]:
    packages, size = str(each.environment.packages), readable(each.size())
    cells = (each.key, each.environment.python, packages, size, f"{_used(each):%Y-%m-%d %H:%M}")
    return tuple(map(escape, cells))


def _used(each: KeptEnvironment) -> datetime:
    return datetime.fromtimestamp(each.used).astimezone()


def add_exec(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal exec`."""
    parser.epilog = EXEC_EPILOG
    add_variables(parser)
    add_here(parser)
    add_cogs_own(parser, "--publish", "--gpus")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    parser.set_defaults(run=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Replace this process by the command, whose exit status is the result."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise CommandFailed("there is no command; write it after the options")
    obey_here(arguments)
    tell_of_cogs_own(arguments)
    project = open_project(Path())
    python = project.python(say)  # the model's own is made if need be
    environ = dict(os.environ) if python is None else guest_variables(python, os.environ)
    environ |= project.variables | read_variables(arguments)
    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is not None:
        sys.stdout.flush()  # what a buffer still holds would be lost with this program
        os.execve(program, words, environ)  # noqa: S606  # as asked
    say(f"{words[0]}: there is no such command in the model's environment", Sign.BAD)
    return NOT_FOUND

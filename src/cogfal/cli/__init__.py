"""The `cogfal` command: its subcommands, of which only the one that was asked for is imported.

So `cogfal --help` starts at once, and no command pays for fal that does not use it.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Final

import argcomplete
from rich_argparse import RawDescriptionRichHelpFormatter

from cogfal.cli.console import CommandFailed, Sign, say, say_error
from cogfal.errors import CogfalError, PredictionCancelled
from cogfal.version import __version__

COMMANDS: Final = MappingProxyType(
    {
        "init": ("migrate", "make a new project"),
        "migrate": (
            "migrate",
            "write app.py for a Cog project, and report what becomes of each setting",
        ),
        "check": ("check", "find out everything that can be known before deploying"),
        "try": ("try", "run somebody's project: from its repository to an answer"),
        "predict": ("predict", "run the predictor here, or call a running or deployed app"),
        "train": ("predict", "run the training function here"),
        "exec": ("env", "run a command in the model's own environment"),
        "weights": ("show", "tell which weights are fetched and not uploaded, and fetch them here"),
        "env": ("env", "list the environments that were made for models here, and remove them"),
        "serve": ("serve", "serve the app on this machine, with a playground if wanted"),
        "gateway": ("gateway", "answer programs that were written for Replicate's clients"),
        "compare": ("compare", "prove that a model answers here what it answers there"),
        "client": ("client", "write a typed client for an app"),
        "schema": ("show", "print the app's OpenAPI document"),
        "dockerfile": ("show", "print the Dockerfile that fal would build"),
        "deploy": ("deploy", "check the project, then deploy it with fal"),
    }
)
"""The module whose `add_...` declares each command, and what it is for."""

SAME_AS: Final = MappingProxyType(
    {"run": ("predict",), "doctor": ("check",), "playground": ("serve", "--playground")}
)
"""Cog's names of commands, and what they are here."""

PASSES_ON: Final = ("deploy",)
"""Commands that give the words after `--` to fal."""

USAGE_ERROR: Final = 2
INTERRUPTED: Final = 130
UNREAD: Final = 141
EPILOG: Final = """\
As with Cog, `cogfal run` is predict, `doctor` is check, and `playground` is serve --playground.
fal's own command runs and deploys: `fal run app.py::App`, `fal deploy app.py::App`.
Completion for bash and zsh: eval "$(register-python-argcomplete cogfal)"
"""
ELSEWHERE: Final = MappingProxyType(
    {
        "build": "fal builds the environment when it is needed: `cogfal deploy`, or "
        "`fal run app.py::App` to build and try it without deploying. `cogfal dockerfile` shows "
        "what is built.",
        "push": "there is no registry to push to: `cogfal deploy` checks the project and deploys "
        "it, as `fal deploy app.py::App` does without the checks.",
        "login": "log in to fal with `fal auth login`, or set FAL_KEY.",
        "debug": "use `cogfal dockerfile`.",
    }
)
RUNS_THE_MODEL: Final = (
    "`cogfal {}` runs this project's model: a command runs in its environment with `cogfal exec "
    "{}`, and an app that is served elsewhere is called with --url or --app"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0 is success, 1 a problem that is told on stderr, 2 a wrong command line, 130 an interruption,
    141 an output that nobody reads on.
    """
    return _status(partial(_obey, list(sys.argv[1:] if arguments is None else arguments)))


def _obey(given: list[str]) -> int:
    if given and given[0] in ELSEWHERE:
        say(f"`cog {given[0]}` has no counterpart in cogfal: {ELSEWHERE[given[0]]}")
        return USAGE_ERROR
    if given[:1] in (["run"], ["predict"]) and given[1:2] and not given[1].startswith("-"):
        say(RUNS_THE_MODEL.format(given[0], shlex.join(given[1:])), Sign.BAD)
        return USAGE_ERROR
    given[:1] = SAME_AS.get(given[0], given[:1]) if given else []
    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        near = get_close_matches(given[0], [*COMMANDS, *SAME_AS], 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        say(f"there is no command {given[0]!r}; {hint}", Sign.BAD)
        return USAGE_ERROR
    named = next((word for word in given if word in COMMANDS), "")
    parser = _parser(None if "_ARGCOMPLETE" in os.environ else named)
    argcomplete.autocomplete(parser)
    own, passed_on = given, []
    if "--" in given and given[0] != "exec":  # what follows is for fal
        end = given.index("--")
        own, passed_on = given[:end], given[end + 1 :]
    parsed, unknown = parser.parse_known_args(own, argparse.Namespace(passed_on=passed_on))
    if parsed.command is None and not unknown:
        parser.print_help()
        return USAGE_ERROR
    # The command's own parser, whose usage shows what there is instead.
    if unknown:
        parsed.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if passed_on and parsed.command not in PASSES_ON:
        parsed.parser.error(f"it takes nothing after --: {' '.join(passed_on)}")
    status: int = parsed.run(parsed)
    return status


def _status(command: Callable[[], int]) -> int:
    """Run a command; return its exit status, or that of what it raised, which is told."""
    try:
        try:
            return command()
        finally:
            if sys.stdout is not None:  # as where it was closed at the start
                sys.stdout.flush()  # what fails when the process ends is told by nobody
    except (KeyboardInterrupt, PredictionCancelled):
        return INTERRUPTED
    except CogfalError as error:
        say_error(error)
        return 1
    except BrokenPipeError:  # as with `| head`: nobody reads on, and that is no mistake to tell
        _drop_stdout()
        return UNREAD
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_stdout()
        say_error(CommandFailed(f"{error.strerror}; make room, or write to another place"))
        return 1


def _drop_stdout() -> None:
    """Let what cannot be written go nowhere, so that it does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(only: str | None) -> argparse.ArgumentParser:
    """Return the parser, with the options of one command, or of all where `only` is None."""
    parser = argparse.ArgumentParser(
        prog="cogfal",
        description="Run Cog predictors on fal without editing them.",
        epilog=EPILOG,
        formatter_class=RawDescriptionRichHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cogfal {__version__}")
    parser.set_defaults(parser=parser)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=RawDescriptionRichHelpFormatter,
        )
        subparser.set_defaults(parser=subparser)
        if only in (None, name):
            getattr(importlib.import_module(f"cogfal.cli.{module}"), f"add_{name}")(subparser)
    return parser

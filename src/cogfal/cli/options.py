"""Options that several commands have, and the completion of a predictor's inputs in the shell."""

from __future__ import annotations

import argparse
import math
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cogfal.cli.console import CommandFailed, Sign, say
from cogfal.cli.given_inputs import item_type
from cogfal.errors import CogfalError
from cogfal.local.session import find_project
from cogfal.spec import (
    BooleanType,
    EnumType,
    FileType,
    InputSpec,
    LiteralType,
    PathType,
    Role,
    holds,
)

HERE: Final = "COGFAL_HERE"
COGS_OWN: Final = MappingProxyType(
    {
        "--gpus": "a model that runs here sees every GPU that CUDA_VISIBLE_DEVICES names",
        "--use-replicate-token": "a token is a variable: -e REPLICATE_API_TOKEN=...",
        "--publish": "no container is in between: what listens on a port is reached there",
    }
)
"""Options of Cog's command line that mean something only where Docker runs a model; and instead."""
LOOPBACK: Final = "127.0.0.1"
LAST_PORT: Final = 65535


def add_directory(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the directory that a command works in; `what` it is, for the help."""
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="DIR",
        help=f"{what} (default: the working directory)",
    )


def add_root(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `-C`, the directory of the project; `what` it is, for the help."""
    parser.add_argument("-C", "--directory", type=Path, default=Path(), metavar="DIR", help=what)


def add_input_options(parser: argparse.ArgumentParser, role: Role = Role.PREDICT) -> None:
    """Declare `-i`, `--allow-unknown`, `--json` and `-e`."""
    add_inputs(parser, role)
    parser.add_argument(
        "--allow-unknown",
        action="store_true",
        help="leave out inputs that the predictor does not have, instead of refusing them",
    )
    parser.add_argument(
        "--json",
        dest="json_input",
        metavar="JSON",
        help="all inputs as a JSON object: its text, @FILE, or - for stdin",
    )
    add_variables(parser)


def add_inputs(parser: argparse.ArgumentParser, role: Role = Role.PREDICT) -> None:
    """Declare `-i` alone."""
    option = parser.add_argument(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input; NAME=@FILE gives a file; repeat it for the items of a list",
    )
    option.completer = partial(complete_input, role=role)  # type: ignore[attr-defined]  # argcomplete's


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


def add_cogs_own(parser: argparse.ArgumentParser, *flags: str) -> None:
    """Take options of `COGS_OWN`, so that Cog's command lines go on working.

    `tell_of_cogs_own` says what there is in their place.
    """
    for flag in flags:
        names = ["-p", flag] if flag == "--publish" else [flag]
        action = "store_true" if flag == "--use-replicate-token" else "store"
        parser.add_argument(*names, action=action, help=argparse.SUPPRESS)


def tell_of_cogs_own(arguments: argparse.Namespace) -> None:
    """Say of each option of Cog's that was given what there is in its place."""
    for flag, instead in COGS_OWN.items():
        if getattr(arguments, flag.strip("-").replace("-", "_"), None):
            say(f"{flag}: {instead}", Sign.NOTE)


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    """Declare `--port` and `--host`."""
    parser.add_argument(
        "-p", "--port", type=port_number, default=port, help=f"default {port}; 0 for any free one"
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"address to bind (default {LOOPBACK})")


def seconds(text: str) -> float:
    """Read how long something may take; for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds; give 0, which is no limit, or more"
        )
    return number


def port_number(text: str) -> int:
    """Read a port; for argparse."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number up to {LAST_PORT}")
    return int(text)


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises CommandFailed where that cannot be."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        dual = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise CommandFailed(f"cannot listen on {host}:{port}: {error.strerror}") from error


def url_of(host: str, sock: socket.socket) -> str:
    """Return the address at which a socket that listens is reached."""
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{sock.getsockname()[1]}"


def complete_input(
    prefix: str, parsed_args: argparse.Namespace, *, role: Role, **_: object
) -> Iterable[str]:
    """Offer what may follow `-i`: `name=`, then the values that the input may have.

    The project is found as the command does, from `-C` and `--ref`, but no app.py is executed. In a
    project that cannot be read nothing is offered.
    """
    ref = getattr(parsed_args, "ref", None)
    named = ref if ref and "::" not in ref else None
    try:
        project = find_project(getattr(parsed_args, "directory", Path()))
        spec = replace(project, named=named).read(role)
    except CogfalError:
        return []  # the command itself tells what is wrong
    name, equals, value = prefix.partition("=")
    if not equals:
        return [f"{each.name}=" for each in spec.inputs if not each.deprecated]
    chosen = next((each for each in spec.inputs if each.name == name), None)
    return [] if chosen is None else [f"{name}={each}" for each in _values(chosen, value)]


def _values(each: InputSpec, begun: str) -> list[str]:
    if holds(each.type, PathType, FileType):
        return _files(begun)
    values: Sequence[Any] = each.choices or ()
    if not values:
        match item_type(each.type):
            case BooleanType():
                values = (True, False)
            case LiteralType(listed):
                values = listed
            case EnumType(_, members):
                values = [value for _, value in members]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _files(begun: str) -> list[str]:
    """Offer files, as `@path`."""
    path = begun.removeprefix("@")
    folder, slash, _ = path.rpartition("/")
    place = Path(f"{folder}/" if slash else ".")
    found = sorted(place.iterdir()) if place.is_dir() else []
    ends = [(each.name, "/" if each.is_dir() else "") for each in found if each.name[0] != "."]
    return [f"@{folder}{slash}{name}{end}" for name, end in ends]

"""Options that several commands have, and the completion of a predictor's inputs in the shell."""

from __future__ import annotations

import argparse
import math
import os
import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cogfal.cli.console import BadArgument, Sign, say
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
    PredictorSpec,
    Role,
    Type,
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
    option.completer = InputCompleter(role)  # type: ignore[attr-defined]  # argcomplete's


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


def add_cogs_own(parser: argparse.ArgumentParser, **flags: str | None) -> None:
    """Take options of `COGS_OWN`, each with its metavar, so that Cog's command lines go on working.

    `tell_of_cogs_own` says what there is in their place.
    """
    for name, metavar in flags.items():
        nothing = {"action": "store_true"} if metavar is None else {"metavar": metavar}
        names = ["-p"] if name == "publish" else []
        names += [f"--{name.replace('_', '-')}"]
        parser.add_argument(*names, help=argparse.SUPPRESS, **nothing)  # type: ignore[arg-type]


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
    """Return a socket that listens; raises BadArgument where that cannot be."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        dual = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise BadArgument(f"cannot listen on {host}:{port}: {error.strerror}") from error


def url_of(host: str, sock: socket.socket) -> str:
    """Return the address at which a socket that listens is reached."""
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{sock.getsockname()[1]}"


class InputCompleter:
    """Offers what may follow `-i`: `name=`, then the values that the input may have.

    The project is found as the command does, from `-C` and `--ref`, but no app.py is executed. In a
    project that cannot be read nothing is offered.
    """

    def __init__(self, role: Role = Role.PREDICT) -> None:
        self._role = role

    def __call__(self, prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        """Return the completions of `prefix`."""
        spec = self._spec(parsed_args)
        if spec is None:
            return []
        name, equals, value = prefix.partition("=")
        if not equals:
            return [f"{each.name}=" for each in spec.inputs if not each.deprecated]
        chosen = next((each for each in spec.inputs if each.name == name), None)
        return [] if chosen is None else [f"{name}={each}" for each in _values(chosen, value)]

    def _spec(self, arguments: argparse.Namespace) -> PredictorSpec | None:
        try:
            project = find_project(getattr(arguments, "directory", Path()))
            ref = getattr(arguments, "ref", None)
            named = ref if ref and "::" not in ref else None
            return replace(project, named=named).read(self._role)
        except CogfalError:
            return None  # the command itself tells what is wrong


def _values(each: InputSpec, begun: str) -> list[str]:
    if holds(each.type, PathType, FileType):
        return _files(begun)
    values = each.choices or _listed(each.type)
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _listed(kind: Type) -> tuple[Any, ...]:
    """Return the values that a type has, where they can be listed."""
    match item_type(kind):
        case BooleanType():
            return (True, False)
        case LiteralType(values):
            return values
        case EnumType(_, members):
            return tuple(value for _, value in members)
        case _:
            return ()


def _files(begun: str) -> list[str]:
    """Offer files, as `@path`."""
    path = begun.removeprefix("@")
    folder, slash, _ = path.rpartition("/")
    place = Path(f"{folder}/" if slash else ".")
    found = sorted(place.iterdir()) if place.is_dir() else []
    ends = [(each.name, "/" if each.is_dir() else "") for each in found if each.name[0] != "."]
    return [f"@{folder}{slash}{name}{end}" for name, end in ends]

"""Options that several commands have: where they work, what they set, where they listen."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cogfal.cli.console import Sign, say
from cogfal.errors import CogfalError

HERE: Final = "COGFAL_HERE"
COGS_OWN: Final = MappingProxyType({"--gpus": "GPUS", "--use-replicate-token": None})
OF_CONTAINERS: Final = MappingProxyType({"--publish": "PORT", "--gpus": "GPUS"})
INSTEAD: Final = MappingProxyType(
    {
        "--gpus": "a model that runs here sees every GPU that CUDA_VISIBLE_DEVICES names",
        "--use-replicate-token": "a token is a variable: -e REPLICATE_API_TOKEN=...",
        "--publish": "no container is in between: what listens on a port is reached there",
    }
)
LOOPBACK: Final = "127.0.0.1"
LAST_PORT: Final = 65535


class BadArgument(CogfalError):
    """Report a command line argument that cannot be used."""


def add_directory(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the directory that a command works in; `what` it is, for the help."""
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        default=Path(),
        help=f"{what} (default: the working directory)",
    )


def add_root(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `-C`, the directory of the project; `what` it is, for the help."""
    parser.add_argument("-C", "--directory", type=Path, default=Path(), metavar="DIR", help=what)


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


def add_cogs_own(
    parser: argparse.ArgumentParser, flags: Mapping[str, str | None] = COGS_OWN
) -> None:
    """Declare options of Cog's command line that mean something only where Docker runs a model.

    They are taken and told of, so that a command that was written for Cog goes on working.
    """
    for flag, metavar in flags.items():
        nothing = {"action": "store_true"} if metavar is None else {"metavar": metavar}
        names = ["-p", flag] if flag == "--publish" else [flag]
        parser.add_argument(*names, help=argparse.SUPPRESS, **nothing)  # type: ignore[arg-type]


def tell_of_cogs_own(arguments: argparse.Namespace) -> None:
    """Say of each option of Cog's that was given what there is in its place."""
    for flag, instead in INSTEAD.items():
        if getattr(arguments, flag.strip("-").replace("-", "_"), None):
            say(f"{flag}: {instead}", Sign.NOTE)


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    """Declare `--port` and `--host`."""
    parser.add_argument(
        "-p", "--port", type=_port, default=port, help=f"default {port}; 0 for any free one"
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"address to bind (default {LOOPBACK})")


def _port(text: str) -> int:
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

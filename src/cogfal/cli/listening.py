"""The options of commands that serve: where they listen on this machine."""

from __future__ import annotations

import argparse
import socket
from typing import Final

from cogfal.cli.inputs import BadArgument

LOOPBACK: Final = "127.0.0.1"
LAST_PORT: Final = 65535


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

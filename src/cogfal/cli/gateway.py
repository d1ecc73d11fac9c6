"""`cogfal gateway`: answer programs that were written for Replicate's clients."""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from cogfal.cli.console import CommandFailed, Sign, say
from cogfal.cli.options import add_address, listener, url_of
from cogfal.errors import SettingError
from cogfal.server.request_guard import RequestGuard, trusted_hosts

if TYPE_CHECKING:
    from cogfal.gateway import Application

EPILOG = """\
example:
  cogfal gateway you/painter=you/painter you/writer=http://127.0.0.1:8080
  REPLICATE_BASE_URL=http://127.0.0.1:8787 python program.py
"""
PORT: Final = 8787
GRACE: Final = 5
"""Seconds that requests under way have when the gateway is told to end."""


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Declare `cogfal gateway`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="OWNER/NAME[:VERSION]=TARGET",
        help="a model, and what runs it: fal-owner/app, or http://... of an app or a Cog server",
    )
    add_address(parser, PORT)
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="who may come in, a line `name token` each; fal is then called with FAL_KEY",
    )
    parser.add_argument(
        "--allow-private-hosts",
        action="store_true",
        help="let webhooks go to private and loopback addresses",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    app = _application(arguments)
    with listener(arguments.host, arguments.port) as sock:
        server = _GatewayServer(app, url_of(arguments.host, sock))
        server.run(sockets=[sock])
        return 0 if server.started else 1


class _GatewayServer(uvicorn.Server):
    """A server that says where it is; what it is asked is not logged: addresses carry tokens."""

    def __init__(self, app: Application, url: str) -> None:
        # Where nobody needs a token, any page in a browser of this machine could come in.
        guarded = RequestGuard(app, trusted_hosts(())) if app.open else app
        super().__init__(
            uvicorn.Config(
                guarded,
                http="h11",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        if self.started:
            say(f"serving at {self._url}: set REPLICATE_BASE_URL to it, Ctrl-C to stop", Sign.GOOD)


def _application(arguments: argparse.Namespace) -> Application:
    try:
        from cogfal.gateway import application  # noqa: PLC0415  # needs an extra
    except ModuleNotFoundError as error:
        raise SettingError(
            f"the gateway needs {error.name}", remedy='pip install "cogfal[gateway]"'
        ) from error
    return application(
        _targets(arguments.targets),
        token_file=arguments.token_file,
        key=os.environ.get("FAL_KEY") if arguments.token_file else None,
        allow_private_hosts=arguments.allow_private_hosts,
    )


def _targets(given: list[str]) -> dict[str, str]:
    targets: dict[str, str] = {}
    for each in given:
        name, sign, target = each.partition("=")
        if not sign:
            raise CommandFailed(f"{each!r} names no target; write owner/name=fal-owner/app")
        if name in targets:
            raise CommandFailed(f"{name!r} is given twice")
        targets[name] = target
    return targets

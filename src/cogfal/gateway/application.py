"""Make the ASGI application of a gateway."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cogfal.errors import SettingError
from cogfal.gateway.callers import Entrance, Judge, OwnKeys, judged, read_tokens
from cogfal.gateway.catalogue import Catalogue
from cogfal.gateway.gateway import Gateway
from cogfal.gateway.memory import Limits
from cogfal.gateway.refusals import Refusal
from cogfal.gateway.routes import Routes, absent

LOG = logging.getLogger("cogfal.gateway")


class Application:
    """A gateway as an ASGI application.

    Mounted in another application, whose lifespan it does not see, it begins with its first
    request; `await aclose()` ends what is under way in it. `open` says that nobody needs a token.
    """

    def __init__(self, gateway: Gateway, entrance: Entrance) -> None:
        self.open = isinstance(entrance, OwnKeys) and not entrance.needed
        self._gateway = gateway
        self._app = Starlette(
            routes=Routes(gateway, entrance).all(),
            exception_handlers={404: _absent, 405: _absent},
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's lifespan."""
        await self._app(scope, receive, send)

    async def aclose(self) -> None:
        """End what is under way here; calls on fal's queue go on there."""
        await self._gateway.aclose()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.aclose()


async def _absent(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return Refusal(405, "Not allowed", "This has another method.").response()
    return await absent(request)


def application(
    targets: Mapping[str, str],
    *,
    allow: Judge | None = None,
    token_file: str | Path | None = None,
    key: str | None = None,
    limits: Limits | None = None,
    allow_private_hosts: bool = False,
) -> Application:
    """Make a gateway: an ASGI application that speaks Replicate's HTTP API.

    Without `allow` and `token_file` each caller's token is their own fal key. With one of them the
    gateway calls fal with `key`, and strangers are answered with 401.

    Args:
        targets: Maps `owner/name`, or `owner/name:version` for the version ids that callers name,
            to an app on fal (`owner/app`) or to the address of one cogfal app or Cog server.
        allow: Returns the name of whoever sent a request, or None for a stranger; may be async.
        token_file: A file that only its owner may read, with a line `name token` for each caller.
        key: The fal key of the gateway, `id:secret`.
        limits: Bounds of what is kept and taken.
        allow_private_hosts: Whether webhooks may go to private and loopback addresses.

    Raises:
        SettingError: A target, the file of tokens or the key is missing or wrong.
    """
    catalogue = Catalogue(targets)
    entrance = _entrance(catalogue, allow, token_file, key)
    gateway = Gateway(
        catalogue, limits or Limits(), allow_private_hosts=allow_private_hosts, log=LOG.warning
    )
    return Application(gateway, entrance)


def _entrance(
    catalogue: Catalogue, allow: Judge | None, token_file: str | Path | None, key: str | None
) -> Entrance:
    if allow is not None and token_file is not None:
        raise SettingError(
            "both a function and a file of tokens say who may come in", remedy="keep one"
        )
    if allow is None and token_file is None:
        if key is not None:
            raise SettingError(
                "the gateway has a fal key, and nobody says who may use it",
                remedy="give `allow` or `token_file`, or leave the key to each caller",
            )
        return OwnKeys(needed=catalogue.on_fal)
    if key is None and catalogue.on_fal:
        raise SettingError(
            "the gateway says who may come in, and has no fal key to call with",
            remedy="give it one: `key`, or FAL_KEY for the command",
        )
    if allow is not None:
        return judged(allow, key)
    assert token_file is not None
    return read_tokens(Path(token_file), key)

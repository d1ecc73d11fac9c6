"""Gateways inside of this process, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import httpx
from starlette.types import ASGIApp

from cogfal.gateway import application

R = TypeVar("R")
TOKENS: Final = {"alice": "alices-token-0123456789", "bob": "bobs-token-0123456789"}
NOWHERE: Final = {"me/model": "http://127.0.0.1:9"}
"""A model whose app is not there."""


def asked(ask: Callable[[httpx.AsyncClient], Awaitable[R]], app: ASGIApp | None = None) -> R:
    """Return what `ask` gives, which has a client of the gateway."""

    async def run() -> R:
        gateway = app or application(NOWHERE)
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.invalid") as one:
            try:
                return await ask(one)
            finally:
                close: Any = getattr(gateway, "aclose", None)
                if close is not None:
                    await close()

    return asyncio.run(run())


def as_caller(name: str) -> dict[str, str]:
    """Return the headers of somebody with a token."""
    return {"Authorization": f"Bearer {TOKENS[name]}"}

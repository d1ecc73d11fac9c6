"""Ask apps for their OpenAPI documents, each once for each caller, and keep the answers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

import httpx

from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Address, FalApp, Version
from cogfal.gateway.cog_client import CogClient, TooMuch
from cogfal.gateway.fal_queue import run_address
from cogfal.gateway.refusals import Refusal
from cogfal.spec import JSON

KEPT: Final = 500
PATIENCE: Final = 20.0
"""Seconds within which a caller is answered: Python's client hangs up after 30."""

ASKING: Final = 600.0
"""Seconds that an app may take to start and say what it is."""


class Documents:
    """The OpenAPI documents of apps, by version and caller.

    fal has no documented way to read an app's document without starting the app, so each is asked
    for when somebody wants it, and then kept.
    """

    def __init__(self, client: CogClient) -> None:
        self._client = client
        self._asked: OrderedDict[tuple[str, str], asyncio.Task[JSON]] = OrderedDict()

    def known(self, version: Version, caller: Caller) -> JSON:
        """Return a version's document if it is here, else None."""
        task = self._asked.get((version.id, caller.name))
        ready = task is not None and task.done() and not task.cancelled()
        return task.result() if task is not None and ready and not task.exception() else None

    async def get(self, version: Version, caller: Caller) -> JSON:
        """Return a version's document; raise Refusal where it cannot be had now."""
        place = (version.id, caller.name)
        task = self._asked.get(place)
        if task is None:
            task = self._asked[place] = asyncio.ensure_future(self._ask(version, caller))
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)[1].cancel()
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            raise Refusal(503, "Not ready", "The app is starting. Ask again.", retry_after=5)
        if task.cancelled() or task.exception() is not None:
            self._asked.pop(place, None)
        return task.result()

    def close(self) -> None:
        """Cancel what is being asked."""
        for task in self._asked.values():
            task.cancel()

    async def _ask(self, version: Version, caller: Caller) -> JSON:
        match version.target:
            case Address(url):
                headers: dict[str, str] = {}
            case FalApp(app):
                url = run_address(app)
                headers = {"Authorization": f"Key {caller.key}"}
        try:
            answer = await self._client.send(
                "GET", f"{url}/openapi.json", headers=headers, seconds=ASKING
            )
        except (httpx.HTTPError, TooMuch) as error:
            raise Refusal(
                502, "No document", f"The app cannot be asked: {type(error).__name__}."
            ) from error
        if answer.status in (401, 403):
            raise Refusal(401, "Unauthenticated", "fal refuses this key.")
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise Refusal(502, "No document", f"The app answered with status {answer.status}.")
        return answer.body

"""What a gateway keeps, and how much: the calls that it began, apps' documents; and calls' ids.

An id of something on fal's queue says all that is needed to ask for it there, so that every gateway
with the same models can answer: p or t for prediction or training, then 24 characters of base 32
for the version's mark, the second it was made and a tag of its caller, then fal's request id.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final, NamedTuple

import httpx

from cogfal.gateway.call import GatewayCall
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import FalApp, Kind, Version
from cogfal.gateway.cog_client import CogClient, TooMuch
from cogfal.gateway.fal_queue import authorization
from cogfal.gateway.replicate_messages import Refusal
from cogfal.spec import JSON

MIB: Final = 1024 * 1024
PAGE = 100
"""Calls in a list."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway; sizes are bytes, times seconds.

    Attributes:
        body: Of one request's JSON; of four of them, and smaller ones, that are held at once.
        answer: Of what an app answers to one prediction.
        file: Of one uploaded file.
        files: Of all files that the gateway keeps itself.
        stream: Of the events of one prediction that are kept for readers who come back.
        state: Of everything that is remembered of predictions.
        predictions: How many predictions are remembered.
        waiting: How many predictions may be followed or wait for a directly addressed app.
        file_seconds: How long a file stays.
    """

    body: int = 100 * MIB
    answer: int = 256 * MIB
    file: int = 100 * MIB
    files: int = 2048 * MIB
    stream: int = 4 * MIB
    state: int = 512 * MIB
    predictions: int = 10_000
    waiting: int = 1000
    file_seconds: int = 24 * 3600


class Memory:
    """The latest calls; those on fal's queue live on there when they are forgotten here."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._calls: dict[str, GatewayCall] = {}
        self._tickets: dict[str, GatewayCall] = {}

    def check_room(self) -> None:
        """Raise Refusal where too many calls are followed already."""
        if len(self.tasks()) >= self._limits.waiting:
            raise Refusal(
                429,
                "Too many predictions",
                f"{self._limits.waiting} predictions are under way here. Try again later.",
                retry_after=5,
            )

    def keep(self, call: GatewayCall) -> None:
        """Remember a call, and forget old ones where there is no room."""
        self._calls[call.id] = call
        if call.kind is Kind.PREDICTION:
            call.ticket = secrets.token_urlsafe(32)
            self._tickets[call.ticket] = call
        self.make_room()

    def make_room(self) -> None:
        """Forget the oldest calls that can be forgotten, until the rest is within the limits."""
        size = sum(call.size for call in self._calls.values())
        for call in [*self._calls.values()]:
            if len(self._calls) <= self._limits.predictions and size <= self._limits.state:
                return
            # Its state is on fal's queue, and nobody follows it.
            elsewhere = call.task is None and not is_direct(call.id)
            if elsewhere or call.state.ended:
                size -= call.size
                self.forget(call)

    def forget(self, call: GatewayCall) -> None:
        """Forget a call."""
        del self._calls[call.id]
        if call.ticket is not None:
            del self._tickets[call.ticket]

    def get(self, name: str, caller: str) -> GatewayCall | None:
        """Return a call of this caller's."""
        call = self._calls.get(name)
        return call if call is not None and call.caller.name == caller else None

    def streamed(self, ticket: str) -> GatewayCall | None:
        """Return the call whose stream's address carries `ticket`."""
        return self._tickets.get(ticket)

    def of(self, caller: str) -> list[GatewayCall]:
        """Return the latest calls of a caller, newest first."""
        own = (call for call in reversed(self._calls.values()) if call.caller.name == caller)
        return [call for call, _ in zip(own, range(PAGE), strict=False)]

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return what follows the calls that have not ended."""
        calls = self._calls.values()
        return [call.task for call in calls if call.task is not None and not call.state.ended]


KEPT: Final = 500
"""Documents that are kept."""

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
        url = f"{version.target.url}/openapi.json"
        on_fal = isinstance(version.target, FalApp)
        headers = authorization(caller) if on_fal else {}
        try:
            answer = await self._client.send("GET", url, headers=headers, seconds=ASKING)
        except (httpx.HTTPError, TooMuch) as error:
            raise Refusal(
                502, "No document", f"The app cannot be asked: {type(error).__name__}."
            ) from error
        if answer.status in (401, 403):
            raise Refusal(401, "Unauthenticated", "fal refuses this key.")
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise Refusal(502, "No document", f"The app answered with status {answer.status}.")
        return answer.body


_ID: Final = re.compile(r"(?P<kind>[pt])(?P<head>[a-z2-7]{24})(?P<request>[A-Za-z0-9_-]{1,64})")
_DIRECT: Final = re.compile(r"[qu][a-z2-7]{26}")
_LETTERS: Final = {Kind.PREDICTION: "p", Kind.TRAINING: "t"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}


class Queued(NamedTuple):
    """What the id of something on fal's queue says; `mark` is its version's."""

    kind: Kind
    mark: bytes
    created_at: datetime
    request_id: str


def queued_id(kind: Kind, version: Version, request_id: str, caller: Caller) -> str:
    """Return the id of something that was put on fal's queue just now."""
    return _encoded(kind, version.mark + int(time.time()).to_bytes(5, "big"), request_id, caller)


def _encoded(kind: Kind, head: bytes, request_id: str, caller: Caller) -> str:
    letter = _LETTERS[kind]
    tag = caller.tag(letter.encode() + head + request_id.encode())
    return letter + base64.b32encode(head + tag).decode().lower() + request_id


def read_id(text: str, caller: Caller) -> Queued | None:
    """Return what an id says; None where it is none, or none of this caller's."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    head = base64.b32decode(found["head"].upper())[:10]
    kind, request_id = _KINDS[found["kind"]], found["request"]
    if not secrets.compare_digest(_encoded(kind, head, request_id, caller), text):
        return None
    seconds = int.from_bytes(head[5:], "big")
    if seconds > time.time() + 24 * 3600:
        return None
    return Queued(kind, head[:5], datetime.fromtimestamp(seconds, timezone.utc), request_id)


def direct_id(kind: Kind) -> str:
    """Return the id of something whose state this gateway alone has."""
    letter = "q" if kind is Kind.PREDICTION else "u"
    return letter + base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip("=")


def is_direct(text: str) -> bool:
    """Tell whether an id can be of something whose state one gateway alone has."""
    return _DIRECT.fullmatch(text) is not None

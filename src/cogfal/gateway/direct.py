"""Run predictions at one address: wait for a place, follow what happens, cancel.

The app forgets a prediction when it has answered, so its state is kept here. An app whose model
streams tells what happens as it happens; of others it is asked now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import httpx

from cogfal.gateway.call import FAILED, GatewayCall, State, failed, state_of
from cogfal.gateway.catalogue import Kind
from cogfal.gateway.cog_client import EVENTS, CogAnswer, CogClient, SentEvent, TooMuch
from cogfal.gateway.refusals import Refusal, not_found, unfit
from cogfal.spec import JSON

FULL: Final = frozenset({409, 429, 503})
PAUSE: Final = 0.5
"""Seconds until a full app is asked again, unless something ends here first."""

SETTLED: Final = 0.05
"""Seconds after which an app that has not refused a prediction has taken it."""

FIRST_PEEK: Final = 0.25
LONGEST_PEEK: Final = 2.0
"""Seconds between two looks at a prediction that tells nothing by itself, at first and at last."""

_NO_INPUT: Final = "peek"
"""What stands for the inputs in a look: no model takes a text for its inputs, so that an app which
has just ended the prediction does not begin it again."""


class Full(Exception):
    """Report an app that has no place at the moment."""


class DirectApp:
    """One cogfal app or Cog server, which this gateway alone waits for."""

    def __init__(self, url: str, client: CogClient) -> None:
        self._url = url
        self._client = client
        self._line = asyncio.Lock()
        self._moved = asyncio.Event()
        self._streams = True

    async def run(self, call: GatewayCall, values: JSON) -> None:
        """Run a call on the app until it has ended, in whichever way."""
        try:
            call.end(await self._outcome(call, values))
        except Refusal as refusal:
            call.refusal = refusal
            call.end(failed(refusal.detail))
        except (httpx.HTTPError, TooMuch, ValueError) as error:
            call.end(failed(_reason(error)))
        finally:
            self._moved.set()

    async def cancel(self, call: GatewayCall) -> None:
        """Have the app end a prediction that it has taken; tells nothing of success."""
        url = f"{self._url}/{call.kind.value}/{quote(call.id)}/cancel"
        await self._client.send("POST", url, {}, seconds=30)

    async def document(self) -> JSON:
        """Return the app's OpenAPI document."""
        return (await self._client.send("GET", f"{self._url}/openapi.json", seconds=60)).body

    async def _outcome(self, call: GatewayCall, values: JSON) -> State:
        while True:
            # Only the first in the line asks for a place, so that places go by order of arrival.
            async with self._line:
                work = await self._placed(call, values)
            call.placed.set()
            call.passed_on()
            try:
                return await work
            except Full:
                continue
            finally:
                work.cancel()

    async def _placed(self, call: GatewayCall, values: JSON) -> asyncio.Task[State]:
        """Return the work on a call once the app has not refused it at once."""
        while True:
            self._moved.clear()
            work = asyncio.ensure_future(self._work(call, values))
            try:
                await asyncio.wait({work}, timeout=SETTLED)
            except asyncio.CancelledError:
                work.cancel()
                raise
            if not work.done() or not isinstance(work.exception(), Full):
                return work
            await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._moved.wait(), PAUSE)
        except asyncio.TimeoutError:
            return

    async def _work(self, call: GatewayCall, values: JSON) -> State:
        envelope: dict[str, JSON] = {"id": call.id, "input": values}
        if self._streams and call.kind is Kind.PREDICTION:
            state = await self._streamed(call, envelope)
            if state is not None:
                return state
            self._streams = False
        return await self._watched(call, envelope)

    async def _streamed(self, call: GatewayCall, envelope: JSON) -> State | None:
        """Follow the app's events; None where it has none."""
        url = f"{self._url}/predictions"
        async with self._client.exchange("POST", url, envelope, {"Accept": EVENTS}) as response:
            if response.status_code == 406:
                return None
            kind = response.headers.get("content-type", "")
            if response.status_code != 200 or not kind.startswith(EVENTS):
                return outcome(await self._client.whole(response))
            state = None
            async for event in self._client.events(response):
                state = note(call, event) or state
            return state or failed("the app ended without an outcome")

    async def _watched(self, call: GatewayCall, envelope: Mapping[str, JSON]) -> State:
        """Wait for the whole answer, and look meanwhile what there is of it."""
        url = f"{self._url}/{call.kind.value}"
        whole = asyncio.ensure_future(self._client.send("POST", url, envelope))
        pause = FIRST_PEEK
        try:
            while not (await asyncio.wait({whole}, timeout=pause))[0]:
                await self._peek(call)
                pause = min(1.5 * pause, LONGEST_PEEK)
            return outcome(whole.result())
        finally:
            whole.cancel()

    async def _peek(self, call: GatewayCall) -> None:
        url = f"{self._url}/{call.kind.value}/{quote(call.id)}"
        look = {"input": _NO_INPUT}
        try:
            answer = await self._client.send("PUT", url, look, {"Prefer": "respond-async"})
        except httpx.HTTPError:
            return  # the answer itself will tell
        if answer.status in (200, 202) and isinstance(answer.body, dict):
            call.progress(state_of(answer.body))


def note(call: GatewayCall, event: SentEvent) -> State | None:
    """Note an event of Cog's stream; return the state where it is the last one."""
    data = event.data
    match event.name, data:
        case "start", _:
            call.begin()
        case "log", {"data": str(text)}:
            call.log(text)
        case "output", {"chunk": piece}:
            call.put(piece)
        case "completed", dict():
            return state_of(data)
        case "error", {"error": reason}:
            return failed(str(reason))
        case _:
            pass
    return None


def outcome(answer: CogAnswer) -> State:
    """Return the state in which an answer says that a call ended.

    Raises:
        Full: The app has no place, or is not ready yet.
        Refusal: The inputs do not fit, or there is no such thing.
    """
    if answer.status in FULL:
        raise Full
    if answer.status == 422:
        raise unfit(answer.detail)
    if answer.status in (404, 405):
        raise not_found("The app does not do this: has the project a `train`?")
    if answer.status != 200 or not isinstance(answer.body, dict):
        return failed(f"the app answered with status {answer.status}")
    state = state_of(answer.body)
    return state if state.ended else replace(state, status=FAILED, error="the app did not say")


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPError):
        return f"the app cannot be reached: {type(error).__name__}"
    return str(error) or type(error).__name__

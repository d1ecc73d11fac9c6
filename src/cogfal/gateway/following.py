"""Follow a call on fal's queue to its end, for those who wait, listen or have a webhook."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from cogfal.gateway.call import Call, State, canceled, failed
from cogfal.gateway.cog_client import EVENTS, CogClient, SentEvent, TooMuch
from cogfal.gateway.direct import Full, note, outcome
from cogfal.gateway.fal_queue import FalQueue, run_address
from cogfal.gateway.refusals import Refusal
from cogfal.spec import JSON

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
AFTER_TROUBLE: Final = 5.0


async def follow_queue(call: Call, queue: FalQueue, key: str, app: str, request_id: str) -> None:
    """Look at a call until it has ended; trouble on the way there is tried again."""
    pause = FIRST_PAUSE
    while not call.state.ended:
        try:
            state = await queue.look(key, app, request_id)
        except Refusal as refusal:
            if refusal.status < 500:
                call.end(failed(refusal.detail))
                return
            await asyncio.sleep(AFTER_TROUBLE)
            continue
        if state.ended:
            call.end(state)
            return
        call.progress(state)
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)


class Unstreamed(Exception):
    """Report an app that does not stream."""


async def follow_stream(call: Call, client: CogClient, key: str, app: str, values: JSON) -> None:
    """Run a prediction by calling the app directly, and tell each piece of its output at once.

    Raises:
        Unstreamed: The model does not stream; nothing was run.
    """
    headers = {"Authorization": f"Key {key}", "Accept": EVENTS}
    address = run_address(app)
    try:
        call.end(
            await _events(call, client, f"{address}/predictions", {"input": values}, headers)
            or await _pieces(call, client, f"{address}/stream", values, headers)
        )
    except Refusal as refusal:
        call.refusal = refusal
        call.end(failed(refusal.detail))
    except Full:
        call.end(failed("the app had no place for a stream"))
    except asyncio.CancelledError:
        call.end(canceled())
        raise
    except (httpx.HTTPError, TooMuch, ValueError) as error:
        call.end(failed(f"the app cannot be streamed from: {type(error).__name__}"))


async def _events(
    call: Call, client: CogClient, url: str, envelope: JSON, headers: dict[str, str]
) -> State | None:
    """Follow Cog's events; None where the model has none."""
    async with client.exchange("POST", url, envelope, headers) as response:
        if response.status_code == 406:
            return None
        if not _streams(response):
            return outcome(await client.whole(response))
        call.placed.set()
        last = None
        async for event in client.events(response):
            last = note(call, event) or last
        return last or failed("the app ended without an outcome")


async def _pieces(
    call: Call, client: CogClient, url: str, values: JSON, headers: dict[str, str]
) -> State:
    """Follow the pieces of fal's stream, which apps of cogfal have for every iterator."""
    async with client.exchange("POST", url, values, headers) as response:
        if response.status_code in (404, 405):
            raise Unstreamed
        if not _streams(response):
            return outcome(await client.whole(response))
        call.placed.set()
        call.begin()
        last = None
        async for event in client.events(response):
            last = _note_piece(call, event) or last
        return last or failed("the app ended without an outcome")


def _note_piece(call: Call, event: SentEvent) -> State | None:
    match event.data:
        case {"error": reason}:
            return failed(str(reason))
        case {"completed": True}:
            return State("succeeded", output=call.state.output)
        case {"index": int(), **rest} if len(rest) == 1:
            call.put(addressed(next(iter(rest.values()))))
        case _:
            pass
    return None


def addressed(value: JSON) -> JSON:
    """Return a value with the address of each file in place of what fal's doors say of it."""
    match value:
        case {"url": str(url), "content_type": _}:
            return url
        case list():
            return [addressed(one) for one in value]
        case dict():
            return {name: addressed(one) for name, one in value.items()}
        case _:
            return value


def _streams(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and kind.startswith(EVENTS)

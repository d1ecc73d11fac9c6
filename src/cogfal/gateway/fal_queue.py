"""Speak to fal's queue with a caller's key, put, look and cancel, and follow a call to its end.

Everything goes to fal's own hosts: the addresses that answers name are not used, and no redirect is
followed.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from operator import itemgetter
from typing import Final

import fal_client
import httpx

from cogfal.answers import detail_of, map_media
from cogfal.gateway.call import PROCESSING, GatewayCall, State, canceled, failed
from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import FalApp
from cogfal.gateway.cog_client import (
    EVENTS,
    CogAnswer,
    CogClient,
    SentEvent,
    TooMuch,
    follow,
    is_stream,
    outcome,
    streamed,
)
from cogfal.gateway.replicate_messages import Refusal, not_found, unfit
from cogfal.spec import JSON

ANSWER_SECONDS: Final = 120.0
RESULT_SECONDS: Final = 20.0
CANCELLED: Final = frozenset({"client_cancelled", "client_disconnected"})
UNAVAILABLE_AGAIN: Final = 5
_PASSING: Final = frozenset({408, 502, 503, 504})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class FalQueue:
    """fal's queue, on behalf of whoever has a key; every method raises Refusal."""

    def __init__(self, client: CogClient) -> None:
        self._client = client

    async def put(self, call: GatewayCall, values: JSON) -> None:
        """Put a call on the queue, and note fal's request id."""
        found = _object(await self._ask(call, "POST", call.kind.value, {"input": values}))
        request_id = found.get("request_id")
        if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
            raise _unreadable("It has no request id.")
        call.request_id = request_id

    async def look(self, call: GatewayCall) -> State:
        """Return where a call stands."""
        place = f"requests/{call.request_id}"
        found = _object(await self._ask(call, "GET", f"{place}/status?logs=true"))
        logs = "".join(f"{line.get('message', '')}\n" for line in found.get("logs") or [])
        match found.get("status"):
            case "IN_QUEUE":
                return State()
            case "IN_PROGRESS":
                return State(PROCESSING, logs=logs)
            case "COMPLETED":
                state = await self._result(call, place, found)
                return replace(state, logs=state.logs or logs)
            case other:
                raise _unreadable(f"It has the status {other!r}.")

    async def cancel(self, call: GatewayCall) -> bool:
        """Ask for the end of a call; tell whether it was under way."""
        try:
            await self._ask(call, "PUT", f"requests/{call.request_id}/cancel")
        except Refusal as refusal:
            if refusal.status == 400:
                return False
            raise
        return True

    async def upload(self, key: str, data: bytes, kind: str, name: str, seconds: int) -> str:
        """Put a file on fal's CDN for so many seconds and return its address.

        Only there: what fal-client falls back to would send the key along to a host that an answer
        names.
        """
        lifecycle = fal_client.StorageSettings(expires_in=seconds)
        client = fal_client.AsyncClient(key=key)
        try:
            return await client.upload(
                data, kind, name, repository="fal_v3", fallback_repository=[], lifecycle=lifecycle
            )
        except (fal_client.FalClientHTTPError, httpx.HTTPStatusError) as error:
            raise _refusal(error.response.status_code, detail_of(error.response.text)) from error
        except (httpx.HTTPError, fal_client.FalClientError) as error:
            raise _unreachable(error) from error
        except (KeyError, ValueError) as error:
            raise _unreadable(type(error).__name__) from error

    async def _ask(
        self, call: GatewayCall, method: str, place: str, body: JSON = None
    ) -> CogAnswer:
        try:
            answer = await self._send(call, method, place, body)
        except (httpx.HTTPError, TooMuch) as error:
            raise _unreachable(error) from error
        if not 200 <= answer.status < 300:
            raise _refusal(answer.status, answer.detail)
        return answer

    async def _send(
        self, call: GatewayCall, method: str, place: str, body: JSON = None
    ) -> CogAnswer:
        assert isinstance(call.version.target, FalApp)
        url, headers = f"{call.version.target.queue_url}/{place}", authorization(call.caller)
        return await self._client.send(method, url, body, headers, seconds=ANSWER_SECONDS)

    async def _result(self, call: GatewayCall, place: str, status: dict[str, JSON]) -> State:
        try:
            answer = await asyncio.wait_for(self._send(call, "GET", place), RESULT_SECONDS)
        except (asyncio.TimeoutError, httpx.HTTPError) as error:
            if status.get("error") is None:
                raise _unreachable(error) from error
            return failed(str(status["error"]))
        except TooMuch as error:
            return failed(str(error))
        told = answer.body if isinstance(answer.body, dict) else {}
        kind = told.get("error_type") or status.get("error_type")
        if answer.status == 499 or kind in CANCELLED:
            return canceled()
        if answer.status == 200:
            return outcome(answer)
        if answer.status == 404:
            raise not_found("fal has no result of this any more.")
        if answer.status == 422:
            return failed(unfit(answer.detail).detail)
        if status.get("error") is None and _is_fals_trouble(answer):
            raise _refusal(answer.status, answer.detail)
        why = answer.detail or status.get("error")
        return failed(str(why or f"the app answered with status {answer.status}"))


def _is_fals_trouble(answer: CogAnswer) -> bool:
    """Tell an answer of fal's, or of what stands before it, from an app's, which is JSON."""
    return answer.status == 429 or (answer.status in _PASSING and answer.body is None)


def authorization(caller: Caller) -> dict[str, str]:
    """Return the headers with which fal is asked for a caller; raise Refusal without a key."""
    if caller.key is None:
        raise Refusal(
            401, "Unauthenticated", "This model is on fal: send a fal key as token, id:secret."
        )
    return {"Authorization": f"Key {caller.key}"}


def _object(answer: CogAnswer) -> dict[str, JSON]:
    if not isinstance(answer.body, dict):
        raise _unreadable(answer.unreadable or "It is no object.")
    return answer.body


def _unreadable(why: str) -> Refusal:
    return Refusal(502, "fal's answer cannot be read", why)


def _unreachable(error: Exception) -> Refusal:
    return Refusal(
        503, "fal cannot be reached", type(error).__name__, retry_after=UNAVAILABLE_AGAIN
    )


def _refusal(status: int, detail: JSON) -> Refusal:
    text = "" if detail is None else str(detail)[:2000]
    match status:
        case 401 | 403:
            return Refusal(401, "Unauthenticated", f"fal refuses this key: {text}")
        case 404:
            return not_found(f"fal has no such thing: {text}")
        case 422:
            return unfit(detail)
        case 400 | 402 | 413 | 429:
            again = UNAVAILABLE_AGAIN if status == 429 else None
            return Refusal(status, "fal refused", text, retry_after=again)
        case _ if status in _PASSING:
            what = f"It answered with status {status}."
            return Refusal(503, "fal cannot be reached", what, retry_after=UNAVAILABLE_AGAIN)
        case _:
            return Refusal(502, "fal failed", f"fal answered with {status}: {text}")


FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
AFTER_TROUBLE: Final = 5.0


async def follow_queue(call: GatewayCall, queue: FalQueue) -> State:
    """Look at a call until it has ended; trouble on the way there is tried again."""
    pause = FIRST_PAUSE
    while True:
        try:
            state = await queue.look(call)
        except Refusal as refusal:
            if refusal.status < 500 and refusal.retry_after is None:
                return failed(refusal.detail)
            await asyncio.sleep(AFTER_TROUBLE)
            continue
        if state.ended:
            return state
        call.progress(state)
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, LONGEST_PAUSE)


class Unstreamed(Exception):
    """Report an app that does not stream."""


async def follow_stream(call: GatewayCall, client: CogClient, values: JSON) -> State:
    """Run a prediction by calling the app directly, and tell each piece of its output at once.

    Raises:
        Unstreamed: The model does not stream; nothing was run.
        Full: The app has no place.
    """
    headers, url = {**authorization(call.caller), "Accept": EVENTS}, call.version.target.url
    told = await streamed(call, client, f"{url}/predictions", {"input": values}, headers)
    return told or await _pieces(call, client, f"{url}/stream", values, headers)


async def _pieces(
    call: GatewayCall, client: CogClient, url: str, values: JSON, headers: dict[str, str]
) -> State:
    """Follow the pieces of fal's stream, which apps of cogfal have for every iterator."""
    async with client.exchange("POST", url, values, headers) as response:
        if response.status_code in (404, 405):
            raise Unstreamed
        if is_stream(response):
            call.begin()
        return await follow(call, client, response, _note_piece)


def _note_piece(call: GatewayCall, event: SentEvent) -> State | None:
    match event.data:
        case {"error": reason}:
            return failed(str(reason))
        case {"completed": True}:
            return State("succeeded", output=call.state.output)
        case {"index": int(), **rest} if len(rest) == 1:
            # The address of each file, in place of what fal's endpoint says of it.
            call.put(map_media(next(iter(rest.values())), itemgetter("url")))
        case _:
            pass
    return None

"""Speak to fal's queue with a caller's key, put, look and cancel, and follow a call to its end.

Everything goes to fal's own hosts: the addresses that answers name are not used, and the client
follows no redirect.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

import fal_client
import httpx

from cogfal.answers import map_media
from cogfal.gateway.call import PROCESSING, GatewayCall, State, canceled, failed, state_of
from cogfal.gateway.catalogue import Kind, run_address
from cogfal.gateway.cog_client import (
    EVENTS,
    CogClient,
    Full,
    SentEvent,
    TooMuch,
    follow,
    is_stream,
    streamed,
)
from cogfal.gateway.replicate_messages import Refusal, not_found, unfit
from cogfal.spec import JSON

CLIENTS: Final = 200
"""Keys whose connections are kept."""

RESULT_SECONDS: Final = 20.0
CANCELLED: Final = frozenset({"client_cancelled", "client_disconnected"})
UNAVAILABLE_AGAIN: Final = 5


class FalQueue:
    """fal's queue, on behalf of whoever has a key."""

    def __init__(self) -> None:
        self._clients: OrderedDict[bytes, fal_client.AsyncClient] = OrderedDict()

    async def put(self, key: str, app: str, kind: Kind, values: JSON) -> str:
        """Put a call on the queue and return fal's request id; raise Refusal."""
        with _translated():
            handle = await self._client(key).submit(app, {"input": values}, path=kind.value)
        return str(handle.request_id)

    async def look(self, key: str, app: str, request_id: str) -> State:
        """Return where a call stands; raise Refusal where fal has none."""
        handle = await self._handle(key, app, request_id)
        with _translated():
            status = await handle.status(with_logs=True)
        match status:
            case fal_client.Completed():
                return await self._result(handle, status)
            case fal_client.InProgress():
                return State(PROCESSING, logs=_logs(status.logs))
            case _:
                return State()

    async def cancel(self, key: str, app: str, request_id: str) -> bool:
        """Ask for the end of a call; tell whether it was under way."""
        handle = await self._handle(key, app, request_id)
        try:
            with _translated():
                await handle.cancel()
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
        with _translated():
            return await self._client(key).upload(
                data,
                kind,
                name,
                repository="fal_v3",
                fallback_repository=[],
                lifecycle=lifecycle,
            )

    def _client(self, key: str) -> fal_client.AsyncClient:
        digest = sha256(key.encode()).digest()
        client = self._clients.pop(digest, None) or fal_client.AsyncClient(key=key)
        self._clients[digest] = client
        while len(self._clients) > CLIENTS:
            self._clients.popitem(last=False)
        return client

    async def _handle(self, key: str, app: str, request_id: str) -> fal_client.AsyncRequestHandle:
        return await self._client(key).get_handle(app, request_id)

    async def _result(
        self, handle: fal_client.AsyncRequestHandle, status: fal_client.Completed
    ) -> State:
        try:
            body: JSON = await asyncio.wait_for(handle.get(), RESULT_SECONDS)
        except fal_client.FalClientHTTPError as error:
            return replace(_failure(error, status), logs=_logs(status.logs))
        except (asyncio.TimeoutError, httpx.HTTPError) as error:
            if status.error is None:
                raise _unreachable(error) from error
            return replace(failed(status.error), logs=_logs(status.logs))
        except (ValueError, KeyError):  # no JSON, or a status that is none
            return replace(failed("the app's answer cannot be read"), logs=_logs(status.logs))
        if not isinstance(body, dict):
            return failed("the app did not answer as Cog's HTTP API does")
        state = state_of(body)
        return state if state.ended else failed("the app did not say how it ended")


def _failure(error: fal_client.FalClientHTTPError, status: fal_client.Completed) -> State:
    """Return what became of a call whose app answered with an error."""
    kind = error.error_type or status.error_type
    if error.status_code == 499 or kind in CANCELLED:
        return canceled()
    if error.status_code == 404:
        raise not_found("fal has no result of this any more.") from error
    detail: Any = error.message
    if error.status_code == 422:
        return failed(unfit(detail).detail)
    return failed(str(detail or status.error or f"the app answered with {error.status_code}"))


def _logs(lines: list[dict[str, Any]] | None) -> str:
    return "".join(f"{line.get('message', '')}\n" for line in lines or [])


@contextmanager
def _translated() -> Iterator[None]:
    """Say in the form of the gateway what fal refuses."""
    try:
        yield
    except fal_client.FalClientHTTPError as error:
        raise _refusal(error) from error
    except httpx.HTTPStatusError as error:
        raise Refusal(502, "fal refused", f"{error.response.status_code}") from error
    except (httpx.HTTPError, fal_client.FalClientError) as error:
        raise _unreachable(error) from error
    except (KeyError, ValueError) as error:
        raise Refusal(502, "fal's answer cannot be read", type(error).__name__) from error


def _refusal(error: fal_client.FalClientHTTPError) -> Refusal:
    detail = str(error.message)[:2000]
    match error.status_code:
        case 401 | 403:
            return Refusal(401, "Unauthenticated", f"fal refuses this key: {detail}")
        case 404:
            return not_found(f"fal has no such thing: {detail}")
        case 422:
            return unfit(error.message)
        case 400 | 402 | 413 | 429:
            return Refusal(error.status_code, "fal refused", detail)
        case _:
            return Refusal(502, "fal failed", f"fal answered with {error.status_code}: {detail}")


def _unreachable(error: Exception) -> Refusal:
    return Refusal(
        503,
        "fal cannot be reached",
        type(error).__name__,
        retry_after=UNAVAILABLE_AGAIN,
    )


FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
AFTER_TROUBLE: Final = 5.0


async def follow_queue(
    call: GatewayCall, queue: FalQueue, key: str, app: str, request_id: str
) -> None:
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


async def follow_stream(
    call: GatewayCall, client: CogClient, key: str, app: str, values: JSON
) -> None:
    """Run a prediction by calling the app directly, and tell each piece of its output at once.

    Raises:
        Unstreamed: The model does not stream; nothing was run.
    """
    headers = {"Authorization": f"Key {key}", "Accept": EVENTS}
    address = run_address(app)
    try:
        call.end(
            await streamed(call, client, f"{address}/predictions", {"input": values}, headers)
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
    except httpx.HTTPError as error:
        call.end(failed(f"the app cannot be streamed from: {type(error).__name__}"))
    except (TooMuch, ValueError) as error:
        call.end(failed(str(error)))


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
            call.put(addressed(next(iter(rest.values()))))
        case _:
            pass
    return None


def addressed(value: JSON) -> JSON:
    """Return a value with the address of each file in place of what fal's endpoint says of it."""
    return map_media(value, itemgetter("url"))

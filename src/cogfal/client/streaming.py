"""Ask an app directly, without fal's queue: its output as it is made, and its document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import fal_client
import httpx
from fal_client.auth import fetch_auth_credentials
from fal_client.client import RUN_URL_FORMAT
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse, connect_sse

from cogfal.answers import is_piece
from cogfal.client.failures import call_failed, translated
from cogfal.client.file_output import revived, upload, upload_async
from cogfal.spec import JSON

PATH = "/stream"
TIMEOUT = 600.0  # seconds, as an app may have to start first


def stream(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = PATH,
    key: str | None = None,
) -> Iterator[Any]:
    """Yield a model's output piece by piece, as its predictor yields it, files as `FileOutput`s.

    The app is called directly, without fal's queue. Leaving the loop cancels the prediction.

    Raises:
        CallFailed: As with `run`, also in the middle of the output.
    """
    with translated():
        values = upload(input or {}, fal_client.SyncClient(key=key))
        with (
            httpx.Client(timeout=None) as http,  # noqa: S113  # a piece may take its time
            connect_sse(
                http, "POST", address(app, path), json=values, headers=credentials(key)
            ) as source,
        ):
            if source.response.is_error:
                source.response.read()
            _check(source)
            for event in source.iter_sse():
                yield from _pieces(event)


async def stream_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = PATH,
    key: str | None = None,
) -> AsyncIterator[Any]:
    """Yield a model's output as `stream` does; cancelling the task cancels the prediction."""
    with translated():
        values = await upload_async(input or {}, key)
        async with (
            httpx.AsyncClient(timeout=None) as http,  # noqa: S113  # as above
            aconnect_sse(
                http, "POST", address(app, path), json=values, headers=credentials(key)
            ) as source,
        ):
            if source.response.is_error:
                await source.response.aread()
            _check(source)
            async for event in source.aiter_sse():
                for piece in _pieces(event):
                    yield piece


def address(app: str, path: str) -> str:
    """Return the URL at which an app answers directly."""
    return f"{RUN_URL_FORMAT}{app}/{path.lstrip('/')}"


def credentials(key: str | None) -> dict[str, str]:
    """Return the headers of whoever calls: with `key`, else with fal-client's credentials."""
    return {"Authorization": f"Key {key}"} if key else fetch_auth_credentials().as_headers()


def _check(source: EventSource) -> None:
    """Refuse an answer that is no stream, with what it says."""
    response = source.response
    if response.is_error:
        raise call_failed(response.status_code, detail_of(response))


def detail_of(response: httpx.Response) -> JSON:
    """Return what an answer that is an error says."""
    try:
        body = response.json()
    except ValueError:
        return response.text
    return body.get("detail", response.text) if isinstance(body, dict) else response.text


def _pieces(event: ServerSentEvent) -> Iterator[Any]:
    """Yield the piece that an event holds, if it holds one: the last one repeats the whole."""
    body = event.json()
    if "error" in body:
        raise call_failed(body.get("status", 500), body.get("detail", body["error"]))
    if is_piece(body):
        del body["index"]
        yield from map(revived, body.values())


def document(app: str, *, key: str | None = None) -> dict[str, JSON]:
    """Return an app's OpenAPI document: its inputs, its output, and whether it has `/stream`.

    The app is asked directly, so that it starts where none is running.

    Raises:
        CallFailed: It has none, or cannot be reached.
    """
    with translated():
        url = address(app, "/openapi.json")
        response = httpx.get(url, headers=credentials(key), timeout=TIMEOUT)
        if response.is_error:
            raise call_failed(response.status_code, detail_of(response))
        found: dict[str, JSON] = response.json()
        return found

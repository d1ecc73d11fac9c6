"""Call deployed apps: through fal's queue, or directly for output as it is made.

Files go both ways: local ones in inputs become URLs, and media in outputs objects to read.
"""

from __future__ import annotations

import mimetypes
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import anyio.to_thread
import fal_client
import httpx
from fal_client.auth import MissingCredentialsError, fetch_auth_credentials
from fal_client.client import RUN_URL_FORMAT
from httpx_sse import ServerSentEvent, aconnect_sse, connect_sse

from cogfal import answers
from cogfal.answers import STREAM, detail_of, is_piece, problems_of, refusal
from cogfal.errors import CallFailed
from cogfal.files.data_urls import parse_data_url
from cogfal.files.names import OCTET_STREAM
from cogfal.nested import map_leaves
from cogfal.spec import JSON

TIMEOUT: Final = 600.0  # seconds, as an app may have to start first
Local: TypeAlias = "os.PathLike[str] | BinaryIO"


class RunStatus(str, Enum):
    """Where a submitted call stands, in Cog's words."""

    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A call on the queue; `id` is fal's request id."""

    handle: fal_client.SyncRequestHandle

    @property
    def id(self) -> str:
        """The request id, which fal's logs and webhooks name."""
        return self.handle.request_id

    def status(self) -> RunStatus:
        """Ask where it stands."""
        with translated():
            return _status_of(self.handle.status())

    def logs(self) -> str:
        """Return what it printed so far, a line each."""
        with translated():
            return _logs_of(self.handle.status(with_logs=True))

    def output(self) -> Any:
        """Wait for the end and return the output, files as `FileOutput`s; raises CallFailed."""
        with translated():
            return revived(answers.output_of(self.handle.get()))

    def cancel(self) -> None:
        """Ask for its end; raises CallFailed where it has ended already."""
        with translated():
            self.handle.cancel()


@dataclass(frozen=True, slots=True)
class AsyncRun:
    """A call on the queue, for async code; as `Run`."""

    handle: fal_client.AsyncRequestHandle

    @property
    def id(self) -> str:
        """The request id, which fal's logs and webhooks name."""
        return self.handle.request_id

    async def status(self) -> RunStatus:
        """Ask where it stands."""
        with translated():
            return _status_of(await self.handle.status())

    async def logs(self) -> str:
        """Return what it printed so far, a line each."""
        with translated():
            return _logs_of(await self.handle.status(with_logs=True))

    async def output(self) -> Any:
        """Wait for the end and return the output; cancelling the waiter leaves the call alone."""
        with translated():
            return revived(answers.output_of(await self.handle.get()))

    async def cancel(self) -> None:
        """Ask for its end; raises CallFailed where it has ended already."""
        with translated():
            await self.handle.cancel()


def _status_of(status: fal_client.Status) -> RunStatus:
    match status:
        case fal_client.Queued():
            return RunStatus.STARTING
        case fal_client.InProgress():
            return RunStatus.PROCESSING
        case fal_client.Completed(error=None):
            return RunStatus.SUCCEEDED
        case _:
            return RunStatus.FAILED


def _logs_of(status: fal_client.Status) -> str:
    lines = status.logs if isinstance(status, (fal_client.InProgress, fal_client.Completed)) else []
    return "".join(f"{line['message']}\n" for line in lines or [])


def run(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model and return its output: what `predict` returned, files as `FileOutput`s.

    Paths and open binary files in `input` are uploaded first, at any depth. The call waits in fal's
    queue, so it survives a cold start and is retried by fal as the app says.

    Args:
        app: The app as fal names it, `owner/name`.
        input: The predictor's inputs.
        path: Another endpoint of the app, such as `/train`.
        key: A fal key instead of the configured credentials.

    Raises:
        CallFailed: The app refused the inputs, failed, or cannot be reached.
    """
    return submit(app, input, path=path, key=key).output()


async def run_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model as `run` does; cancelling stops waiting, not the call."""
    return await (await submit_async(app, input, path=path, key=key)).output()


def submit(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> Run:
    """Put a call on the queue and return at once; fal tells `webhook_url` when it has ended."""
    client = fal_client.SyncClient(key=key)
    with translated():
        values = upload(input or {}, client)
        return Run(client.submit(app, values, path=path, webhook_url=webhook_url))


async def submit_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> AsyncRun:
    """Put a call on the queue as `submit` does."""
    client = fal_client.AsyncClient(key=key)
    with translated():
        values = await upload_async(input or {}, key)
        return AsyncRun(await client.submit(app, values, path=path, webhook_url=webhook_url))


def stream(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = STREAM,
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
                raise _refused(source.response)
            for event in source.iter_sse():
                yield from _pieces(event)


async def stream_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = STREAM,
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
                raise _refused(source.response)
            async for event in source.aiter_sse():
                for piece in _pieces(event):
                    yield piece


def address(app: str, path: str) -> str:
    """Return the URL at which an app answers directly."""
    return f"{RUN_URL_FORMAT}{app}/{path.lstrip('/')}"


def credentials(key: str | None) -> dict[str, str]:
    """Return the headers of whoever calls: with `key`, else with fal-client's credentials."""
    return {"Authorization": f"Key {key}"} if key else fetch_auth_credentials().as_headers()


def _refused(response: httpx.Response) -> CallFailed:
    return call_failed(response.status_code, detail_of(response.text))


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
            raise _refused(response)
        found: dict[str, JSON] = response.json()
        return found


@dataclass(frozen=True, slots=True)
class FileOutput:
    """A file that a model made: `url` for whom it is enough, `read()` for the bytes.

    `content_type`, `file_name`, `file_size` in bytes, and for images `width` and `height` in pixels
    are None where the app does not say. Its text is the URL, as with Replicate's client.
    """

    url: str
    content_type: str | None = None
    file_name: str | None = None
    file_size: int | None = None
    width: int | None = None
    height: int | None = None

    def __str__(self) -> str:
        return self.url

    def read(self) -> bytes:
        """Download the file, without credentials; raises httpx.HTTPError where it cannot be had."""
        if self.url.startswith("data:"):
            return b"".join(parse_data_url(self.url).pieces(sys.maxsize))
        response = httpx.get(self.url, follow_redirects=True, timeout=None)  # noqa: S113  # as long as it takes
        return response.raise_for_status().content

    async def aread(self) -> bytes:
        """Download the file as `read` does; cancelling stops the download."""
        if self.url.startswith("data:"):
            return b"".join(parse_data_url(self.url).pieces(sys.maxsize))
        async with httpx.AsyncClient(follow_redirects=True, timeout=None) as client:  # noqa: S113  # as above
            response = await client.get(self.url)
        return response.raise_for_status().content


def upload(values: Mapping[str, Any], client: fal_client.SyncClient) -> dict[str, JSON]:
    """Upload the paths and open files in `values` to fal's CDN; put their URLs in their places."""
    sent: dict[str, JSON] = map_leaves(
        values, lambda each: _send(each, client) if _is_local(each) else each, _is_local
    )
    return sent


async def upload_async(values: Mapping[str, Any], key: str | None) -> dict[str, JSON]:
    """Do as `upload`, off the event loop."""
    return await anyio.to_thread.run_sync(upload, values, fal_client.SyncClient(key=key))


def revived(value: JSON) -> Any:
    """Return `value` with each media object, at any depth, as a `FileOutput`."""
    return answers.map_media(
        value, lambda media: FileOutput(**{n: media[n] for n in FileOutput.__slots__ if n in media})
    )


def _is_local(value: Any) -> bool:
    return isinstance(value, os.PathLike) or hasattr(value, "read")


def _send(file: Local, client: fal_client.SyncClient) -> str:
    if isinstance(file, os.PathLike):
        return client.upload_file(file)
    name = Path(str(getattr(file, "name", "upload"))).name
    return client.upload(file.read(), mimetypes.guess_type(name)[0] or OCTET_STREAM, name)


@contextmanager
def translated() -> Iterator[None]:
    """Raise `CallFailed` for what an app answers instead of a result, or when none answers."""
    try:
        yield
    except fal_client.FalClientHTTPError as error:
        raise call_failed(error.status_code, error.message) from error
    except httpx.HTTPError as error:
        raise CallFailed(f"fal cannot be reached: {str(error) or type(error).__name__}") from error
    except MissingCredentialsError as error:
        raise CallFailed(
            "there are no fal credentials; set FAL_KEY, or log in with `fal auth login`"
        ) from error
    except fal_client.FalClientError as error:
        raise CallFailed(str(error) or type(error).__name__) from error


def call_failed(status: int, detail: JSON) -> CallFailed:
    """Describe the answer of an app; `detail` is its body's, a text or fal's list of problems."""
    return CallFailed(refusal(detail), status=status, problems=problems_of(detail))

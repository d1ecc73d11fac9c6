"""Call an app that runs elsewhere: at a URL, or on fal."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from httpx_sse import EventSource, SSEError

from cogfal.answers import (
    STREAM,
    detail_of,
    fields_of,
    is_piece,
    map_media,
    named_output,
    refusal,
    streaming,
)
from cogfal.cli.console import BadArgument
from cogfal.cli.display import Display, open_display
from cogfal.cli.given_inputs import read_inputs
from cogfal.cli.results import Destination, ResultWriter
from cogfal.errors import CallFailed
from cogfal.files import FetchError, describe, parse_data_url, to_data_url
from cogfal.files.names import name_for
from cogfal.nested import map_leaves
from cogfal.spec import JSON

CHUNK: Final = 2**18  # bytes sent at once


def call_url(arguments: argparse.Namespace) -> int:
    """Call the app at `--url`; files travel as data URLs, an iterator's output is streamed."""
    with _results(arguments) as (values, writer, display, folder), _client(arguments.url) as http:
        try:
            _UrlCall(http, display, folder).write(values, writer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise CallFailed(
                f"{arguments.url} cannot be reached: {error}; is the app running there? "
                "`cogfal serve` starts it on http://127.0.0.1:8080"
            ) from error
        except (ValueError, SSEError, FetchError) as error:
            raise CallFailed(f"{arguments.url} answers what no app would: {error}") from error
    return 0


def call_app(arguments: argparse.Namespace) -> int:
    """Call the app named by `--app`; local files are uploaded first.

    An app that streams is called directly and shown as it goes, any other through fal's queue.
    """
    with _results(arguments) as (values, writer, display, folder):
        try:
            _FalCall(arguments.app, display, folder).write(values, writer)
        except httpx.HTTPError as error:
            raise CallFailed(f"a file of the output cannot be had: {error}") from error
    return 0


@contextmanager
def _results(
    arguments: argparse.Namespace,
) -> Iterator[tuple[dict[str, Any], ResultWriter, Display, Path]]:
    """Read the inputs; yield them, what writes the output, the display, and a folder for files."""
    values = read_inputs(arguments, None)
    destination = Destination(arguments.output)
    with (
        tempfile.TemporaryDirectory(prefix="cogfal-") as folder,
        open_display(sys.stderr, bars=arguments.json_input is None) as display,
    ):
        yield values, ResultWriter(sys.stdout, destination, display), display, Path(folder)


def _client(url: str) -> httpx.Client:
    try:
        return httpx.Client(base_url=url.rstrip("/"), timeout=None)  # noqa: S113  # models take their time
    except httpx.InvalidURL as error:
        raise BadArgument(f"--url {url}: {error}") from error


class _UrlCall:
    """One call, and the files that it brings, which are kept in `folder`.

    Whatever the server answers that is not what an app answers is a ValueError.
    """

    def __init__(self, http: httpx.Client, display: Display, folder: Path) -> None:
        self._http = http
        self._display = display
        self._folder = folder

    def write(self, values: Mapping[str, Any], writer: ResultWriter) -> None:
        """Call the app and write what it answers; raises CallFailed and httpx.HTTPError."""
        self._display.phase("Waiting")
        document = _object(self._http.get("/openapi.json").raise_for_status().json())
        streams, joined = streaming(document)
        fields = fields_of(document)
        body = json.dumps(map_leaves(values, _sendable)).encode()
        for answer in self._stream(body) if streams else self._whole(body):
            output = with_downloads(named_output(answer, fields), self._folder, self._display)
            if is_piece(answer):
                writer.piece(output, answer["index"], joined=joined)
            else:
                writer.whole(output)

    def _whole(self, body: bytes) -> Iterator[dict[str, JSON]]:
        response = self._http.post("/", content=self._sent(body), headers=_headers(body))
        _refuse(response)
        yield _object(response.json())

    def _stream(self, body: bytes) -> Iterator[dict[str, JSON]]:
        content, headers = self._sent(body), _headers(body)
        with self._http.stream("POST", STREAM, content=content, headers=headers) as response:
            if response.is_error:
                response.read()
            _refuse(response)
            for event in EventSource(response).iter_sse():
                answer = _object(event.json())
                if "error" in answer:
                    raise CallFailed(str(answer["error"]), status=answer.get("status"))
                yield answer

    def _sent(self, body: bytes) -> Iterator[bytes]:
        """Yield the body, telling how much of it has gone."""
        progress = self._display.transfer("inputs", len(body), "Uploading")
        for start in range(0, len(body), CHUNK):
            yield body[start : start + CHUNK]
            progress.report(min(start + CHUNK, len(body)))
        self._display.phase("Running")


class _FalCall:
    """One call of a deployed app through cogfal's client, and the files that it brings.

    Raises:
        BadArgument: The client is not installed, which is an optional extra.
    """

    def __init__(self, app: str, display: Display, folder: Path) -> None:
        try:
            from cogfal import client  # noqa: PLC0415  # see the class
        except ImportError as error:
            raise BadArgument(f"--app needs {error.name}: pip install 'cogfal[client]'") from error
        self._client = client
        self._app = app
        self._display = display
        self._folder = folder

    def write(self, values: Mapping[str, Any], writer: ResultWriter) -> None:
        """Call the app and write what it answers; raises CallFailed and httpx.HTTPError."""
        self._display.phase("Waiting for fal")
        streams, joined = self._streaming()
        if not streams:
            writer.whole(self._local(self._client.run(self._app, values)))
            return
        pieces: list[Any] = []
        for index, piece in enumerate(self._client.stream(self._app, values)):
            pieces.append(self._local(piece))
            writer.piece(pieces[-1], index, joined=joined)
        writer.whole("".join(map(str, pieces)) if joined else pieces)

    def _streaming(self) -> tuple[bool, bool]:
        """Ask the app's document whether and how it streams; one without a document does not."""
        try:
            return streaming(self._client.document(self._app))
        except CallFailed as error:
            if error.status is None:
                raise
            return False, False

    def _local(self, value: Any) -> Any:
        def download(leaf: Any) -> Any:
            if not isinstance(leaf, self._client.FileOutput):
                return leaf
            return downloaded(leaf.url, leaf.file_name, self._folder, self._display)

        return map_leaves(value, download)


def _object(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:200]!r} is no JSON object")  # noqa: TRY004  # of the answer
    return value


def with_downloads(value: JSON, folder: Path, display: Display) -> Any:
    """Download the media in `value`; return it with their paths in their places."""

    def download(media: JSON) -> Path:
        name = media.get("file_name")
        return downloaded(media["url"], name if isinstance(name, str) else None, folder, display)

    return map_media(value, download)


def downloaded(url: str, name: str | None, folder: Path, display: Display) -> Path:
    """Put the file at `url` into a directory of its own in `folder`.

    Raises:
        httpx.HTTPError: It cannot be had.
        FetchError: It is no address, or a broken data URL.
    """
    directory = Path(tempfile.mkdtemp(dir=folder))
    if url.startswith("data:"):
        data = parse_data_url(url)
        path = directory / name_for(quote(name or "output"), None, data.content_type)
        with path.open("wb") as written:
            written.writelines(data.pieces(sys.maxsize))
        return path
    if not url.startswith(("http://", "https://")):
        raise FetchError(f"{url[:200]!r} is no address of a file")
    path = directory / name_for(quote(name) if name else urlsplit(url).path, None, None)
    with httpx.stream("GET", url, follow_redirects=True) as response, path.open("wb") as file:
        response.raise_for_status()
        size = response.headers.get("content-length", "")
        progress = display.transfer(path.name, int(size) if size.isdecimal() else None)
        for chunk in response.iter_bytes():
            file.write(chunk)
            progress.report(response.num_bytes_downloaded)
    return path


def _headers(body: bytes) -> dict[str, str]:
    return {"Content-Type": "application/json", "Content-Length": str(len(body))}


def _refuse(response: httpx.Response) -> None:
    if response.is_error:
        raise CallFailed(refusal(detail_of(response.text)), status=response.status_code)


def _sendable(value: Any) -> JSON:
    return to_data_url(value, describe(value).content_type) if isinstance(value, Path) else value

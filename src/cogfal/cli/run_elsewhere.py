"""Call an app that runs elsewhere: at a URL, or on fal."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple
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
from cogfal.cli.console import CommandFailed
from cogfal.cli.display import Display, open_display
from cogfal.cli.given_inputs import read_inputs
from cogfal.cli.results import Destination, ResultWriter
from cogfal.errors import CallFailed
from cogfal.files.data_urls import parse_data_url, to_data_url
from cogfal.files.limits import FetchError
from cogfal.files.names import name_for
from cogfal.nested import map_leaves
from cogfal.spec import JSON

CHUNK: Final = 2**18  # bytes sent at once


class Answered(NamedTuple):
    """What an app answers: a piece of the output, with its number, or the whole.

    `joined` says that the pieces are one text.
    """

    output: Any
    number: int | None = None
    joined: bool = False


def call_elsewhere(arguments: argparse.Namespace) -> int:
    """Call the app at `--url`, or that of `--app` on fal, and write what it answers."""
    values = read_inputs(arguments, None)
    destination = Destination(arguments.output)
    with (
        tempfile.TemporaryDirectory(prefix="cogfal-") as folder,
        open_display(sys.stderr, bars=arguments.json_input is None) as display,
    ):
        call = at_url if arguments.url else on_fal
        place, files = arguments.url or arguments.app, OutputFolder(Path(folder), display)
        writer = ResultWriter(sys.stdout, destination, display)
        # Whatever stops the writing also ends the call, so that the model does not run for nobody.
        with closing(call(place, values, files, display)) as parts:
            for part in parts:
                if part.number is None:
                    writer.whole(part.output)
                else:
                    writer.piece(part.output, part.number, joined=part.joined)
    return 0


class OutputFolder:
    """Puts the files of an answer into `folder`, each into a directory of its own."""

    def __init__(self, folder: Path, display: Display) -> None:
        self._folder = folder
        self._display = display

    def file(self, media: JSON) -> Path:
        """Return the path of a file that is described as fal does; raises as `at`."""
        name = media.get("file_name")
        return self.at(media["url"], name if isinstance(name, str) else None)

    def at(self, url: str, name: str | None) -> Path:
        """Return the path of the file at `url`.

        Raises:
            httpx.HTTPError: It cannot be had.
            FetchError: It is no address, or a broken data URL.
        """
        directory = Path(tempfile.mkdtemp(dir=self._folder))
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
            progress = self._display.transfer(path.name, int(size) if size.isdecimal() else None)
            for chunk in response.iter_bytes():
                file.write(chunk)
                progress.report(response.num_bytes_downloaded)
        return path


def at_url(
    url: str, values: Mapping[str, Any], files: OutputFolder, display: Display
) -> Generator[Answered, None, None]:
    """Call the app at an address; files travel as data URLs, an iterator's output is streamed.

    Raises:
        CommandFailed: It is no address.
        CallFailed: No app answers there, or it refuses or fails.
    """
    body = json.dumps(map_leaves(values, _sendable)).encode()
    try:
        with _client(url) as http:
            display.phase("Waiting")
            document = _object(http.get("/openapi.json").raise_for_status().json())
            (streams, joined), fields = streaming(document), fields_of(document)
            for answer in (_stream if streams else _whole)(http, body, display):
                output = map_media(named_output(answer, fields), files.file)
                yield Answered(output, answer["index"] if is_piece(answer) else None, joined)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise CallFailed(
            f"{url} cannot be reached: {error}; is the app running there? "
            "`cogfal serve` starts it on http://127.0.0.1:8080"
        ) from error
    except (ValueError, SSEError, FetchError) as error:
        raise CallFailed(f"{url} answers what no app would: {error}") from error


def _client(url: str) -> httpx.Client:
    if not url.startswith(("http://", "https://")):
        raise CommandFailed(f"--url {url}: write the address of an app, http://HOST:PORT")
    try:
        return httpx.Client(base_url=url.rstrip("/"), timeout=None)  # noqa: S113  # models take their time
    except httpx.InvalidURL as error:
        raise CommandFailed(f"--url {url}: {error}") from error


def _whole(http: httpx.Client, body: bytes, display: Display) -> Iterator[dict[str, JSON]]:
    response = http.post("/", content=_sent(body, display), headers=_headers(body))
    _refuse(response)
    yield _object(response.json())


def _stream(http: httpx.Client, body: bytes, display: Display) -> Iterator[dict[str, JSON]]:
    content, headers = _sent(body, display), _headers(body)
    with http.stream("POST", STREAM, content=content, headers=headers) as response:
        if response.is_error:
            response.read()
        _refuse(response)
        for event in EventSource(response).iter_sse():
            answer = _object(event.json())
            if "error" in answer:
                raise CallFailed(str(answer["error"]), status=answer.get("status"))
            yield answer


def _sent(body: bytes, display: Display) -> Iterator[bytes]:
    """Yield the body, telling how much of it has gone."""
    progress = display.transfer("inputs", len(body), "Uploading")
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]
        progress.report(min(start + CHUNK, len(body)))
    display.phase("Running")


def _headers(body: bytes) -> dict[str, str]:
    return {"Content-Type": "application/json", "Content-Length": str(len(body))}


def _refuse(response: httpx.Response) -> None:
    if response.is_error:
        raise CallFailed(refusal(detail_of(response.text)), status=response.status_code)


def _object(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:200]!r} is no JSON object")  # noqa: TRY004  # of the answer
    return value


def _sendable(value: Any) -> JSON:
    return to_data_url(value) if isinstance(value, Path) else value


def on_fal(
    app: str, values: Mapping[str, Any], files: OutputFolder, display: Display
) -> Generator[Answered, None, None]:
    """Call a deployed app through cogfal's client; local files are uploaded first.

    An app that streams is called directly and shown as it goes, any other through fal's queue.

    Raises:
        CommandFailed: The client is not installed, which is an optional extra.
        CallFailed: The app cannot be reached, refuses or fails, or a file of its cannot be had.
    """
    client = client_module()

    def local(leaf: Any) -> Any:
        return files.at(leaf.url, leaf.file_name) if isinstance(leaf, client.FileOutput) else leaf

    display.phase("Waiting for fal")
    try:
        streams, joined = streaming(_document(client, app))
        if not streams:
            yield Answered(map_leaves(client.run(app, values), local))
            return
        pieces: list[Any] = []
        for number, piece in enumerate(client.stream(app, values)):
            pieces.append(map_leaves(piece, local))
            yield Answered(pieces[-1], number, joined)
        yield Answered("".join(map(str, pieces)) if joined else pieces)
    except httpx.HTTPError as error:
        raise CallFailed(f"a file of the output cannot be had: {error}") from error


def client_module() -> ModuleType:
    """Import `cogfal.client`, which needs an optional extra."""
    try:
        return importlib.import_module("cogfal.client")
    except ImportError as error:
        raise CommandFailed(f"--app needs {error.name}: pip install 'cogfal[client]'") from error


def _document(client: ModuleType, app: str) -> JSON:
    """Return an app's document; one that answers without a document has an empty one."""
    try:
        return client.document(app)
    except CallFailed as error:
        if error.status is None:
            raise
        return {}

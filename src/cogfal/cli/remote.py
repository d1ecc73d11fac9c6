"""Call an app that runs at a URL."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from httpx_sse import EventSource

from cogfal.cli.inputs import read_inputs
from cogfal.cli.results import ResultWriter
from cogfal.errors import CallFailed
from cogfal.files import describe, parse_data_url, to_data_url
from cogfal.files.names import name_for
from cogfal.spec import JSON

STREAM: Final = "/stream"
COMPANIONS: Final = frozenset({"timings", "logs", "completed", "index"})


def call_url(arguments: argparse.Namespace) -> int:
    """Call the app at `--url`; files travel as data URLs, an iterator's output is streamed."""
    values = {name: _sendable(value) for name, value in read_inputs(arguments, None).items()}
    writer = ResultWriter(sys.stdout, arguments.output)
    with (
        tempfile.TemporaryDirectory(prefix="cogfal-") as folder,
        httpx.Client(base_url=arguments.url.rstrip("/"), timeout=None) as http,  # noqa: S113  # models take their time
    ):
        try:
            streams, joined = _streams(http)
            answers = _stream(http, values) if streams else _whole(http, values)
            for answer in answers:
                output = _local(_output(answer), Path(folder))
                if "index" in answer and not answer.get("completed"):
                    writer.piece(output, answer["index"], joined=joined)
                else:
                    writer.whole(output)
        except httpx.HTTPError as error:
            raise CallFailed(f"{arguments.url} cannot be reached: {error}") from error
    return 0


def _streams(http: httpx.Client) -> tuple[bool, bool]:
    """Ask the app's document whether it streams, and whether the pieces are one text."""
    document = http.get("/openapi.json").raise_for_status().json()
    output = document.get("components", {}).get("schemas", {}).get("Output", {})
    return STREAM in document["paths"], output.get("x-cog-array-display") == "concatenate"


def _whole(http: httpx.Client, values: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    response = http.post("/", json=values)
    _refuse(response)
    yield response.json()


def _stream(http: httpx.Client, values: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    with http.stream("POST", STREAM, json=values) as response:
        if response.is_error:
            response.read()
        _refuse(response)
        for event in EventSource(response).iter_sse():
            answer = event.json()
            if "error" in answer:
                raise CallFailed(str(answer["error"]), status=answer.get("status"))
            yield answer


def _refuse(response: httpx.Response) -> None:
    if not response.is_error:
        return
    try:
        detail = response.json().get("detail", response.text)
    except ValueError:
        detail = response.text
    raise CallFailed(_message(detail), status=response.status_code)


def _message(detail: JSON) -> str:
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(": ".join([*map(str, entry["loc"][1:2]), entry["msg"]]) for entry in detail)


def _output(answer: Mapping[str, JSON]) -> JSON:
    """Take the output out of its envelope; an answer with fields of its own is the output."""
    fields = {name: value for name, value in answer.items() if name not in COMPANIONS}
    return next(iter(fields.values())) if len(fields) == 1 else fields


def _sendable(value: Any) -> JSON:
    match value:
        case Path():
            return to_data_url(value, describe(value).content_type)
        case list():
            return [_sendable(one) for one in value]
        case _:
            return value


def _local(value: JSON, folder: Path) -> Any:
    """Download the media in `value`; return it with their paths in their places."""
    match value:
        case {"url": str() as url, "content_type": _}:
            return downloaded(url, value.get("file_name"), folder)
        case list():
            return [_local(one, folder) for one in value]
        case dict():
            return {name: _local(one, folder) for name, one in value.items()}
        case _:
            return value


def downloaded(url: str, name: str | None, folder: Path) -> Path:
    """Put the file at `url` into a directory of its own in `folder`; raises httpx.HTTPError."""
    directory = Path(tempfile.mkdtemp(dir=folder))
    if url.startswith("data:"):
        data = parse_data_url(url)
        path = directory / name_for(quote(name or "output"), None, data.content_type)
        path.write_bytes(data.decode(sys.maxsize))
        return path
    path = directory / name_for(quote(name) if name else urlsplit(url).path, None, None)
    with httpx.stream("GET", url, follow_redirects=True) as response, path.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)
    return path

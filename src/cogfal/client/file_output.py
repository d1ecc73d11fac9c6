"""Files on both ways: local ones in inputs become URLs, media in outputs objects to read."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.request import urlopen

import anyio.to_thread
import fal_client
import httpx

from cogfal import answers
from cogfal.nested import map_leaves
from cogfal.spec import JSON

UNKNOWN = "application/octet-stream"
Local: TypeAlias = "os.PathLike[str] | BinaryIO"


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
            return _decoded(self.url)
        response = httpx.get(self.url, follow_redirects=True, timeout=None)  # noqa: S113  # as long as it takes
        return response.raise_for_status().content

    async def aread(self) -> bytes:
        """Download the file as `read` does; cancelling stops the download."""
        if self.url.startswith("data:"):
            return _decoded(self.url)
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


def output_of(answer: JSON) -> Any:
    """Return what the predictor returned, taken out of an app's answer, files as `FileOutput`s.

    `{"output": value}` is the value, and so is lone media under a name such as `image`; an answer
    with fields of its own stays a dict.
    """
    return revived(answers.output_of(answer))


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
    return client.upload(file.read(), mimetypes.guess_type(name)[0] or UNKNOWN, name)


def _decoded(url: str) -> bytes:
    with urlopen(url) as response:  # noqa: S310  # a data URL: nothing is opened
        data: bytes = response.read()
    return data

"""A model that can be called where it runs, and how its answers are read."""

from __future__ import annotations

import json
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
from httpx_sse import SSEError

from cogfal.answers import detail_of, printable, refusal
from cogfal.compare.signatures import ANY, Signature, ValueShape, signature_of
from cogfal.errors import CogfalError
from cogfal.examples import Example
from cogfal.files.data_urls import parse_data_url
from cogfal.files.fetching import HttpFetcher
from cogfal.files.http_requests import is_public
from cogfal.files.limits import FetchBudget, FetchError, FileLimits
from cogfal.files.workspace import create_file
from cogfal.spec import JSON

LONGEST_ERROR: Final = 2_000  # characters of a server's text that are kept
MOST_BYTES: Final = 512 * 1024**2
"""The largest answer that is read."""
LIMITS: Final = FileLimits(allow_private_hosts=True)


class EndpointUnreachable(CogfalError):
    """Report a place that does not answer, or answers what no model would."""


class Outcome(str, Enum):
    """How a call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELED = "canceled"
    UNREACHABLE = "unreachable"


_ENDED: Final = {each.value: each for each in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELED)}


@dataclass(frozen=True)
class Answer:
    """What one call brought.

    `output` is JSON with paths for files, and of iterators the list of their pieces. `seconds` are
    those from the request to the whole answer, `first_piece` to the first of its pieces, if any.
    """

    outcome: Outcome
    output: Any = None
    error: str = ""
    seconds: float | None = None
    first_piece: float | None = None


@dataclass(eq=False)
class ModelEndpoint(ABC):
    """A model that can be called; `label` is what the user called it, without credentials.

    `document` is its OpenAPI document, or a part that has `components.schemas`. Where it is `paid`,
    each call costs money.
    """

    paid: ClassVar[bool] = False
    label: str
    document: Mapping[str, JSON]
    signature: Signature = field(init=False)

    def __post_init__(self) -> None:
        self.signature = signature_of(self.document)

    async def examples(self) -> Sequence[Example]:
        """Return the examples that come with the model."""
        return ()

    @abstractmethod
    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; local files are paths, and those of the answer are put into `folder`.

        Cancelling this cancels the call where that is possible. Whatever goes wrong is an answer.
        """

    async def cancel(self, inputs: Mapping[str, Any], folder: Path) -> Answer | None:  # noqa: ARG002
        """Call it and cancel at once; None where that is not tried: it is paid for, or not run."""
        return None


@dataclass(eq=False)
class RemoteEndpoint(ModelEndpoint):
    """A model that is called over HTTP.

    `base` is the address of the server whose answers name files, and `seconds` how long one call
    may take. Files are asked for without any credentials. A server of the public internet cannot
    lead to addresses of this network; one of this network can.
    """

    base: str
    seconds: float

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; see `ModelEndpoint`."""
        return await self._within(partial(self._predicted, inputs, folder))

    @abstractmethod
    async def _predicted(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it; what `_within` tells of may be raised."""

    async def _within(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call within its time; whatever goes wrong is an answer."""
        try:
            with anyio.fail_after(self.seconds):
                return await call()
        except TimeoutError:
            return Answer(Outcome.UNREACHABLE, error=f"no answer within {self.seconds:g} s")
        except (httpx.HTTPError, SSEError, ValueError, KeyError, FetchError) as error:
            return Answer(Outcome.UNREACHABLE, error=words_of(error))

    async def _ended(
        self, answer: Mapping[str, JSON], folder: Path, seconds: float, first: float | None = None
    ) -> Answer:
        """Read a prediction that has ended, its files brought into `folder`.

        Raises:
            ValueError: It is no prediction, or has not ended.
            FetchError: One of its files cannot be had.
        """
        outcome = _ENDED.get(str(answer.get("status")))
        if outcome is None:
            raise ValueError(f"the answer is no prediction that has ended: {str(answer)[:200]}")
        output = await self._with_paths(answer.get("output"), self.signature.output, folder)
        return Answer(outcome, output, bounded(str(answer.get("error") or "")), seconds, first)

    async def _with_paths(self, value: JSON, shape: ValueShape, folder: Path) -> Any:
        """Return an answer with the path of each of its files in place of its address.

        A file is what the signature calls one, or an object with an address and a media type.
        """
        match value:
            case {"url": str() as url, "content_type": _}:
                return await self._fetched(url, folder)
            case str() if shape.kind == "file":
                return await self._fetched(value, folder)
            case list():
                items = shape.items or ANY
                return [await self._with_paths(one, items, folder) for one in value]
            case dict():
                return {
                    name: await self._with_paths(one, shape.fields.get(name, ANY), folder)
                    for name, one in value.items()
                }
            case _:
                return value

    async def _fetched(self, url: str, folder: Path) -> Path:
        place = Path(tempfile.mkdtemp(dir=folder))
        if url.startswith("data:"):
            return await anyio.to_thread.run_sync(_decoded, url, place)
        if not url.startswith(("http://", "https://")):
            raise FetchError(f"the answer names a file {url[:80]!r}, which is no web address")
        inside = await anyio.to_thread.run_sync(_is_inside, urlsplit(self.base).hostname or "")
        fetcher = HttpFetcher(FileLimits(allow_private_hosts=inside))
        return (await fetcher.fetch(url, place, FetchBudget(LIMITS))).path


def refused(status: int, answer: JSON) -> Answer:
    """Describe an answer that is no prediction."""
    text = bounded(f"{status}: {refusal(detail_of(answer))}")
    wrong_input = status in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)
    return Answer(Outcome.REFUSED if wrong_input else Outcome.FAILED, error=text)


def words_of(error: Exception) -> str:
    """Return what an error says, or its kind where it says nothing."""
    return bounded(str(error) or type(error).__name__)


def bounded(text: str) -> str:
    """Return a server's text without control characters, and not longer than people read."""
    clean = printable(text)
    return clean if len(clean) <= LONGEST_ERROR else f"{clean[:LONGEST_ERROR]}..."


async def read_document(http: httpx.AsyncClient, path: str, label: str) -> dict[str, JSON]:
    """Return the JSON object at a path; raises EndpointUnreachable."""
    try:
        async with http.stream("GET", path) as response:
            found = await read_json(response)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise EndpointUnreachable(
            f"{label} cannot be reached: {words_of(error)}; is it running?"
        ) from error
    if response.status_code != httpx.codes.OK or not isinstance(found, dict):
        raise EndpointUnreachable(
            f"{label} answers {path} with {response.status_code} and no document"
        )
    return found


async def read_json(response: httpx.Response) -> JSON:
    """Read a response's JSON within bounds; raises ValueError."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise ValueError(f"the answer has more than {MOST_BYTES} bytes")
        parts.append(part)
    return json.loads(b"".join(parts))


def _decoded(url: str, folder: Path) -> Path:
    data = parse_data_url(url)
    pieces = data.pieces(LIMITS.max_file_bytes)
    head = next(pieces, b"")
    path, file = create_file(folder, data.file_name(head))
    with file:
        file.write(head)
        file.writelines(pieces)
    return path


def _is_inside(host: str) -> bool:
    """Tell whether a host is this machine, or one of its network."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return any(not is_public(str(address[4][0])) for address in found)

"""The protocol of a side, a place where a model runs, and how its calls end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx
from httpx_sse import SSEError

from cogfal.compare.signatures import Signature
from cogfal.errors import CogfalError
from cogfal.files import FetchError
from cogfal.spec import JSON

LONGEST_ERROR = 2_000  # characters of a server's text that are kept


class SideUnreachable(CogfalError):
    """Report a place that does not answer, or answers what no model would."""


class Outcome(str, Enum):
    """How a call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELED = "canceled"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Answer:
    """What one call brought.

    Attributes:
        outcome: How it ended.
        output: JSON with paths for files; of iterators the list of their pieces.
        error: Why there is none.
        seconds: From the request to the whole answer, None where that is not known.
        first_piece: From the request to the first piece, where the answer came in pieces.
    """

    outcome: Outcome
    output: Any = None
    error: str = ""
    seconds: float | None = None
    first_piece: float | None = None


class ModelEndpoint(Protocol):
    """A model that can be called."""

    @property
    def document(self) -> Mapping[str, JSON]:
        """Its OpenAPI document, or a part that has `components.schemas`."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""

    async def run(self, inputs: Mapping[str, Any], folder: Path) -> Answer:
        """Call it once; local files are paths, and those of the answer are put into `folder`.

        Cancelling this cancels the call where that is possible. Whatever goes wrong is an answer.
        """

    async def cancel(self, inputs: Mapping[str, Any], folder: Path) -> Answer | None:
        """Call it and cancel at once; None where that cannot be tried."""


class WithoutCancellation:
    """An endpoint whose calls are not cancelled: they may be paid for, or nothing runs."""

    async def cancel(self, inputs: Mapping[str, Any], folder: Path) -> Answer | None:  # noqa: ARG002
        """Do nothing."""
        return None


async def answer_within(seconds: float, call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a call within its time; whatever goes wrong is an answer."""
    try:
        with anyio.fail_after(seconds):
            return await call()
    except TimeoutError:
        return Answer(Outcome.UNREACHABLE, error=f"no answer within {seconds:g} s")
    except (httpx.HTTPError, SSEError, ValueError, KeyError, FetchError) as error:
        return Answer(Outcome.UNREACHABLE, error=words_of(error))


class Side(Protocol):
    """One of the two places that are compared."""

    @property
    def label(self) -> str:
        """What the user called it, without credentials."""

    @property
    def paid(self) -> bool:
        """Whether each call costs money."""

    def open(self) -> AbstractAsyncContextManager[ModelEndpoint]:
        """Bring the model up, or find it; raises SideUnreachable, NoSignature and ProjectError."""


def words_of(error: Exception) -> str:
    """Return what an error says, or its kind where it says nothing."""
    return bounded(str(error) or type(error).__name__)


def bounded(text: str) -> str:
    """Return a server's text without control characters, and not longer than people read."""
    clean = "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text
    )
    return clean if len(clean) <= LONGEST_ERROR else f"{clean[:LONGEST_ERROR]}..."

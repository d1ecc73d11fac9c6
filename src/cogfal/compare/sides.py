"""What a comparison needs of a place where a model runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from cogfal.compare.signatures import Signature
from cogfal.errors import CogfalError
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


class Endpoint(Protocol):
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


class Side(Protocol):
    """One of the two places that are compared."""

    @property
    def label(self) -> str:
        """What the user called it, without credentials."""

    @property
    def paid(self) -> bool:
        """Whether each call costs money."""

    def open(self) -> AbstractAsyncContextManager[Endpoint]:
        """Bring the model up, or find it; raises SideUnreachable, NoSignature and ProjectError."""


def bounded(text: str) -> str:
    """Return a server's text without control characters, and not longer than people read."""
    clean = "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text
    )
    return clean if len(clean) <= LONGEST_ERROR else f"{clean[:LONGEST_ERROR]}..."

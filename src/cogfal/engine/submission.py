"""What the engine is given: a submission, and the parts beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cogfal.spec import JSON

if TYPE_CHECKING:
    from cogfal.files.workspace import Workspace


class Materialiser(Protocol):
    """Turns validated values into what `predict` receives."""

    async def materialise(self, values: Mapping[str, Any], workspace: Workspace) -> dict[str, Any]:
        """Replace URLs at file places by files in `workspace`; may be cancelled at any await."""


class Deliverer(Protocol):
    """Turns what `predict` returned or yielded into JSON."""

    async def deliver(
        self, value: Any, workspace: Workspace, release: Callable[[], None] | None
    ) -> JSON:
        """Upload the files in `value`; may be cancelled at any await; raises OutputError.

        Where it calls `release` before its end, the author's code goes on from there, and may
        change `value` and overwrite its files.
        """


WeightsFetcher: TypeAlias = Callable[[str, Path], Awaitable[Path]]
"""Download the URL in `COG_WEIGHTS` into a directory and return the file."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for a prediction.

    Attributes:
        values: Every input by name, validated.
        deliverer: Turns results into JSON.
        id: The caller's id; made up where None.
        api: The way it came in; ids are unique per api.
        context: What the author's `current_scope().context` is.
        wait: Whether it may wait for a slot.
    """

    values: Mapping[str, Any]
    deliverer: Deliverer
    id: str | None = None
    api: str = "fal"
    context: Mapping[str, str] = field(default_factory=dict)
    wait: bool = True

"""Start predictions through Cog's door and know those that are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from starlette.requests import Request

from cogfal.engine.prediction import Prediction
from cogfal.engine.service import Service, Submission
from cogfal.engine.submission import Deliverer
from cogfal.errors import Busy, UnknownPrediction
from cogfal.files import Store
from cogfal.schema.validation import Validator
from cogfal.server.ids import new_id
from cogfal.server.messages import MASK, Body, ended, progress, shown
from cogfal.spec import JSON

DOOR: Final = "cog"


class DelivererFactory(Protocol):
    """Make, for a request, what turns results into JSON with files as URL strings."""

    def __call__(self, request: Request, upload: Store | None) -> Deliverer:
        """Return a deliverer that puts files into `upload`, or where the App says if None."""


class Run:
    """One prediction of Cog's door, with what its clients may ask about it.

    Cog answers iterators with lists, concatenated ones too.
    """

    def __init__(self, prediction: Prediction, values: Mapping[str, JSON]) -> None:
        self.prediction = prediction
        self.values = values

    def progress(self) -> Body:
        """Return its state as of now, while it has not ended."""
        return progress(self.prediction, self.prediction.pieces)

    def attached(self) -> Body:
        """Return its state for a client that asks for the same prediction again."""
        return {**self.progress(), "input": self.values}

    def ended(self) -> Body:
        """Return its last state."""
        return ended(self.prediction, self.prediction.pieces)


class AlreadyUnderWay(Busy):
    """Report an id that is taken."""


class Order(NamedTuple):
    """A request for a prediction, as far as starting it goes; `values` are the inputs as sent."""

    id: str | None
    values: JSON
    context: Mapping[str, str]
    deliverer: Deliverer


class Runs:
    """The predictions of one service that came through Cog's door.

    Args:
        service: Runs them.
        validator: Knows the inputs.
        deliverer: See `DelivererFactory`.
    """

    def __init__(
        self,
        service: Service,
        validator: Validator,
        deliverer: DelivererFactory,
    ) -> None:
        self.service = service
        self.deliverer = deliverer
        self._validator = validator
        self._under_way: dict[str, Run] = {}

    @property
    def streaming(self) -> bool:
        """Whether the author has opted in to server-sent events."""
        return self.service.spec.streaming

    @property
    def replays(self) -> bool:
        """Whether predictions keep events for clients that come later."""
        return self.service.settings.history > 0

    def find(self, prediction_id: str) -> Run | None:
        """Return the run with this id if it has not ended."""
        try:
            self.service.find(prediction_id, DOOR)
        except UnknownPrediction:
            return None
        return self._under_way.get(prediction_id)

    async def start(self, order: Order) -> Run:
        """Start a prediction at once, or once a cancelled one has made room, or not at all.

        Raises:
            InvalidInput: The inputs do not fit.
            NotReady: Setup has not finished, or has failed.
            Busy: Every slot is taken; AlreadyUnderWay where the id is.
        """
        values = self._validator.parse(order.values)
        await self.service.vacated()
        if order.id is not None and self.find(order.id) is not None:
            raise AlreadyUnderWay(f"a prediction with the id {order.id!r} is under way")
        prediction = self.service.submit(
            Submission(
                values=values,
                deliverer=order.deliverer,
                id=order.id or new_id(),
                door=DOOR,
                context=order.context,
                wait=False,
            )
        )
        return self._keep(Run(prediction, self._shown(values)))

    def _shown(self, values: Mapping[str, Any]) -> dict[str, JSON]:
        secret = self._validator.secret
        return {
            name: MASK if name in secret and value is not None else shown(value)
            for name, value in values.items()
        }

    def _keep(self, run: Run) -> Run:
        self._under_way[run.prediction.id] = run
        ended = asyncio.ensure_future(run.prediction.wait())
        ended.add_done_callback(lambda _: self._forget(run))
        return run

    def _forget(self, run: Run) -> None:
        if self._under_way.get(run.prediction.id) is run:
            del self._under_way[run.prediction.id]

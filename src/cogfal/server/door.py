"""Answer the three requests of Cog's API about predictions, and the same about trainings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Event
from cogfal.errors import InvalidInput, NotReady, RequestError
from cogfal.server import messages
from cogfal.server.caller import wait_watching
from cogfal.server.envelope import Envelope, Malformed, read_envelope
from cogfal.server.ids import RULE, is_id, new_id
from cogfal.server.runs import AlreadyUnderWay, Order, Run, Runs
from cogfal.server.streaming import EventStream, frames
from cogfal.server.uploads import Uploads
from cogfal.server.webhooks import TRACE_HEADERS, Target, Webhooks

PARAMETER: Final = "id"


class Mode(Enum):
    """How a client wants to hear of its prediction."""

    WAIT = "wait for the end"
    ASYNC = "do not wait"
    EVENTS = "server-sent events"


class NotAcceptable(Exception):
    """Report that events were asked for where there are none."""


@dataclass(frozen=True, slots=True)
class CogDoor:
    """Cog's door to one service; `no_streaming` is said to those who ask for events in vain."""

    path: str
    runs: Runs
    webhooks: Webhooks
    uploads: Uploads
    streaming: bool
    no_streaming: str = messages.NO_STREAMING

    def routes(self) -> list[Route]:
        """Return the routes below `path`."""
        one = f"{self.path}/{{{PARAMETER}}}"
        return [
            Route(self.path, self.create, methods=["POST"]),
            Route(one, self.create_idempotently, methods=["PUT"]),
            Route(f"{one}/cancel", self.cancel, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Start a prediction (`POST`)."""
        return await self._answer(request, None)

    async def create_idempotently(self, request: Request) -> Response:
        """Start the prediction with the id in the path, or attach to it (`PUT`)."""
        return await self._answer(request, request.path_params[PARAMETER])

    async def cancel(self, request: Request) -> Response:
        """Cancel a prediction that was started through this door."""
        run = self.runs.find(request.path_params[PARAMETER])
        if run is None:
            return answer({}, 404)
        run.prediction.cancel()
        return answer({})

    async def _answer(self, request: Request, prediction_id: str | None) -> Response:
        try:
            envelope = await read_envelope(request)
            _check_id(prediction_id, envelope)
            mode = self._mode(request)
            if prediction_id is not None and (run := self.runs.find(prediction_id)) is not None:
                return self._attached(run, mode)
            run = await self._start(request, envelope, prediction_id or envelope.id or new_id())
            return await _reported(run, mode, request)
        except (Malformed, NotAcceptable, RequestError) as error:
            return refusal(error)

    def _mode(self, request: Request) -> Mode:
        if "text/event-stream" in request.headers.get("accept", "").lower():
            if not self.streaming:
                raise NotAcceptable(self.no_streaming)
            return Mode.EVENTS
        return Mode.ASYNC if _prefers_async(request) else Mode.WAIT

    async def _start(self, request: Request, envelope: Envelope, prediction_id: str) -> Run:
        upload = self.uploads.store(envelope.output_file_prefix, prediction_id)
        deliverer = self.runs.deliverer(request, upload)
        run = await self.runs.start(
            Order(prediction_id, envelope.input, envelope.context, deliverer)
        )
        if envelope.webhook is not None:
            trace = {n: v for n in TRACE_HEADERS if (v := request.headers.get(n)) is not None}
            self.webhooks.tell(run, Target(envelope.webhook, envelope.events, trace))
        return run

    def _attached(self, run: Run, mode: Mode) -> Response:
        """Answer about a run that somebody else may be waiting for."""
        if mode is not Mode.EVENTS:
            return answer(run.attached(), 202)
        after = 0 if self.runs.replays else sys.maxsize
        return _events(run, run.prediction.events(after), _stay)


async def _reported(run: Run, mode: Mode, request: Request) -> Response:
    """Answer about a new run; a client that waits and leaves cancels it."""
    match mode:
        case Mode.EVENTS:
            return _events(run, run.prediction.events(holds=True), run.prediction.cancel)
        case Mode.ASYNC:
            return answer(messages.accepted(run.prediction.id), 202)
        case Mode.WAIT:
            await wait_watching(run.prediction.wait(), request, run.prediction.cancel)
            return answer(run.ended())


def _events(run: Run, watch: Watch[Event], left: Callable[[], None]) -> Response:
    return EventStream(frames(run, watch), left)


def _stay() -> None:
    """Leave the prediction to whoever started it."""


def _check_id(prediction_id: str | None, envelope: Envelope) -> None:
    if prediction_id is None:
        return
    if not is_id(prediction_id):
        raise Malformed(422, ("path", PARAMETER), RULE)
    if envelope.id not in (None, prediction_id):
        raise Malformed(422, ("body", "id"), messages.OTHER_ID)


def _prefers_async(request: Request) -> bool:
    """Read `Prefer` as RFC 7240 has it: a list of preferences, in any number of headers."""
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(wish.partition(";")[0].strip().lower() == "respond-async" for wish in wishes)


def refusal(error: Malformed | NotAcceptable | RequestError) -> Response:
    """Answer a request for which nothing was started."""
    match error:
        case Malformed(status=status, loc=loc, message=message):
            return answer(messages.detail(loc, message), status)
        case NotAcceptable():
            return answer({"error": str(error)}, 406)
        case InvalidInput():
            return answer(messages.invalid_input(error), 422)
        case NotReady():
            return answer(messages.refused(messages.NOT_READY), 503)
        case AlreadyUnderWay():
            return answer(messages.refused(str(error)), 409)
        case _:
            return answer(messages.refused(messages.AT_CAPACITY), 409)


def answer(body: messages.Body, status: int = 200) -> Response:
    """Return `body` as a JSON response."""
    return Response(messages.encoded(body), status, media_type="application/json")

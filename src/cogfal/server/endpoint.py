"""Serve fal's doors: `POST /`, `/stream` and their `/cancel`, for predictions or trainings.

One `Endpoint` stands for one service. It takes the bare inputs as a flat JSON object, so it never
needs more of the request than body, headers and whether the caller is still there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from cogfal.engine.history import Watch
from cogfal.engine.prediction import Completed, Event, Log, Output, Prediction
from cogfal.engine.service import Service, Submission
from cogfal.engine.submission import Deliverer
from cogfal.errors import CogfalError, InvalidInput, PredictionCancelled, Problem
from cogfal.schema.validation import Validator
from cogfal.server.bodies import BodyCutShort, BodyTooLarge, read_body
from cogfal.server.caller import wait_watching
from cogfal.server.failures import Failure, failure
from cogfal.server.pulse import pulse
from cogfal.spec import JSON, ObjectType

REQUEST_ID = "x-fal-request-id"
WANTS_LOGS = "x-cogfal-logs"
DOOR = "fal"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

Told: TypeAlias = dict[str, JSON] | Failure
"""What a stream tells: a JSON object, or the failure that ends it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """fal's doors to one service.

    `deliverer` makes, for a request, what turns results into JSON; `output_name` is the key that
    holds a result which is not an object of its own. `logs` lets callers ask for the prediction's
    logs with the header `x-cogfal-logs`, as the playground does.
    """

    service: Service
    validator: Validator
    deliverer: Callable[[Request], Deliverer]
    output_name: str = "output"
    timings: bool = False
    logs: bool = False

    async def call(self, request: Request) -> Response:
        """Answer with the whole result; a caller that drops the connection cancels."""
        try:
            prediction = await self._submit(request)
        except CogfalError as error:
            return failure(error).response()
        try:
            await wait_watching(prediction.wait(), request, prediction.cancel)
            body = self._shape(await prediction.result()) | self._more(prediction, request)
        except CogfalError as error:
            return failure(error).response(self._logs(prediction, request))
        return Response(to_json(body), media_type="application/json")

    async def stream(self, request: Request) -> Response:
        """Answer with server-sent events, one for each output and one for the whole.

        Errors before the first event are plain HTTP answers, later ones an event with `error`.
        Dropping the connection cancels.
        """
        try:
            prediction = await self._submit(request)
        except CogfalError as error:
            return failure(error).response()
        told = self._told(prediction, prediction.events(holds=True), logs=self._wants_logs(request))
        first = await wait_watching(anext(told), request, prediction.cancel)
        if first and isinstance(first[0], Failure):
            return first[0].response(self._logs(prediction, request))
        frames = _frames(first, told, prediction)
        return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)

    async def cancel(self, request: Request) -> Response:
        """Cancel the prediction whose request carried the same `x-fal-request-id`."""
        try:
            self.service.find(request.headers.get(REQUEST_ID, ""), DOOR).cancel()
        except CogfalError as error:
            return failure(error).response()
        return JSONResponse({"status": "cancelled"})

    async def _submit(self, request: Request) -> Prediction:
        values = self.validator.parse_json(await _body(request))
        return self.service.submit(
            Submission(
                values=values,
                deliverer=self.deliverer(request),
                id=request.headers.get(REQUEST_ID),
                door=DOOR,
            )
        )

    def _shape(self, output: JSON) -> dict[str, JSON]:
        if isinstance(self.service.spec.output, ObjectType) and isinstance(output, dict):
            return output
        return {self.output_name: output}

    def _more(self, prediction: Prediction, request: Request) -> dict[str, JSON]:
        """What an answer holds beside the result, on request."""
        timings = {"timings": prediction.timings} if self.timings else {}
        return timings | self._logs(prediction, request)

    def _logs(self, prediction: Prediction, request: Request) -> dict[str, JSON]:
        return {"logs": prediction.logs} if self._wants_logs(request) else {}

    def _wants_logs(self, request: Request) -> bool:
        return self.logs and WANTS_LOGS in request.headers

    async def _told(
        self, prediction: Prediction, watch: Watch[Event], *, logs: bool
    ) -> AsyncIterator[list[Told]]:
        """Yield what a stream tells, as much at once as there is; nothing to show that it lives."""
        async for events in pulse(watch):
            told = [
                each
                for event in events
                if (each := self._tell(event, prediction, logs=logs)) is not None
            ]
            if told or not events:
                yield told

    def _tell(self, event: Event, prediction: Prediction, *, logs: bool) -> Told | None:
        match event:
            case Output(chunk, index):
                return {self.output_name: chunk, "index": index}
            case Log(source, data) if logs:
                return {"log": {"source": source, "data": data}}
            case Completed():
                return self._last(prediction)
            case _:
                return None

    def _last(self, prediction: Prediction) -> Told:
        if prediction.exception is not None:
            return failure(prediction.exception)
        return {**self._shape(prediction.output), "completed": True}


async def _body(request: Request) -> bytes:
    try:
        return await read_body(request)
    except BodyTooLarge as error:
        raise InvalidInput([Problem((), str(error), "too_large")]) from error
    except BodyCutShort as error:
        raise PredictionCancelled(str(error)) from error


async def _frames(
    first: list[Told], rest: AsyncIterator[list[Told]], prediction: Prediction
) -> AsyncIterator[bytes]:
    try:
        yield _written(first)
        async for told in rest:
            yield _written(told)
    finally:
        prediction.cancel()


def _written(told: list[Told]) -> bytes:
    return b"".join(map(_frame, told)) or b": heartbeat\n\n"


def _frame(told: Told) -> bytes:
    if isinstance(told, Failure):
        told = {"error": _message(told.detail), "detail": told.detail, "status": told.status}
    return b"data: " + to_json(told) + b"\n\n"


def _message(detail: JSON) -> str:
    return detail if isinstance(detail, str) else "; ".join(str(entry["msg"]) for entry in detail)

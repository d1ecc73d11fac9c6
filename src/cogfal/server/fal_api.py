"""fal's API: `POST /`, `/stream` and their `/cancel`, for predictions or trainings.

One `Endpoint` stands for one service. It takes the bare inputs as a flat JSON object, so it never
needs more of the request than body, headers and whether the caller is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from cogfal.answers import answer_of
from cogfal.engine.history import Watch
from cogfal.engine.prediction import (
    Completed,
    Event,
    HistoryGone,
    Log,
    Output,
    OutputDeliverer,
    Prediction,
    Submission,
)
from cogfal.engine.service import Service
from cogfal.errors import (
    Busy,
    CogfalError,
    InvalidInput,
    PredictionCancelled,
    Problem,
    UnknownPrediction,
)
from cogfal.json_text import plain
from cogfal.schema.decoding import decode
from cogfal.schema.validation import Validator
from cogfal.server.caller import Bodies, Body, BodyRefused, cancel_on_disconnect
from cogfal.server.responses import EventData, EventStream, JsonResponse, billed, failure
from cogfal.server.tracing import Tracing
from cogfal.spec import JSON, ObjectType

API: Final = "fal"
REQUEST_ID: Final = "x-fal-request-id"
WANTS_LOGS: Final = "x-cogfal-logs"
CONTEXT_HEADERS: Final = (REQUEST_ID, "x-fal-endpoint", "x-fal-caller-user-id")
"""What fal tells an app of a request; the author finds it in `current_scope().context`."""
APP_HEADERS: Final = "x-app-fal-"
"""How the names of headers begin by which a caller tells the app something; there, too."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """fal's API of one service.

    `deliverer` makes, for a request where there is one, what turns results into JSON; `output_name`
    is the key that holds a result which is not an object of its own. `logs` lets callers ask for
    logs and timings of their predictions, as the playground does: with the header `x-cogfal-logs`
    in the answer, and with `watch` while it runs.
    """

    service: Service
    validator: Validator
    deliverer: Callable[[Request | None], OutputDeliverer]
    output_name: str = "output"
    timings: bool = False
    logs: bool = False
    bodies: Bodies = field(default_factory=Bodies)
    tracing: Tracing = field(default_factory=Tracing)

    async def call(self, request: Request) -> Response:
        """Answer with the whole result; a caller that drops the connection cancels."""
        try:
            prediction = await self._submit(request)
        except CogfalError as error:
            return failure(error).response()
        await cancel_on_disconnect(prediction.wait(), request, prediction.cancel)
        more, bill = self._more(prediction, request), billed(prediction)
        if prediction.exception is not None:
            return failure(prediction.exception).response(more, bill)
        return JsonResponse(self._shape(prediction.output, more), headers=bill)

    async def run(self, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the whole result for an endpoint of the App's author; cancelling it cancels.

        Raises:
            RequestError: The values do not fit, or every slot is taken.
            PredictionError: There is no result.
        """
        prediction = self.service.submit(
            Submission(self.validator.parse(values), partial(self.deliverer, None), api=API)
        )
        try:
            shaped = plain(self._shape(await prediction.result(), {}))
            assert isinstance(shaped, dict)
            return shaped
        finally:
            prediction.cancel()

    async def stream(self, request: Request) -> Response:
        """Answer with server-sent events, one for each output and one for the whole.

        Errors before the first event are plain HTTP answers, later ones an event with `error`.
        Dropping the connection cancels.
        """
        try:
            prediction = await self._submit(request)
        except CogfalError as error:
            return failure(error).response()
        watch = prediction.events(holds=True)
        logs = self.logs and WANTS_LOGS in request.headers
        describe = partial(self._described, prediction, logs)
        first = await cancel_on_disconnect(_first(watch, describe), request, prediction.cancel)
        told = first[0] if first else None
        if prediction.exception is not None and isinstance(told, Completed):
            watch.close()
            more = self._more(prediction, request)
            return failure(prediction.exception).response(more, billed(prediction))
        return EventStream(watch, describe, prediction.cancel, first=first)

    async def cancel(self, request: Request) -> Response:
        """Cancel the prediction whose request carried the same `x-fal-request-id`."""
        try:
            self.service.find(request.headers.get(REQUEST_ID, ""), API).cancel()
        except CogfalError as error:
            return failure(error).response()
        return JsonResponse({"status": "cancelled"})

    def watch(self, prediction_id: str, start: int) -> dict[str, JSON] | None:
        """Tell how a running prediction stands, with its logs from a character on.

        None where none of this id runs, or nobody may ask.
        """
        try:
            prediction = self.service.find(prediction_id, API) if self.logs else None
        except UnknownPrediction:
            return None
        if prediction is None:
            return None
        return {
            "status": prediction.status.value,
            "ahead": self.service.ahead(prediction),
            "logs": prediction.logs[start:],
            "next": len(prediction.logs),
        }

    async def _submit(self, request: Request) -> Prediction:
        validator = self.validator
        try:
            with Body(self.bodies) as body:
                await body.read(request)
                values = await body.process(
                    lambda chunks: validator.parse(decode(chunks)),
                    body.chunks,
                    slow=validator.slow,
                )
                submit = partial(self._submitted, request, values)
                prediction = self.tracing.around(request.headers, submit)
                body.needed_by = prediction
                return prediction
        except BodyRefused as error:
            raise _refused(error) from error

    def _submitted(
        self, request: Request, values: dict[str, JSON], trace: dict[str, str]
    ) -> Prediction:
        headers = request.headers
        names = [*CONTEXT_HEADERS, *(name for name in headers if name.startswith(APP_HEADERS))]
        # Of a header that comes several times the first counts, as everywhere.
        told = {name: value for name in names if (value := headers.get(name)) is not None}
        return self.service.submit(
            Submission(
                values=values,
                deliverer=partial(self.deliverer, request),
                id=headers.get(REQUEST_ID),
                api=API,
                context=told | trace,
            )
        )

    def _shape(self, output: JSON, more: Mapping[str, JSON]) -> JSON:
        """Return an object of the author's, or one made of the output, with `more` in it."""
        own_fields = isinstance(self.service.spec.output, ObjectType)
        return answer_of(output, self.output_name, more, own_fields=own_fields)

    def _more(self, prediction: Prediction, request: Request) -> dict[str, JSON]:
        """What an answer holds beside the result: what the App wants, and what was asked for."""
        if self.logs and WANTS_LOGS in request.headers:
            return {"timings": prediction.timings, "logs": prediction.logs}
        succeeded = prediction.exception is None
        return {"timings": prediction.timings} if self.timings and succeeded else {}

    def _described(self, prediction: Prediction, logs: bool, event: Event) -> EventData | None:
        """Return what a caller is sent of an event, of the logs and timings only with `logs`."""
        match event:
            case Output(chunk, index):
                return None, {self.output_name: chunk, "index": index}
            case Log(source, data) if logs:
                return None, {"log": {"source": source, "data": data}}
            case Completed():
                timings: dict[str, JSON] = {"timings": prediction.timings} if logs else {}
                return None, self._last(prediction, timings)
            case HistoryGone(lost):
                message = f"the stream was read too slowly; {lost} events are no longer kept"
                return None, {"error": message, "detail": message, "status": 500}
            case _:
                return None

    def _last(self, prediction: Prediction, more: Mapping[str, JSON]) -> JSON:
        if prediction.exception is not None:
            return {**failure(prediction.exception).event(), **more}
        return self._shape(prediction.output, {"completed": True, **more})


async def _first(watch: Watch[Event], describe: Callable[[Event], EventData | None]) -> list[Event]:
    """Return the first events of which something is said; any number may come before them."""
    said: list[Event] = []
    while not said and not watch.ended:
        await watch.wait()
        said = [event for event in watch.take() if describe(event) is not None]
    return said


def _refused(error: BodyRefused) -> CogfalError:
    match error.status:
        case 413:
            return InvalidInput([Problem((), str(error), "too_large")])
        case 429:
            return Busy(str(error))
        case _:
            return PredictionCancelled(str(error))

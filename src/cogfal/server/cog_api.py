"""Cog's HTTP API: its routes, and the predictions and trainings that are started through them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol

import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from cogfal.engine.prediction import OutputDeliverer, Prediction, Submission
from cogfal.engine.service import Service
from cogfal.errors import AlreadyRunning, InvalidInput, NotReady, RequestError, UnknownPrediction
from cogfal.files.store import Store
from cogfal.schema.validation import Validator
from cogfal.server import cog_messages as messages
from cogfal.server.caller import Bodies, Body, BodyRefused, cancel_on_disconnect
from cogfal.server.cog_messages import ID_RULE, Envelope, Malformed, is_id, new_id, read_envelope
from cogfal.server.fal_api import REQUEST_ID
from cogfal.server.middleware import PlainRoute
from cogfal.server.responses import BILLABLE, EventStream, JsonResponse, billed
from cogfal.server.stores import Uploads
from cogfal.server.tracing import Tracing
from cogfal.server.webhooks import CogSubject, Target, Webhooks

API: Final = "cog"
PARAMETER: Final = "id"


class DelivererFactory(Protocol):
    """Make, for a request, what turns results into JSON with files as URL strings."""

    def __call__(self, request: Request, upload: Store | None) -> OutputDeliverer:
        """Return a deliverer that puts files into `upload`, or where the App says if None."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What predictions, or trainings, are made of: the service, its inputs and its results."""

    service: Service
    validator: Validator
    deliverer: DelivererFactory


@dataclass(frozen=True, slots=True)
class CogApi:
    """Everything that Cog's HTTP API needs of an app.

    Attributes:
        predictor: Makes predictions.
        document: Makes the OpenAPI document for Cog's readers and fal's.
        webhooks: Tells clients what happens.
        uploads: Where output files may be uploaded to instead of the App's own store.
        trainer: Makes trainings, where there is a trainer.
        shutdown: Ends the server; without it `POST /shutdown` is refused.
        version: cogfal's version.
        bodies: Reads what callers send.
        tracing: Traces predictions.
    """

    predictor: ServedModel
    document: Callable[[], dict[str, Any]]
    webhooks: Webhooks
    uploads: Uploads
    trainer: ServedModel | None = None
    shutdown: Callable[[], None] | None = None
    version: str = ""
    bodies: Bodies = field(default_factory=Bodies)
    tracing: Tracing = field(default_factory=Tracing)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, to be put before others at the root of an app.

        They take `GET` of `/`, `/health-check` and `/openapi.json`, `/predictions`, `/shutdown`,
        and `/trainings` where the app has a trainer; `POST /` stays free.
        """
        streaming = self.predictor.service.spec.streaming
        refusal = None if streaming else messages.NO_STREAMING
        found: list[BaseRoute] = [  # in the order in which they are looked at
            *_Resource(self, self.predictor, refusal).routes("/predictions"),
            PlainRoute("/", self._index, "GET"),
            PlainRoute("/health-check", self._health_check, "GET"),
            PlainRoute("/openapi.json", self._openapi, "GET"),
            PlainRoute("/shutdown", self._shut_down, "POST"),
        ]
        if self.trainer is not None:
            resource = _Resource(self, self.trainer, messages.NO_TRAINING_STREAM, "training")
            found += resource.routes("/trainings")
        return found

    async def _index(self, _request: Request) -> Response:
        return JsonResponse(messages.index(trainings=self.trainer is not None))

    async def _health_check(self, _request: Request) -> Response:
        health = await self.predictor.service.health()
        return JsonResponse(messages.health_check(health, self.version))

    async def _openapi(self, _request: Request) -> Response:
        return JsonResponse(self.document())

    async def _shut_down(self, _request: Request) -> Response:
        if self.shutdown is None:
            return JsonResponse(
                {"error": "set allow_shutdown on the App to let callers end it"}, 403
            )
        response = JsonResponse({})
        response.background = BackgroundTask(self.shutdown)
        return response


class AnswerMode(Enum):
    """How a client wants to hear of its prediction."""

    WAIT = "wait for the end"
    ASYNC = "do not wait"
    EVENTS = "server-sent events"


class NotAcceptable(Exception):
    """Report that events were asked for where there are none."""


@dataclass(frozen=True, slots=True)
class _Resource:
    """`/predictions` or `/trainings`; `no_events` is said to those who ask for events in vain.

    `queued` are those that came through fal's queue, by their request's id.
    """

    api: CogApi
    model: ServedModel
    no_events: str | None
    kind: str = "prediction"
    queued: dict[str, Prediction] = field(default_factory=dict)

    def routes(self, path: str) -> list[BaseRoute]:
        """Return the routes below `path`."""
        one = f"{path}/{{{PARAMETER}}}"
        return [
            PlainRoute(path, self._create, "POST"),
            PlainRoute(f"{path}/cancel", self._cancel_queued, "POST"),
            PlainRoute(one, self._create, "PUT"),
            PlainRoute(f"{one}/cancel", self._cancel, "POST"),
        ]

    async def _create(self, request: Request) -> Response:
        """Start a prediction, or attach to the one whose id is in the path (`PUT`)."""
        prediction_id = request.path_params.get(PARAMETER)
        try:
            with Body(self.api.bodies) as body:
                await body.read(request)
                envelope = await read_envelope(request, body)
                if prediction_id is not None:
                    _check_id(prediction_id, envelope)
                mode = self._mode(request)
                if prediction_id is not None and (found := self._find(prediction_id)) is not None:
                    return await self._attached(found, mode)
                prediction = await self._start(request, envelope, body, prediction_id)
            del envelope  # large inputs are the predictor's alone, however long that takes
            return await self._reported(prediction, mode, request)
        except BodyRefused as error:
            return _unbilled(_body_refusal(error))
        except (Malformed, NotAcceptable, RequestError) as error:
            return _unbilled(refusal(error))

    async def _cancel(self, request: Request) -> Response:
        """Cancel a prediction that was started through this API."""
        prediction = self._find(request.path_params[PARAMETER])
        if prediction is None:
            return JsonResponse({}, 404)
        prediction.cancel()
        return JsonResponse({})

    async def _cancel_queued(self, request: Request) -> Response:
        """Cancel the prediction whose own request carried the same `x-fal-request-id`."""
        prediction = self.queued.get(request.headers.get(REQUEST_ID, ""))
        if prediction is None:
            return JsonResponse({}, 404)
        prediction.cancel()
        return JsonResponse({})

    def _find(self, prediction_id: str) -> Prediction | None:
        """Return the prediction with this id if it has not ended."""
        try:
            return self.model.service.find(prediction_id, API)
        except UnknownPrediction:
            return None

    def _mode(self, request: Request) -> AnswerMode:
        if "text/event-stream" in request.headers.get("accept", "").lower():
            if self.no_events is not None:
                raise NotAcceptable(self.no_events)
            return AnswerMode.EVENTS
        return AnswerMode.ASYNC if _prefers_async(request) else AnswerMode.WAIT

    async def _start(
        self, request: Request, envelope: Envelope, body: Body, prediction_id: str | None
    ) -> Prediction:
        """Start a prediction at once, or once a cancelled one has made room, or not at all.

        Raises:
            InvalidInput: The inputs do not fit.
            NotReady: Setup has not finished, or has failed.
            Busy: Every slot is taken; AlreadyRunning where the id is.
        """
        name = prediction_id or envelope.id or new_id()
        validator = self.model.validator
        values = await body.process(validator.parse, envelope.input, slow=validator.slow)
        await self.model.service.wait_for_leaving()
        submit = partial(self._submitted, request, envelope, name, values)
        prediction = self.api.tracing.around(request.headers, submit, self.kind)
        if body.quick:
            prediction.input = values
        body.needed_by = prediction
        if REQUEST_ID in request.headers:
            self._note(prediction, request.headers[REQUEST_ID])
        return prediction

    def _submitted(
        self,
        request: Request,
        envelope: Envelope,
        name: str,
        values: dict[str, Any],
        trace: dict[str, str],
    ) -> Prediction:
        prefix = envelope.output_file_prefix
        prediction = self.model.service.submit(
            Submission(
                values=values,
                deliverer=partial(self._deliverer, request, prefix, name),
                id=name,
                api=API,
                context=trace | envelope.context,
                wait=False,
            )
        )
        if envelope.webhook is not None:
            target = Target(envelope.webhook, envelope.events, trace)
            self.api.webhooks.start(CogSubject(prediction), target)
        return prediction

    def _deliverer(self, request: Request, prefix: str | None, name: str) -> OutputDeliverer:
        return self.model.deliverer(request, self.api.uploads.store(prefix, name))

    def _note(self, prediction: Prediction, name: str) -> None:
        """Let fal's queue cancel the prediction by its request's id, as long as it runs.

        Of two requests with one id, as after a retry, the later is meant.
        """
        self.queued[name] = prediction

        def forget(_: object) -> None:
            if self.queued.get(name) is prediction:
                del self.queued[name]

        asyncio.ensure_future(prediction.wait()).add_done_callback(forget)

    async def _attached(self, prediction: Prediction, mode: AnswerMode) -> Response:
        """Answer about a prediction that somebody else may be waiting for."""
        if mode is not AnswerMode.EVENTS:
            state = messages.progress(prediction)
            if prediction.input is not None:
                show = partial(messages.shown_inputs, secret=self.model.validator.secret)
                state["input"] = await anyio.to_thread.run_sync(show, prediction.input)
            return JsonResponse(state, 202)
        replays = self.model.service.settings.history > 0
        watch = prediction.events(0 if replays else sys.maxsize)
        return EventStream(watch, messages.event_of(prediction), _leave_running)

    async def _reported(
        self, prediction: Prediction, mode: AnswerMode, request: Request
    ) -> Response:
        """Answer about a new prediction; a client that waits and leaves cancels it."""
        match mode:
            case AnswerMode.EVENTS:
                watch = prediction.events(holds=True)
                return EventStream(watch, messages.event_of(prediction), prediction.cancel)
            case AnswerMode.ASYNC:
                return JsonResponse(messages.accepted(prediction.id), 202)
            case AnswerMode.WAIT:
                await cancel_on_disconnect(prediction.wait(), request, prediction.cancel)
                return JsonResponse(messages.ended(prediction), headers=billed(prediction))


def _leave_running() -> None:
    """Leave the prediction to whoever started it."""


def _check_id(prediction_id: str, envelope: Envelope) -> None:
    if not is_id(prediction_id):
        raise Malformed(422, ("path", PARAMETER), ID_RULE)
    if envelope.id not in (None, prediction_id):
        raise Malformed(422, ("body", "id"), messages.OTHER_ID)


def _prefers_async(request: Request) -> bool:
    """Read `Prefer` as RFC 7240 has it: a list of preferences, in any number of headers."""
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(wish.partition(";")[0].strip().lower() == "respond-async" for wish in wishes)


def _unbilled(response: Response) -> Response:
    """Say that a request for which nothing was started costs nothing on fal."""
    response.headers[BILLABLE] = "0"
    return response


def _body_refusal(error: BodyRefused) -> Response:
    """Answer a request whose body was not read to its end."""
    if error.status == 429:
        return JsonResponse(messages.refused(str(error)), 429, {"Retry-After": "1"})
    return JsonResponse(messages.detail(("body",), str(error)), error.status)


def refusal(error: Malformed | NotAcceptable | RequestError) -> Response:
    """Answer a request for which nothing was started."""
    match error:
        case Malformed(status=status, loc=loc, message=message):
            return JsonResponse(messages.detail(loc, message), status)
        case NotAcceptable():
            return JsonResponse({"error": str(error)}, 406)
        case InvalidInput():
            return JsonResponse(messages.invalid_input(error), 422)
        case NotReady():
            return JsonResponse(messages.refused(messages.NOT_READY), 503)
        case AlreadyRunning():
            return JsonResponse(messages.refused(str(error)), 409)
        case _:
            return JsonResponse(messages.refused(messages.AT_CAPACITY), 409)

"""Serve fal's doors: `POST /`, `/stream` and their `/cancel`, for predictions or trainings.

One `Endpoint` stands for one service. It takes the bare inputs as a flat JSON object, so it never
needs more of the request than body, headers and whether the caller is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from cogfal.engine.ports import Deliverer
from cogfal.engine.prediction import Completed, Output, Prediction
from cogfal.engine.service import Service, Submission
from cogfal.errors import CogfalError, InvalidInput, Problem
from cogfal.schema.validation import Validator
from cogfal.server.failures import Failure, failure
from cogfal.spec import JSON, ObjectType

REQUEST_ID = "x-fal-request-id"
DOOR = "fal"
UNWATCHED = 0.05  # seconds: a caller that leaves is looked for only after this
HEARTBEAT = 15.0  # seconds between signs of life on a silent stream
BODY_LIMIT = 256 * 1024 * 1024  # bytes of one request's JSON

Event: TypeAlias = dict[str, JSON] | Failure
"""What a stream sends: an output as its JSON object, or the failure that ends it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """fal's doors to one service.

    `deliverer` makes, for a request, what turns results into JSON; `output_name` is the key that
    holds a result which is not an object of its own.
    """

    service: Service
    validator: Validator
    deliverer: Callable[[Request], Deliverer]
    output_name: str = "output"
    timings: bool = False

    async def call(self, request: Request) -> Response:
        """Answer with the whole result; a caller that drops the connection cancels."""
        try:
            prediction = await self._submit(request)
            await _finish(prediction, request)
            return self._answer(prediction, await prediction.result())
        except CogfalError as error:
            return failure(error).response()

    async def stream(self, request: Request) -> Response:
        """Answer with server-sent events, one for each output and one for the whole.

        Errors before the first output are plain HTTP answers, later ones an event with `error`.
        Dropping the connection cancels.
        """
        try:
            prediction = await self._submit(request)
        except CogfalError as error:
            return failure(error).response()
        events = _with_heartbeats(self._events(prediction))
        first = await _first(events, prediction, request)
        if isinstance(first, Failure):
            return first.response()
        return StreamingResponse(
            _frames(first, events, prediction),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

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

    def _answer(self, prediction: Prediction, output: JSON) -> Response:
        body = self._shape(output)
        if self.timings:
            body = {**body, "timings": prediction.timings}
        return Response(to_json(body), media_type="application/json")

    def _shape(self, output: JSON) -> dict[str, JSON]:
        if isinstance(self.service.spec.output, ObjectType) and isinstance(output, dict):
            return output
        return {self.output_name: output}

    async def _events(self, prediction: Prediction) -> AsyncIterator[Event]:
        async for event in prediction.events():
            match event:
                case Output(chunk, index):
                    yield {self.output_name: chunk, "index": index}
                case Completed():
                    yield await self._last(prediction)
                case _:
                    pass

    async def _last(self, prediction: Prediction) -> Event:
        try:
            return {**self._shape(await prediction.result()), "completed": True}
        except CogfalError as error:
            return failure(error)


async def _finish(prediction: Prediction, request: Request) -> None:
    """Wait for the end; cancel, and still wait, when the caller leaves or this is cancelled."""
    done = asyncio.ensure_future(prediction.wait())
    try:
        await asyncio.wait({done}, timeout=UNWATCHED)
        if not done.done():
            await _watch(done, prediction, request)
    except asyncio.CancelledError:
        prediction.cancel()
        raise
    finally:
        done.cancel()


async def _watch(done: asyncio.Future[Any], prediction: Prediction, request: Request) -> None:
    """Wait for `done`; a caller that leaves first cancels the prediction."""
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            prediction.cancel()
            await done
    finally:
        gone.cancel()


async def _first(
    events: AsyncIterator[Event | None], prediction: Prediction, request: Request
) -> Event | None:
    """Return the first event, or None where the stream has to be kept open before it comes."""
    first = asyncio.ensure_future(anext(events))
    try:
        await _watch(first, prediction, request)
        return first.result()
    finally:
        first.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise InvalidInput(
                [Problem((), f"The request body exceeds {BODY_LIMIT} bytes", "too_large")]
            )
        chunks.append(chunk)
    return b"".join(chunks)


async def _frames(
    first: Event | None, events: AsyncIterator[Event | None], prediction: Prediction
) -> AsyncIterator[bytes]:
    try:
        yield _frame(first)
        async for event in events:
            yield _frame(event)
    finally:
        prediction.cancel()


async def _with_heartbeats(events: AsyncIterator[Event]) -> AsyncIterator[Event | None]:
    """Pass events on, and None whenever there was none for a while."""
    waiting: asyncio.Future[Event] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(events))
            await asyncio.wait({waiting}, timeout=HEARTBEAT)
            if not waiting.done():
                yield None
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield event
    finally:
        if waiting is not None:
            waiting.cancel()


def _frame(event: Event | None) -> bytes:
    if event is None:
        return b": heartbeat\n\n"
    if isinstance(event, Failure):
        event = {"error": _message(event.detail), "detail": event.detail, "status": event.status}
    return b"data: " + to_json(event) + b"\n\n"


def _message(detail: JSON) -> str:
    return detail if isinstance(detail, str) else "; ".join(str(entry["msg"]) for entry in detail)

"""Lay out Cog's HTTP API as Starlette routes."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cogfal.server import messages
from cogfal.server.api import CogApi
from cogfal.server.door import CogDoor, answer


def routes(api: CogApi) -> list[BaseRoute]:
    """Return the routes of Cog's HTTP API, to be put before others at the root of an app.

    They take `GET` of `/`, `/health-check` and `/openapi.json`, `/predictions`, `/shutdown`, and
    `/trainings` where the app has a trainer; `POST /` stays free.
    """
    pages = _Pages(api)
    return [
        Route("/", pages.index, methods=["GET"]),
        Route("/health-check", pages.health_check, methods=["GET"]),
        Route("/openapi.json", pages.openapi, methods=["GET"]),
        Route("/shutdown", pages.shutdown, methods=["POST"]),
        *_predictions(api).routes(),
        *(_trainings(api).routes() if api.trainings is not None else []),
    ]


def _predictions(api: CogApi) -> CogDoor:
    streaming = api.predictions.streaming
    return CogDoor("/predictions", api.predictions, api.webhooks, api.uploads, streaming)


def _trainings(api: CogApi) -> CogDoor:
    assert api.trainings is not None
    refusal = messages.NO_TRAINING_STREAM
    return CogDoor("/trainings", api.trainings, api.webhooks, api.uploads, False, refusal)


class _Pages:
    """The answers that are not about one prediction."""

    def __init__(self, api: CogApi) -> None:
        self._api = api

    async def index(self, _request: Request) -> Response:
        return answer(messages.index(trainings=self._api.trainings is not None))

    async def health_check(self, _request: Request) -> Response:
        health = await self._api.predictions.service.health()
        return answer(messages.health_check(health, self._api.version))

    async def openapi(self, _request: Request) -> Response:
        return answer(self._api.document())

    async def shutdown(self, _request: Request) -> Response:
        end = self._api.shutdown
        if end is None:
            return answer({"error": "set allow_shutdown on the App to let callers end it"}, 403)
        response = answer({})
        response.background = BackgroundTask(end)
        return response

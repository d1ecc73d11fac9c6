"""Make what serves one app: the services of its predictor and trainer, and both APIs over them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cogfal.concurrency import on_daemon_thread
from cogfal.engine.guest_python import GuestPython
from cogfal.engine.lifecycle import Grace, HealthStatus, Moment
from cogfal.engine.service import Service
from cogfal.errors import SetupError
from cogfal.files.cache import FileCache
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import OPERATORS, FetchBudget
from cogfal.files.progress import write_line
from cogfal.files.store import ROUTE as FILES
from cogfal.files.workspace import sweep
from cogfal.guest.capture import Capture
from cogfal.inputs import materialiser_for
from cogfal.outputs.directories import OutputDirectories
from cogfal.schema.core_types import Dialect
from cogfal.schema.document import document
from cogfal.schema.validation import Validator
from cogfal.server.caller import Bodies
from cogfal.server.cog_api import CogApi, ServedModel
from cogfal.server.connections import Connections, guard, write_afterwards
from cogfal.server.fal_api import Endpoint
from cogfal.server.lifespan import (
    Provided,
    end_by,
    end_process,
    favour_loop,
    heed_signals,
)
from cogfal.server.middleware import Handler, answer_directly
from cogfal.server.requester import Requester
from cogfal.server.stores import AppStores, StoreChooser, Uploads
from cogfal.server.tracing import Tracing
from cogfal.server.webhooks import Webhooks, WebhookSettings, settings_from
from cogfal.settings import AppSettings
from cogfal.spec import JSON, IteratorType, PredictorSpec, Role
from cogfal.version import __version__

NAMED = 10  # how many unknown inputs are named in the log
LONGEST_NAME = 100  # characters of such a name
NONE: Mapping[str, str] = MappingProxyType({})
WEBHOOK_SECONDS = 2.0  # that webhooks may still take when the app ends, at most
UNHEALTHY = (HealthStatus.UNHEALTHY, HealthStatus.DEFUNCT, HealthStatus.SETUP_FAILED)


class Serving:
    """What one app serves: its predictor, its trainer and everything that is shared by both.

    Making it reads and starts nothing, not even variables of the environment, so that the deploying
    machine can ask it for its document.

    Args:
        spec: The predictor.
        trainer: The trainer, where there is one.
        root: The project's directory on this machine.
        settings: What the App class says.
        choose_store: Says where output files go.
        title: The app's name, for the document.
        grace: Seconds from being told to end until the process is killed.
        given: The predictor itself, where it travels with the App.
        provide: Gives the author's code what it expects on this machine, such as weights, before
            it is imported. It may take long, and is given up where the app is told to end.
        variables: What this process gets into its environment when it starts.
        examples: Those of the project's examples.yaml, files as "@path" below `root`.

    Raises:
        SettingError: The settings do not go together.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        trainer: PredictorSpec | None,
        root: Path,
        *,
        settings: AppSettings,
        choose_store: StoreChooser,
        title: str,
        grace: float,
        given: object = None,
        provide: Callable[[], Provided] | None = None,
        variables: Mapping[str, str] = NONE,
        examples: tuple[dict[str, Any], ...] = (),
    ) -> None:
        self._settings = settings
        self._root = root
        self._title = title
        self._seconds = grace
        self._grace: Grace | None = None
        self._examples = examples
        self._provide = provide
        self._variables = variables
        self._interpreter: GuestPython | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: Connections | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Future[None] | None = None
        self._at_end = AsyncExitStack()
        self._capture = Capture()
        self._tracing = Tracing()
        self._bodies = Bodies(settings.host.max_body_bytes)
        self._requester = Requester(allow_private_hosts=settings.host.allow_private_hosts)
        self._webhooks = Webhooks(self._requester, WebhookSettings(), write_line)
        self._stores = self._app_stores(choose_store)
        specs = [spec] if trainer is None else [spec, trainer]
        self._services = self._make_services(specs, given)
        self._endpoints = [self._endpoint(each) for each in self._services]

    def _app_stores(self, choose: StoreChooser) -> AppStores:
        files = self._settings.files
        caches = [Path(files.file_cache)] if files.file_cache else []
        places = [Path(place) for place in files.output_places]
        directories = OutputDirectories(self._root, places, caches)
        return AppStores(files, choose, directories, data_urls=self._settings.host.data_urls)

    def _make_services(self, specs: Sequence[PredictorSpec], given: object) -> list[Service]:
        """Make the predictor's service, and the trainer's; they download through one fetcher."""
        limits, cached = self._settings.file_limits, self._settings.files.file_cache
        fetcher = HttpFetcher(limits)
        cache = FileCache(Path(cached), fetcher) if cached else None
        return [
            Service(
                spec,
                self._root,
                materialiser_for(spec, fetcher, limits, cache=cache),
                settings=self._settings.engine,
                fetch_weights=self._fetch_weights,
                capture=self._capture,
                given=given if spec is specs[0] else None,
                interpreter=lambda: self._interpreter,
                at_first_use=spec.role is Role.TRAIN,
            )
            for spec in specs
        ]

    @property
    def handlers(self) -> dict[str, Handler]:
        """What answers at the paths of fal's endpoints, as far as this app has a use for them."""
        predictor, *trainers = self._endpoints
        found: dict[str, Handler] = {"/": predictor.call, "/cancel": predictor.cancel}
        if isinstance(self._services[0].spec.output, IteratorType):
            found |= {"/stream": predictor.stream, "/stream/cancel": predictor.cancel}
        for trainer in trainers:
            found |= {"/train": trainer.call, "/train/cancel": trainer.cancel}
        return found

    async def run(self, inputs: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return what `/` would answer, for an endpoint of the App's author; see `Endpoint.run`."""
        return await self._endpoints[0].run(inputs)

    async def start(self) -> None:
        """Remove what killed processes left, then set up the predictor.

        The trainer is set up when the first training asks for it.

        Raises:
            SetupError: One of them cannot be brought up; its traceback has been printed. Or the
                process was told to end meanwhile.
            SettingError: A variable of Cog's has a value that makes no sense.
        """
        self._webhooks.settings = settings_from()
        os.environ.update(self._variables)
        self._tracing.start()
        self._loop = asyncio.get_running_loop()
        self._connections = guard(self._loop)
        self._starting = asyncio.ensure_future(self._start())
        try:
            await self._starting
        except asyncio.CancelledError as error:
            if self._ending is None:
                raise
            raise SetupError("the app was told to end before setup was over") from error

    async def _start(self) -> None:
        self._at_end.callback(favour_loop())
        self._at_end.callback(heed_signals(self._heed))
        self._at_end.callback(write_afterwards())
        await anyio.to_thread.run_sync(sweep)
        if self._provide is not None:
            provided = await on_daemon_thread(self._provide)
            self._at_end.callback(provided.withdraw)
            self._interpreter = provided.interpreter
        self._stores.open()
        for service in self._services:
            await service.setup()

    def wind_down(self) -> None:
        """Begin to end setup or the predictions, from a signal handler; `stop` does the rest.

        The server asks for `stop` only once every request is answered, and would wait for ever for
        those whose predictions do not end by themselves.
        """
        self._begin_grace()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_to_end)

    def _heed(self) -> None:
        """Begin to end because the process was told to, and see that it has ended in time."""
        if self._grace is None:
            assert self._loop is not None
            seconds = self._begin_grace().left(Moment.OVER)
            end_by(seconds, self._capture.numbers()[1], self._loop)
        self.wind_down()

    async def stop(self) -> None:
        """Let running predictions end, then give everything back, within the grace period."""
        grace = self._begin_grace()
        last = partial(grace.within, Moment.CLOSED)
        async with AsyncExitStack() as steps:  # the last one first, and each whatever another does
            steps.push_async_exit(self._at_end)
            steps.push_async_callback(last, on_daemon_thread, self._stores.close)
            steps.push_async_callback(last, on_daemon_thread, self._tracing.close)
            steps.push_async_callback(last, self._stores.drain)
            for service in self._services:
                steps.push_async_callback(service.shutdown, grace)
            await self._begin_to_end()

    def _begin_grace(self) -> Grace:
        if self._grace is None:
            self._grace = Grace(self._seconds)
        return self._grace

    def _begin_to_end(self) -> asyncio.Future[None]:
        if self._ending is None:
            if self._starting is not None:
                self._starting.cancel()
            self._bodies.close()
            self._ending = asyncio.ensure_future(self._end_predictions(self._begin_grace()))
        return self._ending

    async def _end_predictions(self, grace: Grace) -> None:
        """Let predictions end, and whoever hears of them."""
        await asyncio.gather(*(each.drain(grace) for each in self._services))
        left = grace.left(Moment.CANCELLED) or grace.left(Moment.TOLD)
        await grace.within(Moment.TOLD, self._part, left)

    async def _part(self, seconds: float) -> None:
        """Let callers read, and receivers of webhooks hear, for so many seconds at most."""
        closing = [self._webhooks.close(min(seconds, WEBHOOK_SECONDS))]
        if self._connections is not None:
            closing.append(self._connections.end(seconds))
        await asyncio.gather(*closing)

    def mount(self, app: FastAPI, endpoints: Collection[object]) -> None:
        """Put Cog's API before what is there, and one document in place of FastAPI's own.

        Of fal's endpoints, `endpoints` are asked without FastAPI.
        """
        generated = app.openapi
        app.openapi = partial(self._document, generated)  # type: ignore[method-assign]
        app.router.routes[:0] = [
            *self._cog_api(app).routes(),
            Route(FILES + "/{token}/{name}", self._stores.serve, methods=["GET"]),
            *(self._playground() if self._settings.host.playground else []),
        ]
        answer_directly(app, endpoints, self.handlers)

    def _playground(self) -> list[BaseRoute]:
        from cogfal.playground import routes  # noqa: PLC0415  # it travels only where asked for

        return routes(self._examples, self._root, self._watch)

    def _watch(self, prediction_id: str, start: int) -> dict[str, JSON] | None:
        told = (each.watch(prediction_id, start) for each in self._endpoints)
        return next((each for each in told if each is not None), None)

    async def check_health(self) -> Response:
        """Answer fal's health check: 200, or 500 with the reason."""
        health = await self._services[0].health()
        status = 500 if health.status in UNHEALTHY else 200
        return JSONResponse({"status": health.status.value, "error": health.error}, status)

    def _endpoint(self, service: Service) -> Endpoint:
        return Endpoint(
            service=service,
            validator=Validator(service.spec, Dialect.FAL, on_unknown=_warn_unknown),
            deliverer=self._stores.media,
            output_name=self._settings.host.output_name,
            timings=self._settings.host.timings,
            logs=self._settings.host.playground,
            bodies=self._bodies,
            tracing=self._tracing,
        )

    def _cog_api(self, app: FastAPI) -> CogApi:
        host = self._settings.host
        models = [self._model(service) for service in self._services]
        return CogApi(
            predictor=models[0],
            trainer=models[1] if len(models) > 1 else None,
            document=app.openapi,
            webhooks=self._webhooks,
            uploads=Uploads(self._requester, host.upload_url, host.allow_output_prefix),
            shutdown=end_process if host.allow_shutdown else None,
            version=__version__,
            bodies=self._bodies,
            tracing=self._tracing,
        )

    def _model(self, service: Service) -> ServedModel:
        validator = Validator(service.spec, Dialect.COG, on_unknown=_warn_unknown)
        return ServedModel(service, validator, self._stores.urls)

    async def _fetch_weights(self, url: str, directory: Path) -> Path:
        """Fetch what the operator named in `COG_WEIGHTS`: from anywhere, and of any size."""
        budget = FetchBudget(OPERATORS)
        fetcher = HttpFetcher(OPERATORS, hashes=True)
        if self._settings.files.file_cache is not None:
            return await FileCache(Path(self._settings.files.file_cache), fetcher).get(url, budget)
        return (await fetcher.fetch(url, directory, budget)).path

    def _document(self, generated: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Describe Cog's API and fal's, and the endpoints that the App's author added."""
        spec, *trainer = [service.spec for service in self._services]
        written = document(
            spec,
            trainer[0] if trainer else None,
            title=self._title,
            version=__version__,
            output_name=self._settings.host.output_name,
            streaming="/stream" in self.handlers,
            examples=self._examples,
        )
        added = generated()
        schemas = added.get("components", {}).get("schemas", {})
        written["paths"] = written["paths"] | _absent(added["paths"], written["paths"])
        written["x-fal-order-paths"] = list(written["paths"])
        written["components"]["schemas"] |= _absent(schemas, written["components"]["schemas"])
        return written


def _absent(added: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in added.items() if name not in present}


def _warn_unknown(names: tuple[str, ...]) -> None:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    shown = ", ".join(repr(name[:LONGEST_NAME]) for name in names[:NAMED])
    write_line(f"cogfal: unknown inputs dropped: {shown}{more}")

"""Serve a project with Cog's HTTP API of cogfal: `python -m tests.server.ours ROOT REF PORT`.

The routes stand alone here, in a plain Starlette app; the pieces are wired as an App wires them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from cogfal.engine.lifecycle import Grace
from cogfal.engine.service import Service
from cogfal.errors import SetupError
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import FileLimits
from cogfal.files.store import ROUTE as FILES
from cogfal.files.store import DataUrlStore, LocalStore, Store
from cogfal.inputs import Materialiser
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.reading import read_predictor
from cogfal.schema.core_types import Dialect
from cogfal.schema.document import document
from cogfal.schema.validation import Validator
from cogfal.server.cog_api import CogApi, ServedModel
from cogfal.server.requester import Requester
from cogfal.server.stores import Uploads
from cogfal.server.webhooks import Webhooks, settings_from
from cogfal.settings import EngineSettings
from cogfal.spec import PredictorSpec, Role
from tests.modes import SHARED, interpreter_of

LOG = logging.getLogger("uvicorn.error")


def main() -> None:
    """Serve until the process is ended."""
    asked = _arguments()
    asyncio.run(_serve(asked))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("ref")
    parser.add_argument("port", type=int)
    parser.add_argument("--mode", default=SHARED)
    parser.add_argument("--train")
    parser.add_argument("--upload-url")
    parser.add_argument("--prefix", action="store_true")
    parser.add_argument("--public-only", action="store_true")
    parser.add_argument("--store", choices=["local", "data"], default="data")
    parser.add_argument("--allow-shutdown", action="store_true")
    return parser.parse_args()


async def _serve(asked: argparse.Namespace) -> None:
    limits = FileLimits(allow_private_hosts=not asked.public_only)
    kept = LocalStore()
    spec = read_predictor(asked.ref, asked.root)
    train_spec = read_predictor(asked.train, asked.root, role=Role.TRAIN) if asked.train else None
    predictor = _model(spec, asked, limits, kept)
    trainer = _model(train_spec, asked, limits, kept) if train_spec else None
    requester = Requester(allow_private_hosts=not asked.public_only)
    server = uvicorn.Server(uvicorn.Config(Starlette(), "127.0.0.1", asked.port))
    api = CogApi(
        predictor=predictor,
        document=partial(document, spec, train_spec, title="App", version="1"),
        webhooks=Webhooks(requester, settings_from(), LOG.warning),
        uploads=Uploads(requester, asked.upload_url, asked.prefix),
        trainer=trainer,
        shutdown=partial(setattr, server, "should_exit", True) if asked.allow_shutdown else None,
        version="0",
    )
    services = [model.service for model in (predictor, trainer) if model is not None]
    files = Route(FILES + "/{token}/{name}", kept.serve, methods=["GET"])
    server.config.app = Starlette(
        routes=[*api.routes(), files], lifespan=partial(_lifespan, api, services)
    )
    await server.serve()


def _model(
    spec: PredictorSpec, asked: argparse.Namespace, limits: FileLimits, kept: LocalStore
) -> ServedModel:
    materialiser = Materialiser(spec, HttpFetcher(limits), limits)
    find = interpreter_of(asked.mode)
    settings = EngineSettings()
    service = Service(spec, asked.root, materialiser, settings=settings, interpreter=find)

    def deliverer(request: Request, upload: Store | None) -> Deliverer:
        own: Store = DataUrlStore() if asked.store == "data" else kept.at(str(request.base_url))
        return Deliverer(upload or own, Style.URL, OutputDirectories(asked.root))

    return ServedModel(service, Validator(spec, Dialect.COG), deliverer)


@contextlib.asynccontextmanager
async def _lifespan(api: CogApi, services: list[Service], _app: Starlette) -> AsyncIterator[None]:
    setup = asyncio.ensure_future(_set_up(services))
    yield
    setup.cancel()
    for service in services:
        await service.shutdown(Grace(10, running=0))
    await api.webhooks.close(grace=1)


async def _set_up(services: list[Service]) -> None:
    """Set up one after the other, beside the server, which answers about the first meanwhile."""
    for service in reversed(services):  # so that none is missing once the first is ready
        try:
            await service.setup()
        except SetupError as error:  # noqa: PERF203  # few
            LOG.warning("setup failed: %s", error)


if __name__ == "__main__":
    main()

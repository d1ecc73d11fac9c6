"""The metrics of requests are those of the middleware that fal adds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette_exporter import PrometheusMiddleware

from cogfal.server.middleware import (
    PlainRoute,
    RequestMetrics,
    answer_directly,
    light_metrics,
    lighten_middleware,
)

ASKED = [
    ("GET", "/things/1"),
    ("GET", "/things/2"),
    ("POST", "/things/1"),
    ("POST", "/plain/1"),
    ("POST", "/plain/2"),
    ("GET", "/plain/1"),
    ("GET", "/fixed"),
    ("HEAD", "/fixed"),
    ("POST", "/fixed"),
    ("GET", "/below/deep/x"),
    ("GET", "/fails"),
    ("GET", "/silent"),
    ("GET", "/nowhere"),
]


async def answers(request: Request) -> Response:
    """Answer with a status of its own."""
    return PlainTextResponse(request.url.path, 418)


async def fails(_request: Request) -> Response:
    """Raise."""
    raise ValueError("broken")


class Silent(Response):
    """A response that is none."""

    async def __call__(self, *_: object) -> None:
        """Send nothing."""


async def silent(_request: Request) -> Response:
    """Return without an answer."""
    return Silent()


def counted(
    prefix: str, root_path: str, *, light: bool, asked: Sequence[tuple[str, str]] = ASKED
) -> list[tuple[str, Any, float]]:
    """Ask an app that counts under a prefix of its own; return what it has counted."""
    app = FastAPI(root_path=root_path)
    app.router.routes[:0] = [
        PlainRoute("/plain/{name}", answers, "POST"),
        PlainRoute("/fixed", answers, "GET"),
        Route("/things/{name}", answers, methods=["GET"]),
        Mount("/below", Starlette(routes=[Route("/deep/{name}", answers)])),
        Route("/fails", fails),
        Route("/silent", silent),
    ]
    app.add_middleware(
        PrometheusMiddleware,
        prefix=prefix,
        group_paths=True,
        filter_unhandled_paths=True,
        app_name="app",
    )
    if light:
        lighten_middleware(app)
        answer_directly(app, (), {})

    async def ask() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            for method, path in asked:
                with suppress(AssertionError):  # of the client's, where there is no answer
                    await client.request(method, root_path + path, content=b"")

    asyncio.run(ask())
    samples = [each for metric in REGISTRY.collect() for each in metric.samples]
    return sorted(
        (each.name.removeprefix(prefix), sorted(each.labels.items()), each.value)
        for each in samples
        if each.name.startswith(prefix) and each.name.endswith(("_total", "_count", "_progress"))
    )


@pytest.mark.parametrize("root_path", ["", "/root"])
def test_requests_are_counted_as_by_fal(root_path: str) -> None:
    """By method, route and status, those that fail too; none without a route."""
    name = root_path.strip("/")

    theirs = counted(f"theirs{name}", root_path, light=False)
    ours = counted(f"ours{name}", root_path, light=True)

    assert ours == theirs
    routes = {labels["path"] for _, pairs, _ in ours if "path" in (labels := dict(pairs))}
    assert {"/things/{name}", "/plain/{name}", "/fixed", "/below/deep/{name}", "/fails"} <= routes


def test_invented_methods_are_counted_together() -> None:
    """Each series is kept as long as the process."""
    asked = [(f"INVENTED{number}", path) for number in range(9) for path in ("/things/1", "/none")]

    found = counted("invented", "", light=True, asked=asked)

    assert [dict(labels)["method"] for _, labels, _ in found] == ["OTHER"]


def test_what_is_asked_for_more_is_left_as_it_is() -> None:
    """It may be asked for other metrics one day."""
    usual = {"prefix": "http", "group_paths": True, "filter_unhandled_paths": True}
    asked: list[dict[str, Any]] = [usual, {**usual, "skip_paths": ["/"]}, {"prefix": "http"}]

    given = [Middleware(PrometheusMiddleware, **each) for each in asked]

    kinds: list[object] = [light_metrics(each).cls for each in given]
    assert kinds == [RequestMetrics, PrometheusMiddleware, PrometheusMiddleware]

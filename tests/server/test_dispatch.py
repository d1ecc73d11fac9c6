"""fal's middlewares run the light way, compared with Starlette's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from cogfal.server.dispatch import CallNext, lighten

Make = Callable[[FastAPI], None]


def starlettes_own(_app: FastAPI) -> None:
    """Leave the middlewares as Starlette runs them."""


@pytest.fixture(params=[starlettes_own, lighten], ids=["starlette", "light"])
def way(request: pytest.FixtureRequest) -> Make:
    """One of the two ways."""
    made: Make = request.param
    return made


def app_with(dispatch: Any, way: Make, **routes: Any) -> FastAPI:
    """Make an app with a middleware that fal could have written, run in one of the two ways."""
    app = FastAPI()
    for path, endpoint in routes.items():
        app.add_api_route(f"/{path}", endpoint, methods=["GET", "POST"], response_model=None)
    dispatch.__module__ = "fal.app"
    app.middleware("http")(dispatch)
    way(app)
    return app


async def asked(app: FastAPI, path: str, **options: Any) -> httpx.Response:
    """Ask the app in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.post(path, **options)


async def passes(request: Request, call_next: CallNext) -> Response:
    """Add a header to whatever comes."""
    response = await call_next(request)
    response.headers["x-seen"] = request.url.path
    return response


def test_headers_may_be_added(way: Make) -> None:
    """Status, body and headers are the app's, and the function's header is there too."""

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return PlainTextResponse(body[::-1], 418, {"x-own": "1"})

    answer = asyncio.run(asked(app_with(passes, way, echo=endpoint), "/echo", content=b"abc"))

    assert (answer.status_code, answer.text) == (418, "cba")
    assert (answer.headers["x-own"], answer.headers["x-seen"]) == ("1", "/echo")


def test_the_function_may_answer_itself(way: Make) -> None:
    """The app is not asked."""

    async def refuses(_request: Request, _call_next: CallNext) -> Response:
        return JSONResponse({"detail": "no"}, 403)

    answer = asyncio.run(asked(app_with(refuses, way), "/anything"))

    assert (answer.status_code, answer.json()) == (403, {"detail": "no"})


def test_an_error_of_the_app_reaches_the_function(way: Make) -> None:
    """What is raised before the response begins is raised from `call_next`."""
    seen: list[str] = []

    async def watches(request: Request, call_next: CallNext) -> Response:
        try:
            return await call_next(request)
        except ValueError as error:
            seen.append(str(error))
            raise

    async def endpoint() -> Response:
        raise ValueError("broken")

    answer = asyncio.run(asked(app_with(watches, way, fails=endpoint), "/fails"))

    assert answer.status_code == 500
    assert seen == ["broken"]


def test_background_tasks_run_after_the_answer(way: Make) -> None:
    """Those of the app and those that the function sets."""
    ran: list[str] = []

    async def sets(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        response.background = BackgroundTask(ran.append, "function")
        return response

    async def endpoint() -> Response:
        return PlainTextResponse("ok", background=BackgroundTask(ran.append, "app"))

    answer = asyncio.run(asked(app_with(sets, way, works=endpoint), "/works"))

    assert answer.text == "ok"
    assert sorted(ran) == ["app", "function"]


def test_a_stream_passes_piece_by_piece(way: Make) -> None:
    """A piece is sent before the next one is made."""
    order: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            order.append(f"made {number}")
            yield f"{number}".encode()

    async def endpoint() -> Response:
        return StreamingResponse(pieces())

    app = app_with(passes, way, streams=endpoint)
    bodies = asyncio.run(_sent(app, order))

    assert b"".join(bodies) == b"012"
    assert order.index("sent 0") < order.index("made 2")


async def _sent(app: FastAPI, order: list[str]) -> list[bytes]:
    """Drive the app by hand; return the bodies that it sent."""
    bodies: list[bytes] = []
    asked_once = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked_once.is_set():
            await asyncio.Event().wait()
        asked_once.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            order.append(f"sent {len(bodies)}")
            bodies.append(message["body"])

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/streams",
        "raw_path": b"/streams",
        "query_string": b"",
        "headers": [],
        "root_path": "",
        "scheme": "http",
        "server": ("app", 80),
        "app": app,
    }
    await app(scope, receive, send)
    return bodies


def test_cancelling_the_request_cancels_the_app() -> None:
    """Nothing is left running behind a request that was given up."""
    ended: list[str] = []

    started = asyncio.Event()

    async def endpoint() -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")
        return Response()

    async def main() -> None:
        task = asyncio.ensure_future(asked(app_with(passes, lighten, waits=endpoint), "/waits"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert ended == ["cleaned up"]


def test_other_middlewares_stay_as_they_are() -> None:
    """Only functions that fal wrote are run the light way; others may read the body."""

    async def own(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        response.headers["x-length"] = str(len(await request.body()))
        return response

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(await request.body())

    app = FastAPI()
    app.add_api_route("/echo", endpoint, methods=["POST"], response_model=None)
    app.middleware("http")(own)
    before = list(app.user_middleware)

    lighten(app)

    assert app.user_middleware == before

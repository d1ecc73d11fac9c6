"""fal's middlewares run the light way, compared with Starlette's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from cogfal.server.middleware import CallNext, PlainRoute, answer_directly, lighten_middleware

Make = Callable[[FastAPI], None]


def starlettes_own(_app: FastAPI) -> None:
    """Leave the middlewares as Starlette runs them."""


@pytest.fixture(params=[starlettes_own, lighten_middleware], ids=["starlette", "light"])
def way(request: pytest.FixtureRequest) -> Make:
    """One of the two ways."""
    made: Make = request.param
    return made


def app_with(dispatch: Any, way: Make, *inner: Any, **routes: Any) -> FastAPI:
    """Make an app with middlewares that fal could have written, run in one of the two ways."""
    app = FastAPI()
    for path, endpoint in routes.items():
        app.add_api_route(f"/{path}", endpoint, methods=["GET", "POST"], response_model=None)
    for each in (*reversed(inner), dispatch):
        each.__module__ = "fal.app"
        app.middleware("http")(each)
    way(app)
    return app


async def asked(app: FastAPI, path: str, method: str = "POST", **options: Any) -> httpx.Response:
    """Ask the app in this process."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.request(method, path, **options)


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


def named(name: str, order: list[str], ran: list[str]) -> Any:
    """Return a function that tells when it is passed, and sets a background task."""

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        order.append(f"{name} asks")
        response = await call_next(request)
        order.append(f"{name} has {response.headers.get('x-from', 'nothing')}")
        response.headers["x-from"] = name
        response.background = BackgroundTask(ran.append, name)
        return response

    return dispatch


def test_functions_are_passed_in_order(way: Make) -> None:
    """Each sees the response as the one behind it left it, and the tasks of all of them run."""
    order: list[str] = []
    ran: list[str] = []
    outer, inner = (named(name, order, ran) for name in ("outer", "inner"))

    async def endpoint() -> Response:
        return PlainTextResponse("ok")

    answer = asyncio.run(asked(app_with(outer, way, inner, works=endpoint), "/works"))

    assert order == ["outer asks", "inner asks", "inner has nothing", "outer has inner"]
    assert (answer.text, answer.headers["x-from"]) == ("ok", "outer")
    assert sorted(ran) == ["inner", "outer"]


def test_an_answer_of_the_inner_function_reaches_the_outer(way: Make) -> None:
    """An outer function may change what an inner one answered in place of the app."""

    async def refuses(_request: Request, _call_next: CallNext) -> Response:
        return JSONResponse({"detail": "no"}, 403)

    answer = asyncio.run(asked(app_with(passes, way, refuses), "/anything"))

    assert (answer.status_code, answer.headers["x-seen"]) == (403, "/anything")


WHO: ContextVar[str] = ContextVar("who", default="nobody")
"""Who asks, as a function in front says."""


async def sets_who(request: Request, call_next: CallNext) -> Response:
    """Set it for what is behind, and take it back with the head of the response."""
    token = WHO.set("outer")
    try:
        return await call_next(request)
    finally:
        WHO.reset(token)


def test_what_a_function_sets_is_there_for_those_behind_it(way: Make) -> None:
    """A context variable of an outer function is set in the inner one and in the app."""

    async def endpoint() -> Response:
        return PlainTextResponse(WHO.get())

    answer = asyncio.run(asked(app_with(sets_who, way, passes, asks=endpoint), "/asks"))

    assert answer.text == "outer"


def test_what_a_function_sets_stays_for_a_stream_behind_it(way: Make) -> None:
    """The function has taken it back with the head of the response, the app still has it."""

    async def pieces() -> AsyncIterator[str]:
        yield WHO.get()
        await asyncio.sleep(0)
        yield WHO.get()

    async def endpoint() -> Response:
        return StreamingResponse(pieces())

    answer = asyncio.run(asked(app_with(sets_who, way, passes, asks=endpoint), "/asks"))

    assert answer.text == "outerouter"


def test_a_function_may_wait_for_something_of_its_own(way: Make) -> None:
    """Before it asks the app, and with the head of the response; others have their turn."""
    turns: list[str] = []

    async def waits(request: Request, call_next: CallNext) -> Response:
        asyncio.get_running_loop().call_soon(turns.append, "before")
        await asyncio.sleep(0)
        response = await call_next(request)
        asyncio.get_running_loop().call_soon(turns.append, "behind")
        await asyncio.sleep(0)
        response.headers["x-turns"] = ",".join(turns)
        return response

    async def endpoint() -> Response:
        return PlainTextResponse(",".join(turns))

    answer = asyncio.run(asked(app_with(waits, way, works=endpoint), "/works"))

    assert (answer.text, answer.headers["x-turns"]) == ("before", "before,behind")


def test_a_function_may_put_its_own_answer_in_place_of_the_apps(way: Make) -> None:
    """Nothing of the app's is sent then."""

    async def hides(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        return PlainTextResponse(f"instead of {response.status_code}", 410)

    async def endpoint() -> Response:
        return PlainTextResponse("hidden", 418)

    answer = asyncio.run(asked(app_with(passes, way, hides, works=endpoint), "/works"))

    assert (answer.status_code, answer.text) == (410, "instead of 418")
    assert answer.headers["x-seen"] == "/works"


def test_an_error_of_a_function_is_a_server_error(way: Make) -> None:
    """Also one that is raised when the app has begun its response, which is not sent then."""

    async def breaks(request: Request, call_next: CallNext) -> Response:
        await call_next(request)
        raise ValueError("broken")

    async def endpoint() -> Response:
        return PlainTextResponse("hidden")

    answer = asyncio.run(asked(app_with(passes, way, breaks, works=endpoint), "/works"))

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_a_function_may_answer_for_an_app_that_fails(way: Make) -> None:
    """What it makes of the error is the answer; so it is where the app gives none at all."""

    async def mends(request: Request, call_next: CallNext) -> Response:
        try:
            return await call_next(request)
        except (ValueError, RuntimeError) as error:
            return PlainTextResponse(type(error).__name__, 418)

    async def fails() -> Response:
        raise ValueError("broken")

    class Silent(Response):
        async def __call__(self, *_: object) -> None:
            """Send nothing."""

    async def silent() -> Response:
        return Silent()

    app = app_with(mends, way, passes, fails=fails, silent=silent)
    answers = [asyncio.run(asked(app, path)) for path in ("/fails", "/silent")]

    assert [answer.status_code for answer in answers] == [418, 418]
    assert [answer.text for answer in answers] == ["ValueError", "RuntimeError"]


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
        task = asyncio.ensure_future(
            asked(app_with(passes, lighten_middleware, waits=endpoint), "/waits")
        )
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

    lighten_middleware(app)

    assert app.user_middleware == before


async def told(request: Request) -> Response:
    """Answer with what is known of the route."""
    return JSONResponse({"path": request.url.path, **request.path_params})


def plain_app(root_path: str, *routes: BaseRoute) -> FastAPI:
    """Return an app whose plain routes are found first, behind a middleware that is outside."""
    app = FastAPI(root_path=root_path)
    app.router.routes[:0] = routes
    app.add_middleware(GZipMiddleware, minimum_size=0)
    answer_directly(app, (), {})
    return app


@pytest.mark.parametrize("root_path", ["", "/root"])
def test_a_plain_route_is_asked_by_its_path_and_method(root_path: str) -> None:
    """Behind the app's own middlewares; for other methods the router refuses, as for any route."""
    app = plain_app(
        root_path,
        PlainRoute("/one", told, "POST"),
        PlainRoute("/one/{name}/of", told, "PUT"),
        Route("/other", told),
        PlainRoute("/behind", told, "GET"),
    )
    asked_for = [
        ("POST", "/one"),
        ("PUT", "/one/a/of"),
        ("GET", "/other"),
        ("GET", "/behind"),
        ("GET", "/one"),
        ("POST", "/one/a/of"),
        ("POST", "/nowhere"),
    ]

    answers = [
        asyncio.run(asked(app, root_path + path, method=method)) for method, path in asked_for
    ]

    assert [each.status_code for each in answers] == [200] * 4 + [405, 405, 404]
    assert answers[1].json() == {"path": f"{root_path}/one/a/of", "name": "a"}
    assert {each.headers.get("content-encoding") for each in answers} == {"gzip"}


def test_an_error_of_a_plain_route_is_a_server_error() -> None:
    """As any other's."""

    async def breaks(_request: Request) -> Response:
        raise ValueError("broken")

    app = plain_app("", PlainRoute("/breaks", breaks, "POST"))

    assert asyncio.run(asked(app, "/breaks", method="POST")).status_code == 500


def test_a_refused_method_names_those_of_all_routes_to_its_path() -> None:
    """Whichever of them comes first; routes to other paths say nothing of it."""
    app = plain_app(
        "",
        PlainRoute("/one", told, "POST"),
        PlainRoute("/one", told, "GET"),
        Route("/one", told, methods=["PUT"]),
        PlainRoute("/other", told, "PATCH"),
    )

    answer = asyncio.run(asked(app, "/one", method="DELETE"))

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, PUT")

"""Run what fal and Starlette put around an endpoint at a fraction of what their own way costs.

fal writes its middlewares as functions of a request and `call_next`, which Starlette runs as
`BaseHTTPMiddleware`: a task group and two streams for each request and each of them, and every
piece of a response is handed from task to task. Here the functions are the same, but all of them
run in the request's own task: they rest where they call the app, and go on once it has sent the
head of its response. What it sends then goes straight on.

fal counts requests with starlette_exporter, which parses the URL of each twice and throws the
result away, since fal counts by route, and looks for the route a second time. Routes that need
nothing of FastAPI are found before what it and Starlette put around a router.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from itertools import groupby, takewhile
from types import coroutine
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware
from starlette_exporter.middleware import get_matching_route_path

CallNext: TypeAlias = Callable[[Request], Awaitable[Response]]
Dispatch: TypeAlias = Callable[[Request, CallNext], Awaitable[Response]]
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_FAL: Final = "fal."
_AS_FAL_ASKS: Final = {"group_paths": True, "filter_unhandled_paths": True}
_NAMES: Final = {"prefix", "app_name"}
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_OTHER: Final = "OTHER"
_AT_THE_APP: Final = object()
"""What functions wait for that rest where they call the app."""


def lighten_middleware(app: FastAPI) -> None:
    """Run the light way what fal adds to an app: its functions, and its metrics of requests.

    The functions read no body, which Starlette would have to keep for the app behind them.
    """
    lightened: list[Middleware] = []
    for fals, group in groupby(app.user_middleware, _is_function_of_fals):
        if fals:
            dispatches: list[Any] = [each.kwargs["dispatch"] for each in group]
            lightened.append(Middleware(DispatchMiddleware, dispatches=dispatches))
        else:
            lightened.extend(map(light_metrics, group))
    app.user_middleware[:] = lightened


def light_metrics(middleware: Middleware) -> Middleware:
    """Return `RequestMetrics` for starlette_exporter's, where that is asked for no more."""
    kind: object = middleware.cls
    given: dict[str, Any] = middleware.kwargs
    asked = {name: value for name, value in given.items() if name not in _NAMES}
    same = kind is PrometheusMiddleware and asked == _AS_FAL_ASKS
    return Middleware(RequestMetrics, **given) if same else middleware


def _is_function_of_fals(middleware: Middleware) -> bool:
    kind: object = middleware.cls
    dispatch: Any = middleware.kwargs.get("dispatch")
    return kind is BaseHTTPMiddleware and dispatch.__module__.startswith(_FAL)


class DispatchMiddleware:
    """ASGI middleware of functions that take a request and `call_next` and return a response.

    The first is the outermost. A function may change the response's headers and set its background
    task, or answer itself. It must not read the request's body, and calls the app once, in the
    request's own task. Cancelling cancels the app behind.
    """

    def __init__(self, app: ASGIApp, dispatches: Sequence[Dispatch]) -> None:
        self._app = app
        self._functions: CallNext = _pause_at_app
        for dispatch in reversed(dispatches):
            self._functions = _call(dispatch, self._functions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on through the functions, unless one of them answers itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(self._functions, scope, receive, send)
        answer = await passage.resumed(passage.functions.send, None)
        if answer is None:
            for variable, value in passage.context.items():  # in the app's own, too
                if variable.get(None) is not value:
                    variable.set(value)
            failure: BaseException = RuntimeError("the app returned without a response")
            try:
                await self._app(scope, receive, passage.forward)
            except BaseException as error:
                if passage.head is not None:
                    raise
                failure = error
            if passage.head is not None:
                await passage.head.afterwards()
                return
            answer = await passage.resumed(passage.functions.throw, failure)
        await answer(scope, receive, send)


class _Passage:
    """One request's way through the functions to the app, and of the response's head back."""

    def __init__(self, functions: CallNext, scope: Scope, receive: Receive, send: Send) -> None:
        self.head: _Head | None = None
        self.functions: Any = functions(Request(scope, receive))
        self._scope = scope
        self._receive = receive
        self._send = send
        # Their own: they take back what they set when they have the head, and the app, which may
        # have sent it from any of its tasks, goes on with it.
        self.context = copy_context()

    async def forward(self, message: Message) -> None:
        """Send what the app sends, its head as the functions leave it."""
        if self.head is None and message["type"] == "http.response.start":
            self.head = _Head(message)
            answer = await self.resumed(self.functions.send, self.head)
            if answer is not self.head:
                send, self._send = self._send, _nowhere
                await answer(self._scope, self._receive, send)
                return
            headers = self.head.raw_headers
            message = {**message, "status": self.head.status_code, "headers": headers}
        await self._send(message)

    @coroutine
    def resumed(self, resume: Callable[[Any], Any], given: object) -> Any:
        """Let the functions go on to their answer; None where they have come to the app."""
        while True:
            try:
                awaited = self.context.run(resume, given)
            except StopIteration as end:
                return end.value
            if awaited is _AT_THE_APP:
                return None
            try:
                resume, given = self.functions.send, (yield awaited)
            except BaseException as error:
                resume, given = self.functions.throw, error


def _call(dispatch: Dispatch, call_next: CallNext) -> CallNext:
    return lambda request: dispatch(request, call_next)


@coroutine
def _pause_at_app(_request: Request) -> Any:
    """Stop until the app has sent the head of its response; return that."""
    return (yield _AT_THE_APP)


async def _nowhere(_message: Message) -> None:
    """Send nothing of a response that a function has put another in place of."""


class _Head(Response):
    """The response of the app behind, whose head may be changed before it is sent."""

    def __init__(self, message: Message) -> None:
        self.status_code = message["status"]
        self.raw_headers = list(message.get("headers", []))
        self.afterwards = BackgroundTasks()

    @property
    def background(self) -> BackgroundTask | None:
        """Nothing: each function may set a task of its own, and all of them run."""
        return None

    @background.setter
    def background(self, task: BackgroundTask | None) -> None:
        if task is not None:
            self.afterwards.add_task(task)


class RequestMetrics(PrometheusMiddleware):
    """ASGI middleware that counts requests by method, route and status, and times them.

    Methods that callers invent are counted together: a series is kept for good.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what comes of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked, begun = dict(scope), time.perf_counter()
        status: int | None = None
        ended: float | None = None

        async def noting(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                ended = time.perf_counter()
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        running = self.requests_in_progress.labels(method, self.app_name)
        running.inc()
        try:
            await self.app(scope, receive, noting)
        except Exception:
            self._count(asked, scope, 500, (ended or time.perf_counter()) - begun)
            raise
        finally:
            running.dec()
        if status is None:  # nothing was answered
            status = 499 if await Request(scope, receive).is_disconnected() else 500
        self._count(asked, scope, status, (ended or time.perf_counter()) - begun)

    def _count(self, asked: dict[str, Any], scope: Scope, status: int, seconds: float) -> None:
        """Note what came of a request, if there was a route to it."""
        path = _path(asked, scope) if "endpoint" in scope else None
        if path is not None:
            labels = scope["method"], path, status, self.app_name
            self.request_count.labels(*labels).inc()
            self.request_time.labels(*labels).observe(seconds)


def _path(asked: dict[str, Any], scope: Scope) -> str | None:
    """Return the path of the route that was taken; only where it is not one's own, match anew."""
    endpoint = scope["endpoint"]
    if isinstance(endpoint, PlainEndpoint) and scope["method"] == endpoint.method:
        return endpoint.path
    return get_matching_route_path(asked, scope["router"].routes)


class PlainRoute(Route):
    """A route to one handler; what that raises is answered by the app around all routes."""

    def __init__(self, path: str, handler: Handler, method: str) -> None:
        super().__init__(path, PlainEndpoint(path, handler, method), methods=[method])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse the method and name those of all routes to this path."""
        if self.methods and scope["method"] not in self.methods:
            allowed: set[str] = set()
            for route in scope["router"].routes:
                if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                    allowed |= route.methods or set()
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await super().handle(scope, receive, send)


def answer_directly(
    app: FastAPI, endpoints: Collection[object], handlers: Mapping[str, Handler]
) -> None:
    """Have `handlers`, by their paths, answer for endpoints of `app` that only call them.

    FastAPI's way to them takes a third of the time of a request that does nothing, Starlette's to
    any route a good part of the rest. They are in FastAPI's own document no more.
    """
    routes = app.router.routes
    plain: list[BaseRoute] = []
    for route in [*routes]:
        if isinstance(route, APIRoute) and getattr(route.endpoint, "__func__", None) in endpoints:
            routes.remove(route)
            plain.append(PlainRoute(route.path, handlers[route.path], "POST"))
    routes[:0] = plain
    app.user_middleware.append(Middleware(PlainRoutes, routes=routes))


class PlainEndpoint:
    """A handler as an ASGI application, which Starlette puts no wrappers of its own around.

    Attributes:
        path: The path of its only route.
        method: The method that it is asked with.
    """

    def __init__(self, path: str, handler: Handler, method: str) -> None:
        self.path = path
        self.method = method
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the handler answer."""
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)


class PlainRoutes:
    """ASGI middleware that asks the plain routes which an app looks at before all others.

    The app's router would come to the same, behind Starlette's and FastAPI's own middlewares, which
    answer errors that a plain route does not raise, and after the routes before it.

    Args:
        app: What answers everything else.
        routes: The app's; of two plain ones, one without parameters is taken.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        plain: list[Any] = [*takewhile(lambda route: isinstance(route, PlainRoute), routes)]
        fixed: list[PlainEndpoint] = [each.app for each in plain if not each.param_convertors]
        self._fixed = {(each.method, each.path): each for each in reversed(fixed)}
        self._others: list[Route] = [each for each in plain if each.param_convertors]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the request answered by its plain route, noted as by a router, or by the app."""
        app = self._app
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            endpoint = self._fixed.get((scope["method"], path))
            if endpoint is not None:
                app = scope["endpoint"] = endpoint
            else:
                for route in self._others:
                    match, noted = route.matches(scope)
                    if match is Match.FULL:
                        scope.update(noted)
                        app = route.app
                        break
        await app(scope, receive, send)

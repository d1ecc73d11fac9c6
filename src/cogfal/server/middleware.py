"""Run fal's HTTP middlewares at a fraction of what Starlette's way of running them costs.

fal writes its middlewares as functions of a request and `call_next`, which Starlette runs as
`BaseHTTPMiddleware`: a task group and two streams for each request and each of them, and every
piece of a response is handed from task to task. Here the functions are the same, but all of them
run in the request's own task: they rest where they call the app, and go on once it has sent the
head of its response. What it sends then goes straight on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context, copy_context
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeAlias

from fastapi import FastAPI
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cogfal.server.request_metrics import lightest

CallNext: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Dispatch: TypeAlias = Callable[[Request, CallNext], Coroutine[Any, Any, Response]]

_FAL: Final = "fal."


def lighten(app: FastAPI) -> None:
    """Run the light way what fal adds to an app: its functions, and its metrics of requests.

    The functions read no body, which Starlette would have to keep for the app behind them.
    """
    lightened: list[Middleware] = []
    for fals, group in groupby(app.user_middleware, _is_function_of_fals):
        if fals:
            dispatches: list[Any] = [each.kwargs["dispatch"] for each in group]
            lightened.append(Middleware(DispatchMiddleware, dispatches=dispatches))
        else:
            lightened.extend(map(lightest, group))
    app.user_middleware[:] = lightened


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
        self._functions: CallNext = _rest
        for dispatch in reversed(dispatches):
            self._functions = _call(dispatch, self._functions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on through the functions."""
        if scope["type"] == "http":
            await _Passage(self._functions, scope, receive, send).to(self._app)
        else:
            await self._app(scope, receive, send)


class _Passage:
    """One request's way through the functions to the app, and of the response's head back."""

    def __init__(self, functions: CallNext, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._head: _Passing | None = None
        self._functions = functions(Request(scope, receive))
        # Their own: they take back what they set when they have the head, and the app, which may
        # have sent it from any of its tasks, goes on with it.
        self._context = copy_context()

    async def to(self, app: ASGIApp) -> None:
        """Let the functions ask the app, unless one of them answers itself."""
        answer = await self._resumed(self._functions.send, None)
        if answer is None:
            for variable, value in self._context.items():
                if variable.get(None) is not value:
                    variable.set(value)
            failure: BaseException = RuntimeError("the app returned without a response")
            try:
                await app(self._scope, self._receive, self._forward)
            except BaseException as error:
                if self._head is not None:
                    raise
                failure = error
            if self._head is not None:
                await self._head.afterwards()
                return
            answer = await self._resumed(self._functions.throw, failure)
        assert answer is not None
        await answer(self._scope, self._receive, self._send)

    async def _forward(self, message: Message) -> None:
        if self._head is not None or message["type"] != "http.response.start":
            await self._send(message)
            return
        self._head = _Passing(message)
        answer = await self._resumed(self._functions.send, self._head)
        assert answer is not None
        await answer(self._scope, self._receive, self._send)
        if answer is not self._head:
            self._send = _nowhere

    def _resumed(self, resume: Callable[[Any], Any], given: object) -> _Steps:
        return _Steps(self._functions, self._context, resume, given)


class _Steps(NamedTuple):
    """Awaited, lets functions go on to their answer; None where they have come to the app."""

    functions: Coroutine[Any, Any, Response]
    context: Context
    resume: Callable[[Any], Any]
    given: object

    def __await__(self) -> Generator[Any, Any, Response | None]:
        resume, given = self.resume, self.given
        while True:
            try:
                awaited = self.context.run(resume, given)
            except StopIteration as end:
                answer: Response = end.value
                return answer
            if awaited is _AT_THE_APP:
                return None
            try:
                resume, given = self.functions.send, (yield awaited)
            except BaseException as error:
                resume, given = self.functions.throw, error


def _call(dispatch: Dispatch, call_next: CallNext) -> CallNext:
    return lambda request: dispatch(request, call_next)


class _AtTheApp:
    """Awaited, stops until the app has sent the head of its response, and is that then."""

    def __await__(self) -> Generator[object, Response, Response]:
        return (yield self)


_AT_THE_APP: Final = _AtTheApp()


async def _rest(_request: Request) -> Response:
    return await _AT_THE_APP


async def _nowhere(_message: Message) -> None:
    """Send nothing of a response that a function has put another in place of."""


class _Passing(Response):
    """The response of the app behind, whose head may be changed before it is sent."""

    def __init__(self, head: Message) -> None:
        self.status_code = head["status"]
        self.raw_headers = list(head.get("headers", []))
        self._message = head
        self.afterwards = BackgroundTasks()

    @property
    def background(self) -> BackgroundTask | None:
        """Nothing: each function may set a task of its own, and all of them run."""
        return None

    @background.setter
    def background(self, task: BackgroundTask | None) -> None:
        if task is not None:
            self.afterwards.add_task(task)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the head as it is now; the rest follows by itself."""
        await send({**self._message, "status": self.status_code, "headers": self.raw_headers})

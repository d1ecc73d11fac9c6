"""Run fal's HTTP middlewares at a fraction of what Starlette's way of running them costs.

fal writes its middlewares as functions of a request and `call_next`, which Starlette runs as
`BaseHTTPMiddleware`: a task group and two streams for each request and each of them, and every
piece of a response is handed from task to task. Here the functions are the same, but those that
follow one another share one task, and what the app sends goes straight on once they have seen the
head of the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CallNext: TypeAlias = Callable[[Request], Awaitable[Response]]
Dispatch: TypeAlias = Callable[[Request, CallNext], Awaitable[Response]]

_FAL: Final = "fal."


def lighten(app: FastAPI) -> None:
    """Run those of an app's middlewares that fal wrote as functions the light way.

    They read no body, which Starlette would have to keep for the app behind them.
    """
    lightened: list[Middleware] = []
    for fals, group in groupby(app.user_middleware, _is_function_of_fals):
        if fals:
            dispatches: list[Any] = [each.kwargs["dispatch"] for each in group]
            lightened.append(Middleware(DispatchMiddleware, dispatches=dispatches))
        else:
            lightened.extend(group)
    app.user_middleware[:] = lightened


def _is_function_of_fals(middleware: Middleware) -> bool:
    kind: object = middleware.cls
    dispatch: Any = middleware.kwargs.get("dispatch")
    return kind is BaseHTTPMiddleware and dispatch.__module__.startswith(_FAL)


class DispatchMiddleware:
    """ASGI middleware of functions that take a request and `call_next` and return a response.

    The first is the outermost. A function may change the response's headers and set its background
    task, or answer itself. It must not read the request's body. Cancelling cancels the app behind.
    """

    def __init__(self, app: ASGIApp, dispatches: Sequence[Dispatch]) -> None:
        self._app = app
        self._dispatches = dispatches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on through the functions."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(self._app, scope, receive, send)
        call_next: CallNext = passage.call_next
        for dispatch in reversed(self._dispatches):
            call_next = _call(dispatch, call_next)
        try:
            response = await call_next(Request(scope, receive))
            await response(scope, receive, send)
        finally:
            passage.close()


def _call(dispatch: Dispatch, call_next: CallNext) -> CallNext:
    return lambda request: dispatch(request, call_next)


class _Passage:
    """One request's way through the app, held up at the head of the response."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._head: Message | None = None
        self._seen = asyncio.Event()
        self._released = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def call_next(self, _request: Request) -> Response:
        """Let the app go on until it sends the head of its response, and return that."""
        self._task = asyncio.ensure_future(self._run())
        await self._seen.wait()
        if self._head is None:
            await self._task
            raise RuntimeError("the app returned without a response")
        return _Passing(self._head, self._release)

    def close(self) -> None:
        """Stop the app if it is still at work."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._forward)
        finally:
            self._seen.set()

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._head is None:
            self._head = message
            self._seen.set()
            return
        if not self._released.is_set():
            await self._released.wait()
        await self._send(message)

    async def _release(self) -> None:
        """Let the app send the rest of its response."""
        assert self._task is not None
        self._released.set()
        await self._task


class _Passing(Response):
    """The response of the app behind, whose head may be changed before it is sent."""

    def __init__(self, head: Message, release: Callable[[], Awaitable[None]]) -> None:
        self.status_code = head["status"]
        self.raw_headers = list(head.get("headers", []))
        self._head = head
        self._release = release
        self._afterwards = BackgroundTasks()

    @property
    def background(self) -> BackgroundTask | None:
        """Nothing: each function may set a task of its own, and all of them run."""
        return None

    @background.setter
    def background(self, task: BackgroundTask | None) -> None:
        if task is not None:
            self._afterwards.add_task(task)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the head as it is now, and let the rest follow."""
        await send({**self._head, "status": self.status_code, "headers": self.raw_headers})
        await self._release()
        await self._afterwards()

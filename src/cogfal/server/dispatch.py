"""Run fal's HTTP middlewares at a fraction of what Starlette's way of running them costs.

fal writes its middlewares as functions of a request and `call_next`, which Starlette runs as
`BaseHTTPMiddleware`: a task group and two streams for each request and each of them, and every
piece of a response is handed from task to task. Here the functions are the same, but what the app
sends goes straight on once the function has seen the head of the response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from fastapi import FastAPI
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
    app.user_middleware[:] = [_lightened(each) for each in app.user_middleware]


def _lightened(middleware: Middleware) -> Middleware:
    kind: object = middleware.cls
    dispatch: Any = middleware.kwargs.get("dispatch")
    if kind is BaseHTTPMiddleware and dispatch.__module__.startswith(_FAL):
        return Middleware(DispatchMiddleware, dispatch=dispatch)
    return middleware


class DispatchMiddleware:
    """ASGI middleware of a function that takes a request and `call_next` and returns a response.

    The function may change the response's headers and set its background task, or answer itself.
    It must not read the request's body. Cancelling cancels the app behind it.
    """

    def __init__(self, app: ASGIApp, dispatch: Dispatch) -> None:
        self._app = app
        self._dispatch = dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on through the function."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(self._app, scope, receive, send)
        try:
            response = await self._dispatch(Request(scope, receive), passage.call_next)
            await response(scope, receive, send)
        finally:
            passage.close()


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
        self.background = None
        self._head = head
        self._release = release

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the head as it is now, and let the rest follow."""
        await send({**self._head, "status": self.status_code, "headers": self.raw_headers})
        await self._release()
        if self.background is not None:
            await self.background()

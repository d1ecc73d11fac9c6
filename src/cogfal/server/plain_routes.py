"""Routes of functions that take the request and return the response, and need nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def plain_route(path: str, handler: Handler, method: str) -> Route:
    """Return a route to `handler`; what it raises is answered by the app around all routes."""
    return Route(path, PlainEndpoint(path, handler, method), methods=[method])


def make_plain(app: FastAPI, endpoints: Collection[object]) -> None:
    """Ask these methods, which are endpoints of `app`, without FastAPI's reading of parameters.

    It is a third of the time of a request that does nothing. They are in FastAPI's own document no
    more.
    """
    routes = app.router.routes
    for index, route in enumerate(routes):
        if isinstance(route, APIRoute) and getattr(route.endpoint, "__func__", None) in endpoints:
            routes[index] = plain_route(route.path, route.endpoint, "POST")


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

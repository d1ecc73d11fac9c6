"""Count and time requests as fal does, for whom its platform asks, at a fraction of the cost.

The metrics are those of the middleware that fal adds, starlette_exporter's. That one parses the
URL of each request twice and throws the result away, since fal counts by route, and looks for the
route a second time. Methods that callers invent are counted together.
"""

from __future__ import annotations

import time
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware
from starlette_exporter.middleware import get_matching_route_path

from cogfal.server.plain_routes import PlainEndpoint

_AS_FAL_ASKS: Final = {"group_paths": True, "filter_unhandled_paths": True}
_NAMES: Final = {"prefix", "app_name"}
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_OTHER: Final = "OTHER"


def lightest(middleware: Middleware) -> Middleware:
    """Return `RequestMetrics` for starlette_exporter's, where that is asked for no more."""
    kind: object = middleware.cls
    given: dict[str, Any] = middleware.kwargs
    asked = {name: value for name, value in given.items() if name not in _NAMES}
    same = kind is PrometheusMiddleware and asked == _AS_FAL_ASKS
    return Middleware(RequestMetrics, **given) if same else middleware


class RequestMetrics(PrometheusMiddleware):
    """ASGI middleware that counts requests by method, route and status, and times them."""

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

        running = self.requests_in_progress.labels(_method(scope), self.app_name)
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


def _method(scope: Scope) -> str:
    """Return the method to count by: a series is kept for good, and callers may invent methods."""
    method: str = scope["method"]
    return method if method in _METHODS else _OTHER


def _path(asked: dict[str, Any], scope: Scope) -> str | None:
    """Return the path of the route that was taken; only where it is not one's own, match anew."""
    endpoint = scope["endpoint"]
    if isinstance(endpoint, PlainEndpoint) and scope["method"] == endpoint.method:
        return endpoint.path
    return get_matching_route_path(asked, scope["router"].routes)

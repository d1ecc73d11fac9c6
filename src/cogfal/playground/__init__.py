"""Serve the playground: a static page that makes a form of the app's own schema.

The page asks nobody but the app it came from: it reads `openapi.json`, calls `POST /` or `/stream`
and `/cancel` as any caller would, and may load the media that outputs name. It therefore needs
nothing of the app but to be mounted beside those routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

__all__ = ["PATH", "routes"]

PATH = "/playground"
STATIC = Path(__file__).parent / "static"
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob: http: https:",
        "media-src 'self' data: blob: http: https:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
)


def routes() -> list[BaseRoute]:
    """Return the routes of the page and of its scripts and styles, below `/playground`.

    They answer `GET` and `HEAD` alone, hold no state, and forbid by their content security policy
    any script, style or call that is not the app's own.
    """
    return [
        Route(PATH, _page, methods=["GET"]),
        Route(PATH + "/", _slash, methods=["GET"]),
        Route(PATH + "/{name}", _asset, methods=["GET"]),
    ]


async def _page(_: Request) -> Response:
    return _file("index.html")


async def _slash(_: Request) -> Response:
    """Lead to the page: its addresses are relative to its parent."""
    return RedirectResponse("../" + PATH.strip("/"), headers=dict(HEADERS))


async def _asset(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    """Answer with one of the page's own files; the name is looked up, never joined to a path."""
    files = {file.name: file for file in STATIC.iterdir()}
    if name not in files:
        return Response("Not found", 404, HEADERS, "text/plain")
    file = files[name]
    return FileResponse(file, headers=dict(HEADERS), media_type=MEDIA_TYPES[file.suffix])

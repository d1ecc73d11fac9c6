"""Serve the playground: a static page that makes a form of the app's own schema.

The page asks nobody but the app it came from: it reads `openapi.json` and `health-check`, calls
`POST /` or `/stream` and `/cancel` as any caller would, and may load the media that outputs name.
Beside its own files it is given the project's examples, and how a run of its own stands meanwhile.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cogfal.nested import leaves

__all__ = ["PATH", "routes"]

PATH = "/playground"
LONGEST_OFFSET = 18  # digits
Watch: TypeAlias = Callable[[str, int], "Mapping[str, Any] | None"]
"""Says how the run of an id stands, with its logs from a character on; None where none runs."""
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


def routes(examples: Sequence[Mapping[str, Any]], root: Path, watch: Watch) -> list[BaseRoute]:
    """Return the routes of the page and of its scripts and styles, below `/playground`.

    They answer `GET` and `HEAD` alone, hold no state, and forbid by their content security policy
    any script, style or call that is not the app's own.

    Args:
        examples: Entries of examples.yaml; the files that they name, and no others, are served.
        root: The directory of that file.
        watch: Says how a run stands; whoever knows its id may ask.
    """
    given = _Examples(examples, root)

    async def run(request: Request) -> Response:
        start = request.query_params.get("from", "")
        usable = start.isdecimal() and len(start) <= LONGEST_OFFSET
        told = watch(request.path_params["id"], int(start) if usable else 0)
        return Response(None, 204, HEADERS) if told is None else JSONResponse(told, 200, HEADERS)

    return [
        Route(PATH, partial(_asset, name="index.html"), methods=["GET"]),
        Route(PATH + "/", _slash, methods=["GET"]),
        Route(PATH + "/examples", given.all, methods=["GET"]),
        Route(PATH + "/examples/{name:path}", given.file, methods=["GET"]),
        Route(PATH + "/runs/{id}", run, methods=["GET"]),
        Route(PATH + "/{name}", _asset, methods=["GET"]),
    ]


class _Examples:
    """The examples of a project, and the files that they name."""

    def __init__(self, examples: Sequence[Mapping[str, Any]], root: Path) -> None:
        self._examples = [dict(each) for each in examples]
        told = [each.get(part) for each in self._examples for part in ("input", "output")]
        self._files = {name: root / name for name in _named(told)}

    async def all(self, _: Request) -> Response:
        return JSONResponse(self._examples, 200, HEADERS)

    async def file(self, request: Request) -> Response:
        """Answer with a file of an example; the name is looked up, never joined to a path."""
        file = self._files.get(request.path_params["name"])
        if file is None or not file.is_file():
            return Response("Not found", 404, HEADERS, "text/plain")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return FileResponse(file, headers=dict(HEADERS), media_type=kind, filename=file.name)


def _named(value: Any) -> list[str]:
    """Return the files that examples name: texts that begin with one `@`."""
    texts = [each for _, each in leaves(value) if isinstance(each, str)]
    return [each[1:] for each in texts if each.startswith("@") and not each.startswith("@@")]


async def _slash(_: Request) -> Response:
    """Lead to the page: its addresses are relative to its parent."""
    return RedirectResponse("../" + PATH.strip("/"), headers=dict(HEADERS))


async def _asset(request: Request, name: str | None = None) -> Response:
    """Answer with one of the page's own files; the name is looked up, never joined to a path."""
    files = {file.name: file for file in STATIC.iterdir()}
    file = files.get(name or request.path_params["name"])
    if file is None:
        return Response("Not found", 404, HEADERS, "text/plain")
    return FileResponse(file, headers=dict(HEADERS), media_type=MEDIA_TYPES[file.suffix])

"""Answer with JSON, in slices where it is large."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cogfal.json_text import in_turn, slices
from cogfal.spec import JSON

NOTHING: Final[Mapping[str, str]] = {}


class JsonResponse(Response):
    """A JSON body, which may be or hold `JsonText`; others have their turn while it is written."""

    media_type = "application/json"

    def __init__(
        self, value: JSON, status: int = 200, headers: Mapping[str, str] = NOTHING
    ) -> None:
        self._slices = slices(value)
        first = next(self._slices)
        second = next(self._slices, None)
        super().__init__(first, status, headers)
        self._rest = None if second is None else chain([first, second], self._slices)
        if self._rest is not None:
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, at once or slice by slice."""
        if self._rest is None:
            await super().__call__(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        async for piece in in_turn(self._rest):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if self.background is not None:
            await self.background()

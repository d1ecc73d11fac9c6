"""A deployed app for pages that call one: it paints a picture, and streams a text."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.client.cloud import Cloud
from tests.pictures import drawn


class Deployed(Cloud):
    """fal's cloud with one app, whose output is a picture."""

    async def result(self, request: Request) -> Response:
        """Answer every call with a picture."""
        self.uploads["made.png"] = drawn("", size=(4, 4))
        media = {"url": f"{request.base_url}files/made.png", "content_type": "image/png"}
        return JSONResponse({"output": {**media, "file_name": "made.png", "width": 4, "height": 4}})

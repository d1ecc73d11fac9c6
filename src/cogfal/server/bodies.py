"""Read a request's body, as far as it may go."""

from __future__ import annotations

from typing import Final

from starlette.requests import ClientDisconnect, Request

BODY_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of one request's JSON."""


class BodyTooLarge(Exception):
    """Report a body of more than `BODY_LIMIT` bytes; no more than that was kept of it."""

    def __init__(self) -> None:
        super().__init__(f"The request body exceeds {BODY_LIMIT} bytes")


class BodyCutShort(Exception):
    """Report a caller that left in the middle of its own request, and hears no answer."""

    def __init__(self) -> None:
        super().__init__("The caller left before the request was complete")


async def read_body(request: Request) -> bytes:
    """Return the whole body; raises BodyTooLarge or BodyCutShort."""
    try:
        return await _read(request)
    except ClientDisconnect as error:
        raise BodyCutShort from error


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)

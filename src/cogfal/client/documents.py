"""Read what an app says of itself."""

from __future__ import annotations

import httpx

from cogfal.client.failures import call_failed, translated
from cogfal.client.streams import address, credentials, detail_of
from cogfal.spec import JSON

TIMEOUT = 600.0  # seconds, as an app may have to start first


def document(app: str, *, key: str | None = None) -> dict[str, JSON]:
    """Return an app's OpenAPI document: its inputs, its output, and whether it has `/stream`.

    The app is asked directly, so that it starts where none is running.

    Raises:
        CallFailed: It has none, or cannot be reached.
    """
    with translated():
        url = address(app, "/openapi.json")
        response = httpx.get(url, headers=credentials(key), timeout=TIMEOUT)
        if response.is_error:
            raise call_failed(response.status_code, detail_of(response))
        found: dict[str, JSON] = response.json()
        return found

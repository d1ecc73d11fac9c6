"""Call an app through fal's queue: wait for its output, or take a handle and go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fal_client

from cogfal.client.failures import translated
from cogfal.client.files import upload, upload_async
from cogfal.client.handles import AsyncRun, Run


def run(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model and return its output: what `predict` returned, files as `FileOutput`s.

    Paths and open binary files in `input` are uploaded first, at any depth. The call waits in fal's
    queue, so it survives a cold start and is retried by fal as the app says.

    Args:
        app: The app as fal names it, `owner/name`.
        input: The predictor's inputs.
        path: Another endpoint of the app, such as `/train`.
        key: A fal key instead of the configured credentials.

    Raises:
        CallFailed: The app refused the inputs, failed, or cannot be reached.
    """
    return submit(app, input, path=path, key=key).output()


async def run_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
) -> Any:
    """Run a model as `run` does; cancelling stops waiting, not the call."""
    return await (await submit_async(app, input, path=path, key=key)).output()


def submit(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> Run:
    """Put a call on the queue and return at once; fal tells `webhook_url` when it has ended."""
    client = fal_client.SyncClient(key=key)
    with translated():
        values = upload(input or {}, client)
        return Run(client.submit(app, values, path=path, webhook_url=webhook_url))


async def submit_async(
    app: str,
    input: Mapping[str, Any] | None = None,  # noqa: A002  # Replicate's word
    *,
    path: str = "",
    key: str | None = None,
    webhook_url: str | None = None,
) -> AsyncRun:
    """Put a call on the queue as `submit` does."""
    client = fal_client.AsyncClient(key=key)
    with translated():
        values = await upload_async(input or {}, key)
        return AsyncRun(await client.submit(app, values, path=path, webhook_url=webhook_url))

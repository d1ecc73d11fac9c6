"""What the routes of Cog's HTTP API stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cogfal.server.runs import Runs
from cogfal.server.uploads import Uploads
from cogfal.server.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class CogApi:
    """Everything that Cog's HTTP API needs of an app.

    Attributes:
        predictions: The predictor's runs.
        document: Makes the OpenAPI document for Cog's readers and fal's.
        webhooks: Tells clients what happens.
        uploads: Where output files may be uploaded to instead of the App's own store.
        trainings: The trainer's runs, where there is a trainer.
        shutdown: Ends the server; without it `POST /shutdown` is refused.
        version: cogfal's version.
    """

    predictions: Runs
    document: Callable[[], dict[str, Any]]
    webhooks: Webhooks
    uploads: Uploads
    trainings: Runs | None = None
    shutdown: Callable[[], None] | None = None
    version: str = ""

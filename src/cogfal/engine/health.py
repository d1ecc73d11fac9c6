"""Say how the predictor is, in Cog's words."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import NamedTuple


class HealthStatus(str, Enum):
    """Cog's states."""

    STARTING = "STARTING"
    READY = "READY"
    BUSY = "BUSY"
    SETUP_FAILED = "SETUP_FAILED"
    DEFUNCT = "DEFUNCT"
    UNHEALTHY = "UNHEALTHY"


class SetupStatus(str, Enum):
    """How setup stands, in Cog's words."""

    STARTING = "starting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SetupReport(NamedTuple):
    """What is known of the latest setup; times are aware, `logs` is all that it printed."""

    status: SetupStatus
    logs: str
    started_at: datetime
    completed_at: datetime | None = None


class Health(NamedTuple):
    """A snapshot: the state, why it is not well, and the setup (None before its start)."""

    status: HealthStatus
    error: str | None = None
    setup: SetupReport | None = None

"""Show where in the author's code a setup failed."""

from __future__ import annotations

from cogfal.errors import SetupError


def traceback_of(error: SetupError) -> str:
    """Return the traceback of what made the setup fail, in the author's code alone."""
    return error.traceback

"""Let programs written for Replicate's clients go on working: a gateway to apps of cogfal.

    from cogfal.gateway import application

    app = application({"stability/sd": "fal-owner/app"})    # serve it, or mount it in yours

It speaks Replicate's HTTP API to callers and fal's queue to apps, which keeps requests, their state
and their results. Needs the extra: `pip install "cogfal[gateway]"`.
"""

from cogfal.gateway.application import Application, application
from cogfal.gateway.memory import Limits

__all__ = ["Application", "Limits", "application"]

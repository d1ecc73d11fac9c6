"""Where older Cog keeps `BasePredictor`."""

from cogfal.cog.predictor import BasePredictor

__all__ = ["BasePredictor"]

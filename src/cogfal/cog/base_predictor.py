"""Where older Cog keeps `BasePredictor`."""

from .predictor import BasePredictor

__all__ = ["BasePredictor"]

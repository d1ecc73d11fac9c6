"""Cog's predictor API on top of fal."""

__version__ = "0.1.0"

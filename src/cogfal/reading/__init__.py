"""Read what a predictor takes and gives from its text; nothing of it is imported or executed."""

from cogfal.reading.predictor import read_predictor

__all__ = ["read_predictor"]

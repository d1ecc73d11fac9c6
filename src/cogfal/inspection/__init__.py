"""Read what a predictor takes and gives: from its text, or from the imported object."""

from cogfal.inspection.predictor import read_predictor

__all__ = ["read_predictor"]

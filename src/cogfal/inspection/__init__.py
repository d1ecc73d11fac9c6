"""Read what a predictor takes and gives: from its text, or from the imported object."""

from cogfal.inspection.differences import differences
from cogfal.inspection.live import read_live
from cogfal.inspection.predictor import read_predictor

__all__ = ["differences", "read_live", "read_predictor"]

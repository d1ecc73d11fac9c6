"""Read what a predictor takes and gives from the imported object, and compare it with its text.

A runner does this before setup, so it knows nothing of how the text was read. What both readings
share is here: how outside types are called, and how types combine.
"""

from cogfal.introspection.differences import differences
from cogfal.introspection.predictor import read_live

__all__ = ["differences", "read_live"]

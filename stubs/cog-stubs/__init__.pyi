# Types for `import cog` where only cogfal is installed: each name is cogfal's of the same name.
from typing import Any

from cogfal.cog import *
from cogfal.cog import BasePredictor
from cogfal.cog.types import ExperimentalFeatureWarning as ExperimentalFeatureWarning

Model = BasePredictor
Predictor = BasePredictor
__version__: str

def emit_metric(name: str, value: Any) -> None: ...

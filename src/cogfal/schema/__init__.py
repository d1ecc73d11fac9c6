"""One predictor's schemas: Cog's, fal's, and the check of what callers send."""

from cogfal.schema.cog_schema import components
from cogfal.schema.core_types import Dialect
from cogfal.schema.document import document
from cogfal.schema.validation import Validator, unfit_defaults

__all__ = [
    "Dialect",
    "Validator",
    "components",
    "document",
    "unfit_defaults",
]

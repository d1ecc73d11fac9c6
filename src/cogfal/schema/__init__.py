"""One predictor's schemas: Cog's, fal's, and the check of what callers send."""

from cogfal.schema.core_types import Dialect
from cogfal.schema.decoding import decode
from cogfal.schema.document import document
from cogfal.schema.fal_schema import fal_schemas
from cogfal.schema.openapi import components
from cogfal.schema.validation import Validator, unfit_defaults
from cogfal.schema.widgets import MediaKind, media_kind_of_name

__all__ = [
    "Dialect",
    "MediaKind",
    "Validator",
    "components",
    "decode",
    "document",
    "fal_schemas",
    "media_kind_of_name",
    "unfit_defaults",
]

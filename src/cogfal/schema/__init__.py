"""One predictor's schemas: Cog's OpenAPI, fal's models, and the check of what callers send."""

from cogfal.schema.core_types import Dialect
from cogfal.schema.decoding import decode
from cogfal.schema.defaults import unfit_defaults
from cogfal.schema.document import document
from cogfal.schema.models import input_model, output_model
from cogfal.schema.openapi import components
from cogfal.schema.validation import Validator
from cogfal.schema.widgets import MediaKind, media_kind_of_name

__all__ = [
    "Dialect",
    "MediaKind",
    "Validator",
    "components",
    "decode",
    "document",
    "input_model",
    "media_kind_of_name",
    "output_model",
    "unfit_defaults",
]

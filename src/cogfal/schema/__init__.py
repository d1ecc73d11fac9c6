"""One predictor's schemas: Cog's OpenAPI, fal's models, and the check of what callers send."""

from cogfal.schema.core_types import Door
from cogfal.schema.decoding import decode
from cogfal.schema.openapi import components
from cogfal.schema.validation import Validator

__all__ = ["Door", "Validator", "components", "decode"]

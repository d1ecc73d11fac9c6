"""Find the defaults that a caller could not send; Cog takes them as they are, as does cogfal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cogfal.errors import InvalidInput
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.spec import InputSpec, PredictorSpec


def unfit_defaults(spec: PredictorSpec) -> Iterator[tuple[InputSpec, str]]:
    """Yield each input whose default does not fit its own type or limits, and why."""
    for each in spec.inputs:
        if each.required or each.default is None:
            continue
        alone = Validator(replace(spec, inputs=(each,)), Dialect.FAL)
        try:
            alone.parse({each.name: each.default})
        except InvalidInput as error:
            yield each, error.problems[0].message

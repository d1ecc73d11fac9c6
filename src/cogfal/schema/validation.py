"""Check a request's inputs against a predictor's, by the rules of either API.

What comes out has the declared types: an int for `int` where 2.0 was sent. Files are still URLs,
members of an Enum still their values.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from pydantic_core import SchemaValidator, ValidationError, core_schema

from cogfal.cog.types import Secret
from cogfal.errors import InvalidInput, Problem
from cogfal.json_text import slices
from cogfal.schema.core_types import MORE, MOST, Dialect, core_type
from cogfal.schema.regular_expressions import Matcher, check_pattern, is_linear
from cogfal.spec import (
    MISSING,
    FileType,
    InputSpec,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    holds,
)

MASK: Final = "**********"
_SHOWN: Final = 1_000
"""Longest text that an error repeats."""


class Validator:
    """Checks requests for one predictor, sent by one API's rules.

    Args:
        spec: The predictor or trainer.
        dialect: Whose rules hold.
        on_unknown: Called with the names of the inputs that a request gave and the predictor does
            not have; they are dropped.

    Attributes:
        secret: The inputs that hold a secret, at any depth.
        slow: Whether even a short request may take long: Python matches one of the patterns.

    Raises:
        PredictorError: A `regex` is no regular expression.
    """

    def __init__(
        self,
        spec: PredictorSpec,
        dialect: Dialect,
        *,
        on_unknown: Callable[[tuple[str, ...]], None] | None = None,
    ) -> None:
        self._inputs = {each.name: each for each in spec.inputs}
        self._on_unknown = on_unknown
        self.secret = frozenset(each.name for each in spec.inputs if holds(each.type, SecretType))
        self._omissible = frozenset(
            each.name
            for each in spec.inputs
            if dialect is Dialect.COG and isinstance(each.type, OptionalType) and not each.required
        )
        self.slow = any(each.regex and not is_linear(each.regex) for each in spec.inputs)
        schemas = {each.name: _checked(each, dialect) for each in spec.inputs}
        self._defaults = {each.name: _default(each) for each in spec.inputs if not each.required}
        self._validator = SchemaValidator(
            core_schema.typed_dict_schema(
                {
                    each.name: core_schema.typed_dict_field(
                        schemas[each.name], required=each.required
                    )
                    for each in spec.inputs
                },
                extra_behavior="ignore",
            )
        )

    def parse(self, values: object) -> dict[str, Any]:
        """Return the inputs, in the author's order, defaults filled in.

        What is null and may be left out, as JavaScript sends it, is left out.

        Raises:
            InvalidInput: `values` is no object, or a value does not fit.
        """
        if isinstance(values, dict) and self._omissible:
            nulls = {name for name in self._omissible if name in values and values[name] is None}
            if nulls:
                values = {name: value for name, value in values.items() if name not in nulls}
        given: dict[str, Any]
        try:
            if not self.slow:
                given = self._validator.validate_python(values)
            else:
                with Matcher() as matcher:
                    given = self._validator.validate_python(values, context=matcher)
        except (ValidationError, RecursionError) as error:
            raise InvalidInput(self._problems(error)) from error
        if self._on_unknown is not None and isinstance(values, Mapping):
            unknown = tuple(name for name in values if name not in self._inputs)
            if unknown:
                self._on_unknown(unknown)
        return {
            name: given[name] if name in given else copy.deepcopy(self._defaults[name])
            for name in self._inputs
        }

    def _problems(self, error: ValidationError | RecursionError) -> list[Problem]:
        if isinstance(error, RecursionError):
            return [Problem((), "Input is nested too deeply", "recursion_loop")]
        errors = error.errors(include_url=False)
        problems = [self._problem(each) for each in errors if each["type"] != MORE][:MOST]
        count = sum(each["ctx"]["more"] if each["type"] == MORE else 1 for each in errors)
        if count > len(problems):
            more = f"{count - len(problems)} more values do not fit, {count} in all"
            problems.append(Problem((), more, MORE, {"count": count}))
        return problems

    def _problem(self, each: Any) -> Problem:
        loc = tuple(each["loc"])
        secret = bool(loc) and loc[0] in self.secret
        # The value of a missing input is the whole request, with its secrets.
        shown = None if not loc or each["type"] == "missing" else _shown(each["input"])
        context = {name: _shown(value) for name, value in each.get("ctx", {}).items()}
        return Problem(
            loc=loc,
            message=each["msg"],
            type=each["type"],
            context=context or None,
            value=MASK if secret and shown is not None else shown,
        )


def _checked(each: InputSpec, dialect: Dialect) -> core_schema.CoreSchema:
    if each.regex is not None:
        check_pattern(each.regex, each.name)
    schema = core_type(each.type, each, strict=dialect is Dialect.COG)
    if dialect is Dialect.COG and not isinstance(each.type, OptionalType):
        return core_schema.no_info_before_validator_function(_refuse_null, schema)
    return core_schema.nullable_schema(schema) if each.default is None else schema


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError("null is not a value: leave the input out instead")
    return value


def _default(each: InputSpec) -> Any:
    """Return a default of the declared type; a file's stays the author's text, as a URL does."""
    value = each.default
    if value is None or value is MISSING:
        return None
    if holds(each.type, PathType, FileType):
        return value
    unlimited = InputSpec(each.name, each.type)
    try:
        return SchemaValidator(core_type(each.type, unlimited, strict=False)).validate_python(value)
    except ValidationError:
        # Cog never checked defaults; what the author wrote is what predict gets.
        return Secret(value) if isinstance(each.type, SecretType) else value


def _shown(value: Any) -> Any:
    """Return what an error may repeat of a value: short, and JSON."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}... ({len(value)} characters)"
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | dict):
        text = b"".join(islice(slices(value), 1))
        return value if len(text) <= _SHOWN else f"{text[:_SHOWN].decode(errors='ignore')}..."
    return str(value)[:_SHOWN]


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

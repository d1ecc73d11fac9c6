"""Check long lists and objects in steps, and keep few of the errors that they make.

Pydantic keeps the interpreter to itself while it checks a value, and makes an error of each wrong
item: a list of a million wrong numbers takes it a minute and two gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    SchemaValidator,
    ValidationError,
    core_schema,
)

from cogfal.schema.turns import TURNS

STEP: Final = 512
"""Items that are checked at once."""

MOST: Final = 10
"""Errors that are kept of a list or an object; the rest are counted."""

MORE: Final = "too_many_problems"
"""Type of the error that stands for those that were not kept; its context says how many."""


def in_steps(schema: CoreSchema) -> CoreSchema:
    """Return the schema of a list or an object that checks like `schema`, step by step."""
    validator = SchemaValidator(schema)

    def check(value: Any, handler: Any, info: core_schema.ValidationInfo) -> Any:
        if isinstance(value, list | dict) and len(value) > STEP:
            return _checked(value, validator, info.context)
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= MOST:
                raise
            kept, more = _kept(error, 0, MOST)
            raise _joined(error.title, kept, more) from None

    return core_schema.with_info_wrap_validator_function(check, schema)


def _checked(value: list[Any] | dict[str, Any], validator: SchemaValidator, context: Any) -> Any:
    checked: Any = type(value)()
    add = checked.extend if isinstance(value, list) else checked.update
    kept: list[InitErrorDetails] = []
    more = 0
    for number, step in enumerate(_steps(value)):
        TURNS.pass_on()
        try:
            add(validator.validate_python(step, context=context))
        except ValidationError as error:
            offset = number * STEP if isinstance(value, list) else 0
            found, left = _kept(error, offset, MOST - len(kept))
            kept += found
            more += left
    if kept:
        raise _joined(validator.title, kept, more)
    return checked


def _steps(value: list[Any] | dict[str, Any]) -> Iterator[list[Any] | dict[str, Any]]:
    if isinstance(value, list):
        yield from (value[at : at + STEP] for at in range(0, len(value), STEP))
        return
    items = iter(value.items())
    while step := dict(islice(items, STEP)):
        yield step


def _kept(error: ValidationError, offset: int, most: int) -> tuple[list[InitErrorDetails], int]:
    """Return the first errors, of a step that begins at `offset`, and how many more there are."""
    kept: list[InitErrorDetails] = []
    more = 0
    for each in error.errors(include_url=False):
        if each["type"] == MORE:
            more += each["ctx"]["more"]
        elif len(kept) < most:
            kept.append(_details(each, offset))
        else:
            more += 1
    return kept, more


def _details(each: Any, offset: int) -> InitErrorDetails:
    first, *rest = each["loc"] or (None,)
    loc = each["loc"] if not isinstance(first, int) else (first + offset, *rest)
    kind = PydanticCustomError(each["type"], each["msg"], each.get("ctx"))
    return InitErrorDetails(type=kind, loc=loc, input=each["input"])


def _joined(title: str, kept: list[InitErrorDetails], more: int) -> ValidationError:
    if more:
        kind = PydanticCustomError(MORE, "{more} more values like these do not fit", {"more": more})
        kept = [*kept, InitErrorDetails(type=kind, loc=(), input=None)]
    return ValidationError.from_exception_data(title, kept)

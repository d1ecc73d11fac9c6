"""Turn each kind of type into the schema by which pydantic-core checks values of it.

Long lists and objects are checked in steps, and few of the errors that they make are kept: Pydantic
keeps the interpreter to itself while it checks a value, and makes an error of each wrong item, so
that a list of a million wrong numbers takes it a minute and two gigabytes.
"""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import partial
from itertools import islice
from typing import Any, Final

from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    SchemaValidator,
    ValidationError,
    core_schema,
)
from typing_extensions import assert_never

from cogfal.cog.types import Secret
from cogfal.concurrency import TURNS
from cogfal.schema.regular_expressions import bounded_match, is_linear
from cogfal.spec import (
    AnyType,
    BooleanType,
    DictType,
    EnumType,
    FileType,
    FloatType,
    InputSpec,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
    Type,
    UnionType,
)

_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1
_MAX_URL: Final = 65_536


class Dialect(Enum):
    """Whose rules values are checked by."""

    FAL = "fal"
    """Lax: what Pydantic can convert to the declared type is converted; null for optional."""

    COG = "cog"
    """Strict: a value has the JSON type that was declared; null is an optional input left out."""


def core_type(  # noqa: C901, PLR0911, PLR0912 - one line per kind
    kind: Type, limits: InputSpec, *, strict: bool
) -> CoreSchema:
    """Return pydantic-core's schema of a kind of type.

    Args:
        kind: The type of an input, or of a part of it.
        limits: The input, whose limits hold for the texts and numbers in it.
        strict: Whether nothing is converted.
    """
    part = partial(core_type, limits=limits, strict=strict)
    match kind:
        case StringType():
            return _one_of(_string(limits), limits)
        case IntegerType():
            return _one_of(_integer(limits, strict=strict), limits)
        case FloatType():
            return _one_of(_number(limits, strict=strict), limits)
        case BooleanType():
            return core_schema.bool_schema(strict=strict)
        case AnyType():
            return core_schema.any_schema()
        case NullType():
            return core_schema.none_schema()
        case PathType() | FileType():
            return core_schema.no_info_after_validator_function(_file_url, _text())
        case SecretType():
            return core_schema.no_info_after_validator_function(Secret, _string(limits))
        case DictType(value):
            return in_steps(core_schema.dict_schema(_text(), part(value)))
        case OpaqueType() | ObjectType():
            return in_steps(core_schema.dict_schema(_text(), core_schema.any_schema()))
        case LiteralType(values):
            return _literal(values)
        case EnumType(members=members):
            return _literal([value for _, value in members])
        case ListType(item):
            return in_steps(core_schema.list_schema(part(item)))
        case OptionalType(inner):
            return core_schema.nullable_schema(part(inner))
        case UnionType(members):
            return _union(members, limits)
        case IteratorType():
            raise TypeError("an iterator is an output, not an input")
        case _:
            assert_never(kind)


def _text() -> CoreSchema:
    return core_schema.str_schema(strict=True)


def _string(limits: InputSpec) -> CoreSchema:
    linear = limits.regex is None or is_linear(limits.regex)
    schema = core_schema.str_schema(
        strict=True,
        min_length=limits.min_length,
        max_length=limits.max_length,
        pattern=limits.regex if linear else None,
    )
    if limits.regex is None or linear:
        return schema
    return core_schema.with_info_after_validator_function(bounded_match(limits.regex), schema)


def _integer(limits: InputSpec, *, strict: bool) -> CoreSchema:
    schema = _whole(limits, strict=strict)
    if not strict:
        return schema
    return core_schema.no_info_before_validator_function(_integral, schema)


def _whole(limits: InputSpec, *, strict: bool) -> CoreSchema:
    return core_schema.int_schema(
        strict=strict,
        ge=_SMALLEST if limits.ge is None else math.ceil(limits.ge),
        le=_LARGEST if limits.le is None else math.floor(limits.le),
    )


def _number(limits: InputSpec, *, strict: bool) -> CoreSchema:
    return core_schema.float_schema(strict=strict, allow_inf_nan=False, ge=limits.ge, le=limits.le)


def _one_of(schema: CoreSchema, limits: InputSpec) -> CoreSchema:
    if limits.choices is None:
        return schema
    return core_schema.chain_schema([schema, _literal(limits.choices)])


def _literal(values: Sequence[Any]) -> CoreSchema:
    return core_schema.literal_schema(list(values))


def _union(members: tuple[Type, ...], limits: InputSpec) -> CoreSchema:
    """Return a union whose members convert nothing, so that a value keeps its JSON type.

    An integer stays one where only a float is declared, as Cog hands it on.
    """
    schemas: list[CoreSchema | tuple[CoreSchema, str]] = [
        core_type(each, limits, strict=True) for each in members
    ]
    if any(isinstance(member, FloatType) for member in members):
        rest = [s for s, m in zip(schemas, members, strict=True) if not isinstance(m, IntegerType)]
        schemas = [_whole(limits, strict=True), *rest]
    names = " or ".join(dict.fromkeys(_named(member) for member in members))
    return core_schema.union_schema(
        schemas,
        mode="smart",
        custom_error_type="union_type",
        custom_error_message=f"Input should be {names}",
    )


def _named(kind: Type) -> str:
    """Return what an error calls a member of a union."""
    return type(kind).__name__.removesuffix("Type").lower()


def _integral(value: Any) -> Any:
    """Return 2 for 2.0, as JSON makes no difference between them."""
    return int(value) if type(value) is float and value.is_integer() else value


def _file_url(text: str) -> str:
    if text[:5].lower() == "data:":
        if "," not in text:
            raise PydanticKnownError("url_parsing", {"error": "no comma in a data URL"})
        return text
    if len(text) > _MAX_URL:
        raise PydanticKnownError("url_too_long", {"max_length": _MAX_URL})
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PydanticKnownError("url_parsing", {"error": str(error)}) from error
    if parts.scheme not in ("http", "https"):
        raise PydanticKnownError("url_scheme", {"expected_schemes": "'http', 'https' or 'data'"})
    if not host or port == 0 or any(character < " " for character in text):
        raise PydanticKnownError("url_parsing", {"error": "no host, no port or a line break"})
    return text


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

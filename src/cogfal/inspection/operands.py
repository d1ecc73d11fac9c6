"""Tell whether a value may be an operand, and how much it counts."""

from __future__ import annotations

from typing import Final

from cogfal.inspection import attributes
from cogfal.inspection.limits import Budget, weigh
from cogfal.inspection.values import (
    ClassValue,
    EnumMember,
    FunctionValue,
    HostPath,
    ModuleValue,
    PathText,
    Unknown,
    Unresolved,
    Value,
)

SERIES: Final[tuple[type, ...]] = (
    *(str, bytes, list, tuple, set, frozenset, dict, range),
    *(type({}.keys()), type({}.values()), type({}.items())),
)
DATA: Final[tuple[type, ...]] = (bool, int, float, complex, type(None), *SERIES)


def data(budget: Budget, value: Value) -> Value:
    """Return plain data, an Enum member as what it equals, ready for an operator.

    Raises:
        Unresolved: The value is no plain data, or too large.
    """
    if isinstance(value, EnumMember):
        value = attributes.plain_member(value)
    if not isinstance(value, DATA):
        raise Unresolved("the value is not plain data")
    weigh(value, budget)
    return value


def comparable(budget: Budget, value: Value) -> Value:
    """Return `value` ready for a comparison; members and paths may be compared too."""
    value = attributes.plain_member(value) if isinstance(value, EnumMember) else value
    if isinstance(value, EnumMember | PathText):
        return value
    data(budget, value)
    items = value if isinstance(value, list | tuple) else ()
    if any(not isinstance(item, (*DATA, EnumMember)) for item in items):
        raise Unresolved("an item is not plain data")
    return value


def truth(value: Value) -> bool:
    """Return whether `value` counts as true."""
    if isinstance(value, Unknown):
        raise value.error
    if isinstance(value, ClassValue | FunctionValue | ModuleValue | PathText | HostPath):
        return True
    if isinstance(value, EnumMember):
        value = attributes.plain_member(value)
        return True if isinstance(value, EnumMember) else bool(value)
    if isinstance(value, DATA):
        return bool(value)
    raise Unresolved("a condition that is only known where the packages are installed")


def text_source(budget: Budget, value: Value) -> Value:
    """Return what `str()` and formats may print: plain data that holds nothing else."""
    if isinstance(value, PathText):
        return value.text
    if isinstance(value, EnumMember):
        mixed = attributes.plain_member(value)
        if isinstance(mixed, EnumMember):
            return f"{value.owner.name}.{value.name}"
        if not attributes.mixes_in(value.owner, "enum.StrEnum"):
            raise Unresolved("the text of such a member depends on Python's version")
        return mixed
    if isinstance(value, set | frozenset | dict | list | tuple):
        _only_data(budget, value)
    return data(budget, value)


def _only_data(budget: Budget, value: Value) -> None:
    weigh(value, budget)
    pending = [value]
    while pending:
        item = pending.pop()
        if not isinstance(item, DATA) or isinstance(item, set | frozenset):
            raise Unresolved("an item is not plain data")
        if isinstance(item, list | tuple | dict):
            pending.extend(item)
            pending.extend(item.values() if isinstance(item, dict) else ())

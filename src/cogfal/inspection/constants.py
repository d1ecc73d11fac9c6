"""Turn evaluated values into JSON: defaults, choices and constraints."""

from __future__ import annotations

import math

from cogfal.inspection.values import (
    EnumMember,
    External,
    HostPath,
    Instance,
    PathText,
    Unknown,
    Unresolved,
    Unsupported,
    Value,
)
from cogfal.inspection.world import World
from cogfal.spec import JSON

_MAX_DEPTH = 30


def to_json(world: World, value: Value, depth: int = 0) -> JSON:
    """Return the JSON form of a value: an Enum member's value, a path's text.

    Raises:
        Unresolved: It has none.
    """
    world.state.budget.spend()
    if depth > _MAX_DEPTH:
        raise Unresolved("nested too deeply")
    world.state.checked(value)
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _finite(value)
        case EnumMember():
            return to_json(world, value.value, depth + 1)
        case PathText():
            return value.text
        case Instance():
            return _mapping(world, value.attributes, depth)
        case dict():
            return _mapping(world, value, depth)
        case list() | tuple() | set() | frozenset() | range():
            return [to_json(world, item, depth + 1) for item in world.iterate(value)]
    raise _without_json(value)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Unsupported("an infinite number cannot be written in JSON")
    return value


def _without_json(value: Value) -> Unresolved:
    match value:
        case Unknown():
            return value.error
        case HostPath():
            return Unresolved("the path depends on the machine")
        case External():
            error = Unresolved(f"{value.name} is not part of the project")
            error.text = value.name
            return error
    return Unresolved("the value is not a text, number, list or dict")


def _mapping(world: World, value: dict[Value, Value], depth: int) -> dict[str, JSON]:
    if not all(isinstance(key, str) for key in value):
        raise Unresolved("a dict with keys that are no texts")
    return {key: to_json(world, item, depth + 1) for key, item in value.items()}

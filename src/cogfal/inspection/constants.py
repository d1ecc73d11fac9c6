"""Turn evaluated values into JSON: defaults, choices and constraints."""

from __future__ import annotations

import math

from cogfal.inspection.values import (
    EnumMember,
    HostPath,
    Instance,
    PathText,
    Unknown,
    Unresolved,
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
        case Unknown():
            raise value.error
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case float():
            raise Unresolved("an infinite number cannot be written in JSON")
        case EnumMember():
            return to_json(world, value.value, depth + 1)
        case PathText():
            return value.text
        case HostPath():
            raise Unresolved("the path depends on the machine")
        case Instance():
            return _mapping(world, value.attributes, depth)
        case dict():
            return _mapping(world, value, depth)
        case list() | tuple() | set() | frozenset() | range():
            return [to_json(world, item, depth + 1) for item in world.iterate(value)]
    raise Unresolved("the value is not a text, number, list or dict")


def _mapping(world: World, value: dict[Value, Value], depth: int) -> dict[str, JSON]:
    if not all(isinstance(key, str) for key in value):
        raise Unresolved("a dict with keys that are no texts")
    return {key: to_json(world, item, depth + 1) for key, item in value.items()}

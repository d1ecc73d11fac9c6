"""Turn an evaluated annotation, or default, into a kind of type, or JSON."""

from __future__ import annotations

import ast
import enum
import math
import typing
from collections.abc import Iterable
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from cogfal.guest import type_names
from cogfal.guest.annotations import type_of
from cogfal.reading.classes import outside_base
from cogfal.reading.journal import of_class
from cogfal.reading.operators import of_machine
from cogfal.reading.standins import OutsideType, Shown
from cogfal.reading.unknown import (
    Foreign,
    Touched,
    Unknown,
    Unresolved,
    Unsupported,
    Value,
    reached,
)
from cogfal.spec import JSON, Type

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.source import Module

_MAX_DEPTH: Final = 30
_MAX_PARTS: Final = 100


def read_type(world: Interpreter, annotation: Value, node: ast.AST, module: Module) -> Type:
    """Return the type that an annotation means; `node` is where it is written.

    Raises:
        Unresolved: It is not told by the text, or is no type that can be served.
    """
    try:
        kind: Type = world.settled(lambda: type_of(annotation))
    except type_names.Unservable as error:
        raise _explained(world, annotation, error.reason, node, module) from None
    except Touched as error:
        raise error.unknown.at(node, module).error() from None
    except Unresolved as error:
        if error.node is None:
            error.node, error.module = node, module
        raise
    except RecursionError:
        raise Unsupported("a type that contains itself", node, module) from None
    except (TypeError, ValueError, AttributeError, LookupError, NameError) as error:
        raise Unsupported(f"this is not a type: {error}", node, module) from error
    return kind


def _explained(
    world: Interpreter, annotation: Value, reason: str, node: ast.AST, module: Module
) -> Unresolved:
    """Say why there is no type: something outside, a class without fields, or just no type."""
    parts = list(islice(reached([annotation], _parts), _MAX_PARTS))
    for part in parts:
        unknown = part.unknown if isinstance(part, OutsideType) else None
        if isinstance(part, type):
            unknown = outside_base(part)
        if unknown is not None and not type_names.is_plain(unknown.dotted):
            return Foreign(unknown.reason, node, module)
    own = [each for each in parts if isinstance(each, type) and each in world.classes.nodes]
    if own and "contains itself" not in reason:
        return Unsupported(f"the class {own[0].__name__} describes no fields", node, module)
    return Unsupported(reason, node, module)


def _parts(annotation: Value) -> Iterable[Value]:
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        held = vars(annotation).get("__annotations__")  # a descriptor where `type` itself is meant
        return [*held.values()] if isinstance(held, dict) else []
    named = getattr(annotation, "__supertype__", None)
    return typing.get_args(annotation) if named is None else [named]


def to_json(world: Interpreter, value: Value, depth: int = 0) -> JSON:
    """Return the JSON form of a value: an Enum member's value, a path's text.

    Raises:
        Unresolved: It has none.
    """
    world.budget.spend()
    if depth > _MAX_DEPTH:
        raise Unresolved("nested too deeply")
    value = world.known(value)
    match value:
        case enum.Enum() | Shown():
            return to_json(world, value.value, depth + 1)
        case Unknown():
            raise value.error()
        case str() | PurePath():
            if of_machine(value):
                raise Unresolved("the path depends on the machine")
            return str.__str__(value) if isinstance(value, str) else str(value)
        case None | bool() | int():
            return value
        case float():
            if not math.isfinite(value):
                raise Unsupported("an infinite number cannot be written in JSON")
            return value
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise Unresolved("a dict with keys that are no texts")
            pairs = [[to_json(world, each, depth + 1) for each in pair] for pair in value.items()]
            return {str(key): item for key, item in pairs}
        case set() | frozenset():
            return [to_json(world, item, depth + 1) for item in sorted(value, key=repr)]
        case list() | tuple() | range():
            return [to_json(world, item, depth + 1) for item in value]
    return to_json(world, _secret(value), depth)


def _secret(value: Value) -> Value:
    """Return what a secret holds."""
    if isinstance(value, OutsideType):
        raise value.unknown.error()
    if of_class(type(value), "get_secret_value") is not None:
        return value.get_secret_value()
    raise Unresolved("the value is not a text, number, list or dict")

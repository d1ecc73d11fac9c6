"""Evaluate a call: of the author's functions and classes, of data's methods, of the library."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cogfal.inspection import attributes, limits
from cogfal.inspection.datafiles import file_method, open_file, read_text
from cogfal.inspection.folders import is_there, paths_in
from cogfal.inspection.library import LIBRARY
from cogfal.inspection.values import (
    BoundMethod,
    Call,
    ClassValue,
    DataMethod,
    EnumMember,
    External,
    FunctionValue,
    HostPath,
    Instance,
    OpenFile,
    PathText,
    Raised,
    Scope,
    Subscripted,
    Unknown,
    Unresolved,
    Value,
    mro,
)
from cogfal.inspection.world import World

FIELDS: Final = frozenset({"dataclasses.field", "pydantic.Field"})
"""Calls that say of a field what it is filled with."""

KEPT: Final = frozenset({"cog.Input", "cog.concurrent", "cog.input", *FIELDS})
"""Calls that are kept as they are for whoever understands them."""

_CHANGING: Final = frozenset(
    (
        *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
        *("reverse", "setdefault", "sort", "update", "difference_update", "intersection_update"),
    )
)


def call(
    world: World, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> Value:
    """Return the result of calling `function`.

    Raises:
        Unresolved: The text does not tell it.
    """
    match function:
        case FunctionValue():
            return world.run(function, positional, dict(keywords))
        case BoundMethod():
            return world.run(function.function, [function.owner, *positional], dict(keywords))
        case ClassValue():
            return _construct(world, function, positional, keywords)
        case DataMethod():
            return _method(world, function, positional, keywords)
        case External():
            return _external(world, function, positional, keywords)
        case Subscripted():
            return call(world, function.base, positional, keywords)
    raise Unresolved("what is called here is not known")


def _external(
    world: World, function: External, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> Value:
    if function.canonical in KEPT:
        return Call(function, tuple(positional), keywords)
    known = LIBRARY.get(function.canonical)
    if known is not None:
        return known(world, *[_known(a) for a in positional], **_all_known(keywords))
    scoped = next((a for a in positional if isinstance(a, FunctionValue | ClassValue)), None)
    if scoped is not None and len(positional) == 1 and not keywords:
        return scoped
    for argument in (*positional, *keywords.values()):
        world.state.taint(argument, Unresolved(f"{function.name} may have changed it"))
    raise Unresolved(f"{function.name} is not part of the project")


def _known(value: Value) -> Value:
    if isinstance(value, Unknown):
        raise value.error
    return value


def _all_known(keywords: Mapping[str, Value]) -> dict[str, Value]:
    return {name: _known(value) for name, value in keywords.items()}


def closure(world: World, function: Value) -> Callable[..., Any]:
    """Return a callable for a `key=` argument."""
    return lambda *arguments: world.call(function, arguments, {})


def _method(
    world: World, method: DataMethod, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> Value:
    owner, name = method.owner, method.name
    if isinstance(owner, OpenFile):
        return file_method(owner, name)
    if isinstance(owner, PathText | HostPath):
        return _path_method(world, owner, name, positional)
    if name in _CHANGING and not isinstance(owner, str):
        if world.state.uncertain is not None:
            world.state.taint(owner, world.state.uncertain)
            return None
    elif name != "get":
        positional = [_known(argument) for argument in positional]
    if isinstance(owner, str):
        return _text_method(world, owner, name, positional, keywords)
    arguments = [_plain(argument) for argument in positional]
    for argument in arguments:
        limits.weigh(argument, world.state.budget)
    if name in ("get", "setdefault", "pop") and isinstance(owner, dict) and len(arguments) > 1:
        return _known(getattr(owner, name)(*arguments))
    named = {k: closure(world, v) if k == "key" else _known(v) for k, v in keywords.items()}
    if name in ("extend", "update", "union", "intersection", "difference"):
        arguments = [a if isinstance(a, dict) else world.iterate(a) for a in arguments]
    limits.weigh(owner, world.state.budget)
    result = getattr(owner, name)(*arguments, **named)
    limits.bounded(owner)
    return _known(result)


def _plain(value: Value) -> Value:
    return attributes.plain_member(value) if isinstance(value, EnumMember) else value


def _text_method(
    world: World, owner: str, name: str, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> Value:
    arguments = [_plain(argument) for argument in positional]
    named = {k: _plain(_known(v)) for k, v in keywords.items()}
    if name == "join":
        arguments = [[_plain(item) for item in world.iterate(arguments[0])]]
        _check_join(owner, arguments[0])
    elif name in ("format", "format_map"):
        limits.check_format(owner, (*arguments, *named.values()))
    elif (name == "replace" and len(owner) * len(str(arguments[1])) > limits.MAX_TEXT * 10) or (
        name in ("ljust", "rjust", "center", "zfill", "expandtabs")
        and any(isinstance(a, int) and a > limits.MAX_TEXT for a in arguments)
    ):
        raise Unresolved("too large to evaluate")
    if not all(isinstance(a, str | int | float | tuple | list | None) for a in arguments):
        raise Unresolved("an argument is not plain data")
    world.state.budget.spend(1 + len(owner) // 100)
    return getattr(owner, name)(*arguments, **named)


def _check_join(separator: str, items: Sequence[Value]) -> None:
    for item in items:
        _known(item)
    if sum(len(item) + len(separator) for item in items) > limits.MAX_TEXT:
        raise Unresolved("too large to evaluate")


def _path_method(
    world: World, owner: PathText | HostPath, name: str, positional: Sequence[Value]
) -> Value:
    match name:
        case "read_text":
            return read_text(world, owner)
        case "open":
            return open_file(world, owner, *positional)
        case "iterdir" | "glob":
            return paths_in(world, owner, *positional)
        case "rglob":
            return paths_in(world, owner, f"**/{_known(positional[0])}")
        case "exists" | "is_file" | "is_dir":
            return is_there(world, owner, getattr(Path, name))
        case "joinpath":
            return world.call(External("os.path.join"), [owner, *positional], {})
        case "resolve" | "absolute" | "expanduser" if isinstance(owner, HostPath):
            return owner
        case "as_posix" | "__str__" if isinstance(owner, PathText):
            return owner.text
    raise Unresolved(f"the method {name!r} of a path is not evaluated")


def _construct(
    world: World, cls: ClassValue, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> Value:
    if attributes.is_enum(cls):
        wanted = _known(positional[0])
        for member in attributes.enum_members(cls).values():
            if member.value == wanted:
                return member
        raise Raised("ValueError", f"{wanted!r} is not a {cls.name}")
    instance = Instance(cls)
    try:
        initialiser = attributes.find_in_class(world, cls, "__init__")
    except Raised:
        _fill(world, instance, positional, keywords)
        return instance
    if isinstance(initialiser, FunctionValue):
        world.run(initialiser, [instance, *positional], dict(keywords))
    return instance


def _fill(
    world: World, instance: Instance, positional: Sequence[Value], keywords: Mapping[str, Value]
) -> None:
    """Do what a dataclass's own `__init__` does."""
    names: list[str] = []
    scopes: dict[str, Scope] = {}
    for base in reversed(mro(instance.owner)):
        if isinstance(base, ClassValue):
            for statement in base.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    names.append(statement.target.id)
                    scopes[statement.target.id] = base.scope
    given = dict(zip(dict.fromkeys(names), positional, strict=False)) | dict(keywords)
    for name, scope in scopes.items():
        value = given[name] if name in given else scope.names.get(name)
        instance.attributes[name] = _field_default(world, value)


def _field_default(world: World, value: Value) -> Value:
    if not isinstance(value, Call) or value.function.canonical not in FIELDS:
        return value
    if "default_factory" in value.keywords:
        return world.call(_known(value.keywords["default_factory"]), [], {})
    return value.keywords.get("default", next(iter(value.positional), None))

"""The part of Python's library that predictors' signatures use, on evaluated values."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import os
import string
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from cogfal.inspection import limits
from cogfal.inspection.datafiles import load_json, open_file
from cogfal.inspection.folders import is_there, names_in, texts_like
from cogfal.inspection.places import located
from cogfal.inspection.values import (
    Auto,
    ClassValue,
    EnumMember,
    External,
    FunctionValue,
    HostPath,
    PathText,
    Raised,
    Subscripted,
    Unresolved,
    Value,
)
from cogfal.inspection.world import World

Entry: TypeAlias = Callable[..., Value]

_COMPARED: Final = (str, int, float, tuple, list, EnumMember, PathText, HostPath, type(None))


def _data(function: Callable[..., Any]) -> Entry:
    """Wrap a function of plain, small arguments."""

    def entry(world: World, *arguments: Value, **keywords: Value) -> Value:
        for argument in (*arguments, *keywords.values()):
            if not isinstance(argument, str | int | float | bytes | None):
                raise Unresolved("an argument is not a number or text")
        return function(*arguments, **keywords)

    return entry


def _over(function: Callable[..., Any]) -> Entry:
    """Wrap a function of one iterable."""

    def entry(world: World, items: Value = (), *more: Value) -> Value:
        return function(world.iterate(items), *more)

    return entry


def _closure(world: World, function: Value) -> Callable[..., Any] | None:
    if function is None:
        return None
    return lambda *arguments: world.call(function, arguments, {})


def _comparable(world: World, items: list[Value]) -> list[Value]:
    limits.weigh(items, world.state.budget)
    if any(not isinstance(i, _COMPARED) for i in items):
        raise Unresolved("an item is not plain data")
    return items


def _sorted(world: World, items: Value, *, key: Value = None, reverse: Value = False) -> Value:
    return sorted(
        _comparable(world, world.iterate(items)),
        key=_closure(world, key),
        reverse=world.truth(reverse),
    )


def _extreme(pick: Callable[..., Any]) -> Entry:
    def entry(world: World, *items: Value, key: Value = None, **default: Value) -> Value:
        taken = world.iterate(items[0]) if len(items) == 1 else list(items)
        return pick(_comparable(world, taken), key=_closure(world, key), **default)

    return entry


def _dict(world: World, *positional: Value, **keywords: Value) -> Value:
    if positional and isinstance(positional[0], dict):
        return {**positional[0], **keywords}
    pairs = [
        tuple(world.iterate(pair)) for pair in world.iterate(positional[0] if positional else ())
    ]
    limits.weigh(pairs, world.state.budget)
    return {**dict(pairs), **keywords}


def _distinct(world: World, items: Value) -> list[Value]:
    return _comparable(world, world.iterate(items))


def _sum(world: World, items: Value, start: Value = 0) -> Value:
    taken = world.iterate(items)
    if not all(isinstance(item, int | float) for item in [*taken, start]):
        raise Unresolved("only numbers are added up")
    return sum(taken, start)


def _integer_limits(world: World, kind: Value) -> Value:
    if isinstance(kind, External):
        return External(f"iinfo.{kind.name.rpartition('.')[2]}")
    raise Unresolved("the kind of integer is not known")


def _from_keys(world: World, keys: Value, value: Value = None) -> Value:
    return dict.fromkeys(_distinct(world, keys), value)


def _text(world: World, value: Value = "") -> Value:
    match value:
        case PathText():
            return value.text
        case HostPath():
            return value
        case str() | int() | float() | None:
            return str(value)
    raise Unresolved("the text of such a value is not evaluated")


def _number(kind: type[int | float]) -> Entry:
    def entry(world: World, value: Value = 0, *base: Value) -> Value:
        plain = value.value if isinstance(value, EnumMember) else value
        if not isinstance(plain, str | int | float):
            raise Unresolved("an argument is not a number or text")
        return kind(plain, *base)

    return entry


def _len(world: World, value: Value) -> int:
    if isinstance(value, str | range | list | dict | tuple | set):
        return len(value)
    return len(world.iterate(value))


def _map(world: World, function: Value, *iterables: Value) -> Value:
    columns = [world.iterate(items) for items in iterables]
    return iter([world.call(function, row, {}) for row in zip(*columns, strict=False)])


def _filter(world: World, function: Value, items: Value) -> Value:
    def wanted(item: Value) -> bool:
        return world.truth(item if function is None else world.call(function, [item], {}))

    return iter([item for item in world.iterate(items) if wanted(item)])


def _zip(world: World, *iterables: Value, **_: Value) -> Value:
    return iter(list(zip(*(world.iterate(items) for items in iterables), strict=False)))


def _chain(world: World, *iterables: Value) -> Value:
    return list(itertools.chain.from_iterable(world.iterate(items) for items in iterables))


def _product(world: World, *iterables: Value) -> Value:
    return limits.take(
        itertools.product(*(world.iterate(items) for items in iterables)), world.state.budget
    )


def _next(world: World, items: Value, *default: Value) -> Value:
    return next(items, *default) if default else world.iterate(items)[0]


def _getattr(world: World, value: Value, name: Value, *default: Value) -> Value:
    try:
        return world.attribute(value, str(name))
    except Raised:
        if default:
            return default[0]
        raise


def _getenv(world: World, name: Value, default: Value = None) -> Value:
    value = world.state.getenv(name)
    return default if value is None else value


def _environ(world: World, name: Value) -> Value:
    value = world.state.getenv(name)
    if value is None:
        raise Raised("KeyError", f"the environment variable {name} is not set")
    return value


def _setenv_default(world: World, name: Value, default: Value = None) -> Value:
    value = world.state.getenv(name)
    if value is None and isinstance(default, str):
        world.state.setenv(name, default)
        return default
    return value


def _join(world: World, first: Value, *rest: Value) -> Value:
    parts = [part.text if isinstance(part, PathText) else part for part in rest]
    if not all(isinstance(part, str) for part in parts):
        raise Unresolved("a part of the path is not known")
    match first:
        case HostPath():
            return HostPath(Path(os.path.normpath(first.path.joinpath(*parts))))
        case PathText():
            return PathText(str(Path(first.text, *parts)))
    return os.path.join(_plain_path(first), *parts)  # noqa: PTH118 - the author calls this one


def _plain_path(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, PathText):
        return value.text
    raise Unresolved("the path is not known")


def _on_path(function: Callable[[str], Any]) -> Entry:
    def entry(world: World, value: Value) -> Value:
        return function(_plain_path(value))

    return entry


def _dirname(world: World, value: Value) -> Value:
    if isinstance(value, HostPath):
        return HostPath(value.path.parent)
    return os.path.dirname(_plain_path(value))  # noqa: PTH120 - the author calls this one


def _absolute(world: World, value: Value) -> Value:
    if isinstance(value, HostPath):
        return value
    return HostPath(located(world, value))


def _path(world: World, *parts: Value) -> Value:
    if len(parts) == 1 and isinstance(parts[0], HostPath | PathText):
        return parts[0]
    if parts and isinstance(parts[0], HostPath):
        return _join(world, *parts)
    return PathText(str(Path(*(_plain_path(part) for part in parts))))


def _working_directory(world: World) -> Value:
    return HostPath(world.state.project.root)


def _add_folder(position: int) -> Entry:
    def entry(world: World, *arguments: Value) -> Value:
        place = _absolute(world, arguments[-1])
        folders = world.state.project.folders
        if place.path not in folders:
            folders.insert(len(folders) if position else int(arguments[0]), place.path)

    return entry


def _arguments_of(world: World, alias: Value) -> Value:
    if isinstance(alias, Subscripted):
        return alias.arguments
    raise Unresolved("the arguments of such a type are not evaluated")


def _itself(world: World, value: Value = None, *_: Value, **__: Value) -> Value:
    return value


def _new_type(world: World, _: Value, value: Value) -> Value:
    return value


def _streaming(world: World, function: Value = None) -> Value:
    return External("cog.streaming") if function is None else function


def _nothing(world: World, *_: Value, **__: Value) -> None:
    return None


def _is_class(world: World, value: Value) -> bool:
    return isinstance(value, ClassValue)


def _callable(world: World, value: Value) -> bool:
    return isinstance(value, ClassValue | FunctionValue)


def _numpy_number(kind: type[int | float]) -> Entry:
    """Return what reads `np.float64(0.5)`, or of a list each of its items, as plain numbers."""

    def entry(world: World, value: Value = 0) -> Value:
        several = isinstance(value, list | tuple)
        items = list(value) if several else [value]
        if not all(isinstance(item, int | float) for item in items):
            raise Unresolved("an argument is not a number")
        found = [kind(item) for item in items]
        return found if several else found[0]

    return entry


LIBRARY: Final[dict[str, Entry]] = {
    **{f"numpy.{name}": _numpy_number(int) for name in ("int8", "int16", "int32", "int64")},
    "numpy.float64": _numpy_number(float),
    **{
        f"builtins.{function.__name__}": _data(function)
        for function in (abs, bin, chr, divmod, hex, oct, ord, repr, round)
    },
    **{
        f"math.{function.__name__}": _data(function)
        for function in (math.ceil, math.floor, math.log, math.log2, math.log10, math.sqrt)
    },
    **{f"builtins.{function.__name__}": _over(function) for function in (iter, list, tuple)},
    "builtins.all": lambda world, items: all(world.truth(i) for i in world.iterate(items)),
    "builtins.any": lambda world, items: any(world.truth(i) for i in world.iterate(items)),
    "builtins.bool": lambda world, value=False: world.truth(value),
    "builtins.callable": _callable,
    "builtins.dict": _dict,
    "builtins.dict.fromkeys": _from_keys,
    "builtins.enumerate": _over(lambda items, *start: list(enumerate(items, *start))),
    "builtins.filter": _filter,
    "builtins.float": _number(float),
    "builtins.frozenset": lambda world, items=(): frozenset(_distinct(world, items)),
    "builtins.getattr": _getattr,
    "builtins.int": _number(int),
    "builtins.int.from_bytes": _data(int.from_bytes),
    "builtins.len": _len,
    "builtins.map": _map,
    "builtins.max": _extreme(max),
    "builtins.min": _extreme(min),
    "builtins.next": _next,
    "builtins.open": open_file,
    "builtins.print": _nothing,
    "builtins.range": _data(range),
    "builtins.reversed": _over(lambda items: items[::-1]),
    "builtins.set": lambda world, items=(): set(_distinct(world, items)),
    "builtins.sorted": _sorted,
    "builtins.str": _text,
    "builtins.sum": _sum,
    "builtins.zip": _zip,
    "cog.File": _path,
    "cog.Path": _path,
    "cog.Secret": _text,
    "cog.streaming": _streaming,
    "collections.OrderedDict": _dict,
    "copy.copy": _over(list),
    "dataclasses.dataclass": lambda world, **_: External("dataclasses.dataclass"),
    "enum.auto": lambda world: Auto(),
    "enum.unique": _itself,
    "functools.wraps": lambda world, function: External("functools.wraps"),
    "glob.glob": texts_like,
    "inspect.cleandoc": _data(inspect.cleandoc),
    "inspect.isclass": _is_class,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _over(lambda items: [x for item in items for x in item]),
    "itertools.product": _product,
    "json.load": load_json,
    "json.loads": _data(json.loads),
    "numpy.iinfo": _integer_limits,
    "os.environ.__getitem__": _environ,
    "os.environ.get": _getenv,
    "os.environ.setdefault": _setenv_default,
    "os.fspath": _text,
    "os.getcwd": _working_directory,
    "os.getenv": _getenv,
    "os.listdir": names_in,
    "os.path.abspath": _absolute,
    "os.path.basename": _on_path(os.path.basename),
    "os.path.dirname": _dirname,
    "os.path.exists": is_there,
    "os.path.isdir": lambda world, place: is_there(world, place, Path.is_dir),
    "os.path.isfile": lambda world, place: is_there(world, place, Path.is_file),
    "os.path.join": _join,
    "os.path.normpath": _on_path(os.path.normpath),
    "os.path.realpath": _absolute,
    "os.path.splitext": _on_path(os.path.splitext),
    "pathlib.Path": _path,
    "pathlib.Path.cwd": _working_directory,
    "pathlib.PosixPath": _path,
    "pathlib.PurePath": _path,
    "pathlib.PurePosixPath": _path,
    "pydantic.dataclasses.dataclass": lambda world, **_: External("dataclasses.dataclass"),
    "sys.path.append": _add_folder(1),
    "sys.path.insert": _add_folder(0),
    "textwrap.dedent": _data(textwrap.dedent),
    "torch.iinfo": _integer_limits,
    "types.MappingProxyType": _itself,
    "typing.NewType": _new_type,
    "typing.cast": _new_type,
    "typing.get_args": _arguments_of,
}
"""By canonical name: what a call of it gives. All raise `Unresolved`, or as Python does."""

CONSTANTS: Final[dict[str, Value]] = {
    **{f"string.{n}": getattr(string, n) for n in string.__all__ if n.startswith(("a", "d", "h"))},
    **{f"iinfo.int{bits}.max": 2 ** (bits - 1) - 1 for bits in (8, 16, 32, 64)},
    **{f"iinfo.uint{bits}.max": 2**bits - 1 for bits in (8, 16, 32, 64)},
    "math.e": math.e,
    "math.inf": math.inf,
    "math.pi": math.pi,
    "os.path.sep": "/",
    "os.sep": "/",
    "sys.maxsize": sys.maxsize,
    "sys.platform": "linux",
    "sys.version_info": tuple(sys.version_info[:3]),
    "sys.version_info.major": sys.version_info.major,
    "sys.version_info.minor": sys.version_info.minor,
}
"""By name: what it is on the runner, whose Python minor version is the deploying machine's."""


def outside(name: str) -> Value:
    """Return what a dotted name outside the project stands for."""
    return CONSTANTS.get(name, External(name))

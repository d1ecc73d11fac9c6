"""Read what decorators say: streaming, concurrency, and the inputs of 2021."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.reading.annotations import read_type
from cogfal.reading.functions import Function
from cogfal.reading.signature import build_input
from cogfal.reading.standins import Described, Mark
from cogfal.reading.unknown import Value, known, needed
from cogfal.spec import AnyType, InputSpec, Location

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter


def streams(function: Function) -> bool:
    """Whether `@streaming` was applied, called or not."""
    return any(_is_mark(decorator, "streaming") for decorator in function.decorators)


def concurrency(layers: Iterable[Function], where: Location) -> int | None:
    """Return the number in `@concurrent(max=N)`, None where the decorator is not there.

    Raises:
        PredictorError: It is no positive whole number, or not told by the text.
    """
    for decorator in (d for function in layers for d in function.decorators):
        if _is_mark(decorator, "concurrent"):
            most = decorator.keywords.get("max", 1)
            with needed("the max of @concurrent", where):
                known(most)
            if isinstance(most, bool) or not isinstance(most, int) or most < 1:
                raise PredictorError(
                    f"the max of @concurrent must be a positive whole number, not {most!r}",
                    where=where,
                    remedy="write @concurrent(max=4), say",
                )
            return int(most)
    return None


def _is_mark(value: Value, name: str) -> bool:
    return isinstance(value, Mark) and value.name == name


def old_inputs(
    world: Interpreter, function: Function, where: Location
) -> tuple[InputSpec, ...] | None:
    """Return the inputs that `@cog.input("name", type=...)` decorators describe, as in 2021.

    They come in the order of the function's parameters; a parameter without such a decorator is
    no input and keeps its default. None where no parameter has one.

    Raises:
        PredictorError: One of them cannot be read or served.
    """
    calls = [d for d in function.decorators if _is_mark(d, "input")]
    if not calls:
        return None
    found = dict(_old_input(world, function, call, where) for call in calls)
    args = function.node.args
    order = [a.arg for a in (*args.args, *args.kwonlyargs) if a.arg in found]
    missing = sorted(set(found) - set(order))
    if missing and args.kwarg is None:
        raise UnsupportedSignature(
            f"{function.name}() has no parameter {missing[0]!r}, which @cog.input names",
            where=where,
            remedy="name the parameter as the decorator does",
        )
    unfilled = _unfilled(function, found)
    if unfilled is not None:
        raise UnsupportedSignature(
            f"{function.name}() asks for {unfilled!r}, which no @cog.input describes",
            where=where,
            remedy="describe it with a decorator as the others, or give it a default",
        )
    return tuple(found[name] for name in (*order, *missing))


def _unfilled(function: Function, described: Collection[str]) -> str | None:
    """Return a parameter that nobody gives a value: not described, and without a default."""
    args = function.node.args
    plain = args.args if function.is_static else args.args[1:]
    asked = [a.arg for a in (*plain, *args.kwonlyargs)]
    return next((a for a in asked if a not in described and a not in function.defaults), None)


def _old_input(
    world: Interpreter, function: Function, call: Mark, where: Location
) -> tuple[str, InputSpec]:
    arguments = dict(zip(("name", "type", "default"), call.positional, strict=False))
    arguments |= call.keywords
    name, kind = arguments.pop("name", None), arguments.pop("type", None)
    if not isinstance(name, str):
        raise PredictorError("@cog.input without a name", where=where, remedy="name the input")
    module = function.scope.module
    with needed(f'the type of "{name}"', where):
        typed = world.classes.typed(kind, function.scope)
        declared = AnyType() if kind is None else read_type(world, typed, function.node, module)
    return name, build_input(world, name, declared, Described((), arguments), where)

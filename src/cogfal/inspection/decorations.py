"""Read what decorators say: streaming, concurrency, and the inputs of 2021."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.inspection.annotations import Annotations
from cogfal.inspection.signature import build_input
from cogfal.inspection.values import Call, External, FunctionValue, Unknown, Unresolved, Value
from cogfal.inspection.world import World
from cogfal.spec import AnyType, InputSpec, Location

_INPUT = External("cog.Input")


def streams(function: FunctionValue) -> bool:
    """Whether `@streaming` was applied, called or not."""
    return function.has_decorator("cog.streaming")


def concurrency(layers: Iterable[FunctionValue], where: Location) -> int | None:
    """Return the number in `@concurrent(max=N)`, None where the decorator is not there.

    Raises:
        PredictorError: It is no positive whole number, or not told by the text.
    """
    for decorator in (d for function in layers for d in function.decorators):
        if decorator == External("cog.concurrent") or _is_call(decorator, "cog.concurrent"):
            most = decorator.keywords.get("max", 1) if isinstance(decorator, Call) else 1
            if isinstance(most, Unknown):
                raise most.error.to_error("the max of @concurrent", where)
            if isinstance(most, bool) or not isinstance(most, int) or most < 1:
                raise PredictorError(
                    f"the max of @concurrent must be a positive whole number, not {most!r}",
                    where=where,
                    remedy="write @concurrent(max=4), say",
                )
            return most
    return None


def _is_call(value: Value, name: str) -> bool:
    return isinstance(value, Call) and value.function.canonical == name


def old_inputs(
    world: World, annotations: Annotations, function: FunctionValue, where: Location
) -> tuple[InputSpec, ...] | None:
    """Return the inputs that `@cog.input("name", type=...)` decorators describe, as in 2021.

    They come in the order of the function's parameters; a parameter without such a decorator is
    no input and keeps its default. None where no parameter has one.

    Raises:
        PredictorError: One of them cannot be read or served.
    """
    calls = [d for d in function.decorators if _is_call(d, "cog.input")]
    if not calls:
        return None
    found = dict(_old_input(world, annotations, function, call, where) for call in calls)
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


def _unfilled(function: FunctionValue, described: Collection[str]) -> str | None:
    """Return a parameter that nobody gives a value: not described, and without a default."""
    args = function.node.args
    plain = args.args if function.has_decorator("builtins.staticmethod") else args.args[1:]
    asked = [a.arg for a in (*plain, *args.kwonlyargs)]
    return next((a for a in asked if a not in described and a not in function.defaults), None)


def _old_input(
    world: World,
    annotations: Annotations,
    function: FunctionValue,
    call: Call,
    where: Location,
) -> tuple[str, InputSpec]:
    arguments = dict(zip(("name", "type", "default"), call.positional, strict=False))
    arguments |= call.keywords
    name, kind = arguments.pop("name", None), arguments.pop("type", External("typing.Any"))
    if not isinstance(name, str):
        raise PredictorError("@cog.input without a name", where=where, remedy="name the input")
    try:
        declared = AnyType() if kind is None else annotations.of(kind, function.scope)
    except Unresolved as error:
        raise error.to_error(f'the type of "{name}"', where) from error
    return name, build_input(world, name, declared, Call(_INPUT, (), arguments), where)

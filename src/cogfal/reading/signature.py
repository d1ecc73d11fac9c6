"""Read the parameters of the author's function, and what its decorators say, as inputs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.guest.annotations import as_declared, check_members, distinct
from cogfal.guest.type_names import Unservable, optional
from cogfal.reading.annotations import read_type, to_json
from cogfal.reading.functions import Function
from cogfal.reading.standins import Described, Mark
from cogfal.reading.unknown import Named, Unresolved, Value, known, needed
from cogfal.spec import (
    INPUT_DETAILS,
    JSON,
    MISSING,
    AnyType,
    InputSpec,
    IteratorType,
    Location,
    Missing,
    NullType,
    OptionalType,
    Type,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_OLD_NAMES: Final = {"help": "description", "min": "ge", "max": "le", "options": "choices"}
"""Arguments as the decorator of 2021 called them."""

_TEXTS: Final = ("description", "regex", "accept")
_NUMBERS: Final = ("ge", "le")
_LENGTHS: Final = ("min_length", "max_length")

_POSITIONS: Final = ("default", *INPUT_DETAILS)
"""Arguments in the order in which older Cog took them by position."""


def inputs_of(world: Interpreter, function: Function, *, method: bool) -> tuple[InputSpec, ...]:
    """Return what the parameters describe, in the author's order; a method's first is none.

    Raises:
        PredictorError: One of them cannot be read or served.
    """
    module, args = function.scope.module, function.node.args

    def unsupported(what: str, node: ast.AST) -> UnsupportedSignature:
        return UnsupportedSignature(
            f"{function.name}(): {what}",
            where=module.location(node),
            remedy="give every input a name",
        )

    plain = [*args.posonlyargs, *args.args]
    given = plain or args.vararg
    if method and (not given or (plain and plain[0].annotation is not None)):
        raise unsupported("the method has no `self`", function.node)
    for extra in (args.vararg, args.kwarg):
        if extra is not None:
            raise unsupported(f"the parameter *{extra.arg} names no inputs", extra)
    for parameter in args.posonlyargs[method:]:
        raise unsupported(f"{parameter.arg!r} can only be given by position", parameter)
    found = []
    for parameter in (*plain[method:], *args.kwonlyargs):
        where, name = module.location(parameter), function.scope.mangled(parameter.arg)
        declared: Type = AnyType()
        if parameter.arg in function.annotations:
            node, told = parameter.annotation or parameter, function.annotations[parameter.arg]
            with needed(f'the type of "{name}"', where):
                declared = read_type(world, told, node, module)
        value = function.defaults.get(parameter.arg, MISSING)
        found.append(_input(world, name, declared, value, where))
    return tuple(found)


def is_mark(value: Value, name: str) -> bool:
    """Whether a decorator is one of Cog's, called or not."""
    return isinstance(value, Mark) and value.name == name


def concurrency(layers: Iterable[Function], where: Location) -> int | None:
    """Return the number in `@concurrent(max=N)`, None where the decorator is not there.

    Raises:
        PredictorError: It is no positive whole number, or not told by the text.
    """
    for decorator in (d for function in layers for d in function.decorators):
        if is_mark(decorator, "concurrent"):
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


def old_inputs(
    world: Interpreter, function: Function, where: Location
) -> tuple[InputSpec, ...] | None:
    """Return the inputs that `@cog.input("name", type=...)` decorators describe, as in 2021.

    They come in the order of the function's parameters; a parameter without such a decorator is
    no input and keeps its default. None where no parameter has one.

    Raises:
        PredictorError: One of them cannot be read or served.
    """
    calls = [decorator for decorator in function.decorators if is_mark(decorator, "input")]
    if not calls:
        return None
    found = dict(_old_input(world, function, call, where) for call in calls)
    args = function.node.args
    plain = [a.arg for a in (*args.args, *args.kwonlyargs)]
    order = [name for name in plain if name in found]
    missing = sorted(set(found) - set(order))
    if missing and args.kwarg is None:
        raise UnsupportedSignature(
            f"{function.name}() has no parameter {missing[0]!r}, which @cog.input names",
            where=where,
            remedy="name the parameter as the decorator does",
        )
    own = plain if function.is_static or not args.args else plain[1:]
    for name in own:
        if name not in found and name not in function.defaults:
            raise UnsupportedSignature(
                f"{function.name}() asks for {name!r}, which no @cog.input describes",
                where=where,
                remedy="describe it with a decorator as the others, or give it a default",
            )
    return tuple(found[name] for name in (*order, *missing))


def _old_input(
    world: Interpreter, function: Function, call: Mark, where: Location
) -> tuple[str, InputSpec]:
    arguments = dict(zip(("name", "type", "default"), call.positional, strict=False))
    arguments |= {_OLD_NAMES.get(name, name): value for name, value in call.keywords.items()}
    name, kind = arguments.pop("name", None), arguments.pop("type", None)
    if not isinstance(name, str):
        raise PredictorError("@cog.input without a name", where=where, remedy="name the input")
    declared: Type = AnyType()
    if kind is not None:
        with needed(f'the type of "{name}"', where):
            typed = world.classes.typed(kind, function.scope)
            declared = read_type(world, typed, function.node, function.scope.module)
    return name, _input(world, name, declared, Described((), arguments), where)


def _input(
    world: Interpreter, name: str, declared: Type, value: Value, where: Location
) -> InputSpec:
    """Return the input that a parameter's type and evaluated default describe."""
    if isinstance(declared, IteratorType):
        raise UnsupportedSignature(f'the input "{name}" is an iterator', where=where)
    with needed(f'the default of "{name}"', where):
        known(value)
    described = isinstance(value, Described)
    arguments = _arguments(value, where) if described else {"default": value}
    reader = _Arguments(world, name, arguments, where)
    default = as_declared(declared, reader.default())
    choices, nullable = reader.choices(declared)
    if default is MISSING and isinstance(declared, OptionalType | NullType):
        default = None
    if nullable and not isinstance(declared, NullType):
        declared = optional(declared)
    try:
        check_members(name, declared, default)
    except Unservable as error:
        raise UnsupportedSignature(error.reason, where=where) from error
    told: dict[str, Any] = {each: reader.checked(each) for each in (*_TEXTS, *_NUMBERS, *_LENGTHS)}
    deprecated = bool(reader.value("deprecated"))
    return InputSpec(
        name, declared, default, choices=choices, deprecated=deprecated, location=where, **told
    )


def _arguments(call: Described, where: Location) -> dict[str, Value]:
    arguments = {**call.keywords, **dict(zip(_POSITIONS, call.positional, strict=False))}
    if arguments.get("default") is ...:
        del arguments["default"]
    if arguments.pop("default_factory", None) is not None:
        raise UnsupportedSignature(
            "Input() takes no default_factory",
            where=where,
            remedy="write the default itself, or build the value in predict()",
        )
    unknown = sorted(set(arguments) - {*_POSITIONS})
    if unknown:
        meant = _OLD_NAMES.get(unknown[0])
        raise UnsupportedSignature(
            f"Input() has no argument {unknown[0]!r}",
            where=where,
            remedy=f"write {meant}" if meant else "remove it",
        )
    return arguments


class _Arguments:
    """The arguments of one `Input()`, each checked as it is taken."""

    def __init__(self, world: Interpreter, name: str, arguments: Named, where: Location) -> None:
        self._world, self._name, self._arguments, self._where = world, name, arguments, where

    def value(self, argument: str) -> JSON:
        """Return an argument as JSON, None where it is not given."""
        if self._arguments.get(argument) is None:
            return None
        try:
            return to_json(self._world, self._arguments[argument])
        except Unresolved as error:
            raise error.to_error(f'the {argument} of "{self._name}"', self._where) from error

    def default(self) -> JSON | Missing:
        """Return the default, `MISSING` where there is none."""
        given = self._arguments.get("default", MISSING)
        return MISSING if given is MISSING else self.value("default")

    def checked(self, argument: str) -> JSON:
        """Return an argument that is a text, a number or a length, None where it is not given."""
        value: Any = self.value(argument)
        if value is None:
            return value
        text, whole = argument in _TEXTS, argument in _LENGTHS
        kind: Any = str if text else int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind):
            wanted = "a text" if text else "a whole number" if whole else "a number"
            raise self._wrong(argument, wanted, value)
        if whole and not 0 <= value < 2**53:
            raise self._wrong(argument, "a length, 0 or more", value)
        if not text and not abs(value) <= sys.float_info.max:
            raise self._wrong(argument, "a finite number, within the range of a float", value)
        return value

    def choices(self, declared: Type) -> tuple[tuple[str | int | float, ...] | None, bool]:
        """Return the choices without repetition, and whether None is one of them."""
        given = self._arguments.get("choices")
        if given is None:
            return None, False
        with needed(f'the choices of "{self._name}"', self._where):
            if not isinstance(known(given), list | tuple):
                shown = given if isinstance(given, str) else str(type(given))
                raise self._wrong("choices", "a list", shown)
            values = [to_json(self._world, item) for item in given]
        kept = [as_declared(declared, value) for value in values if value is not None]
        for value in kept:
            if not isinstance(value, str | int | float):
                raise self._wrong("choices", "texts or numbers", value)
        return distinct(kept, "") or None, None in values

    def _wrong(self, argument: str, wanted: str, value: JSON) -> PredictorError:
        return PredictorError(
            f'the {argument} of "{self._name}" must be {wanted}, not {value!r}',
            where=self._where,
            remedy=f"correct the {argument}",
        )

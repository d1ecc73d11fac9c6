"""Turn the parameters of the author's function into inputs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.guest.annotations import check_members
from cogfal.guest.type_names import Unservable, optional
from cogfal.reading.annotations import read_type, to_json
from cogfal.reading.functions import Function
from cogfal.reading.standins import Described
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

OLD_NAMES: Final = {"help": "description", "min": "ge", "max": "le", "options": "choices"}
"""Arguments as they were called in 2021."""

_TEXTS: Final = ("description", "regex", "accept")
_NUMBERS: Final = ("ge", "le")
_LENGTHS: Final = ("min_length", "max_length")

_POSITIONS: Final = ("default", *INPUT_DETAILS)
"""Arguments in the order in which older Cog took them by position."""

_FURTHER: Final = ("title", "example", "examples")
"""Arguments that no field of an `InputSpec` is called after."""


class Signature:
    """Reads the parameters of one function."""

    def __init__(self, world: Interpreter, function: Function) -> None:
        self._world = world
        self._function = function

    def inputs(self, *, method: bool) -> tuple[InputSpec, ...]:
        """Return the inputs, in the author's order.

        Raises:
            PredictorError: One of them cannot be read or served.
        """
        return tuple(self._input(parameter) for parameter in self._parameters(method))

    def _parameters(self, method: bool) -> Iterator[ast.arg]:
        node = self._function.node
        args = node.args
        plain = [*args.posonlyargs, *args.args]
        if method:
            if not plain or plain[0].annotation is not None:
                raise self._unsupported("the method has no `self`", node)
            plain = plain[1:]
        for extra in (args.vararg, args.kwarg):
            if extra is not None:
                raise self._unsupported(f"the parameter *{extra.arg} names no inputs", extra)
        for parameter in args.posonlyargs[1 if method else 0 :]:
            raise self._unsupported(f"{parameter.arg!r} can only be given by position", parameter)
        yield from (*plain, *args.kwonlyargs)

    def _unsupported(self, what: str, node: ast.AST) -> UnsupportedSignature:
        where = self._function.scope.module.location(node)
        return UnsupportedSignature(
            f"{self._function.name}(): {what}", where=where, remedy="give every input a name"
        )

    def _input(self, parameter: ast.arg) -> InputSpec:
        function, module = self._function, self._function.scope.module
        where = module.location(parameter)
        name = function.scope.mangled(parameter.arg)
        declared: Type = AnyType()
        if parameter.arg in function.annotations:
            node = parameter.annotation or parameter
            with needed(f'the type of "{name}"', where):
                declared = read_type(self._world, function.annotations[parameter.arg], node, module)
        value = function.defaults.get(parameter.arg, MISSING)
        return build_input(self._world, name, declared, value, where)


def build_input(
    world: Interpreter, name: str, declared: Type, value: Value, where: Location
) -> InputSpec:
    """Return the input that a parameter's type and evaluated default describe.

    Raises:
        PredictorError: It cannot be read or served.
    """
    if isinstance(declared, IteratorType):
        raise UnsupportedSignature(f'the input "{name}" is an iterator', where=where)
    with needed(f'the default of "{name}"', where):
        known(value)
    described = isinstance(value, Described)
    arguments = _arguments(value, where) if described else {"default": value}
    reader = _Arguments(world, name, arguments, where)
    default = reader.default()
    choices, nullable = reader.choices()
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
    arguments = {OLD_NAMES.get(name, name): value for name, value in call.keywords.items()}
    arguments |= dict(zip(_POSITIONS, call.positional, strict=False))
    if arguments.pop("default_factory", None) is not None:
        raise UnsupportedSignature(
            "Input() takes no default_factory",
            where=where,
            remedy="write the default itself, or build the value in predict()",
        )
    unknown = sorted(set(arguments) - {*_POSITIONS, *_FURTHER})
    if unknown:
        raise UnsupportedSignature(
            f"Input() has no argument {unknown[0]!r}", where=where, remedy="remove it"
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
        return MISSING if given is MISSING or given is ... else self.value("default")

    def checked(self, argument: str) -> JSON:
        """Return an argument that is a text, a number or a length, None where it is not given."""
        value: Any = self.value(argument)
        if value is None or (argument in _TEXTS and isinstance(value, str)):
            return value
        if argument in _TEXTS:
            raise self._wrong(argument, "a text", value)
        whole = argument in _LENGTHS
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise self._wrong(argument, "a whole number" if whole else "a number", value)
        if whole and not 0 <= value < 2**53:
            raise self._wrong(argument, "a length, 0 or more", value)
        if not abs(value) <= sys.float_info.max:
            raise self._wrong(argument, "a finite number, within the range of a float", value)
        return value

    def choices(self) -> tuple[tuple[str | int | float, ...] | None, bool]:
        """Return the choices without repetition, and whether None is one of them."""
        given = self._arguments.get("choices")
        if given is None:
            return None, False
        with needed(f'the choices of "{self._name}"', self._where):
            if not isinstance(known(given), list | tuple):
                shown = given if isinstance(given, str) else str(type(given))
                raise self._wrong("choices", "a list", shown)
            values = [to_json(self._world, item) for item in given]
        kept: list[str | int | float] = []
        for value in values:
            if value is not None and not isinstance(value, str | int | float):
                raise self._wrong("choices", "texts or numbers", value)
            if value is not None and not any(_alike(value, seen) for seen in kept):
                kept.append(value)
        return tuple(kept) or None, None in values

    def _wrong(self, argument: str, wanted: str, value: JSON) -> PredictorError:
        return PredictorError(
            f'the {argument} of "{self._name}" must be {wanted}, not {value!r}',
            where=self._where,
            remedy=f"correct the {argument}",
        )


def _alike(left: str | float, right: str | float) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)

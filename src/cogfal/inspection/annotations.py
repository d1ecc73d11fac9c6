"""Turn what an annotation stands for into a kind of type."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from cogfal.guest import naming
from cogfal.guest.combining import optional, union
from cogfal.inspection.expressions import PYTHON_ERRORS
from cogfal.inspection.externals import external_type
from cogfal.inspection.objects import class_type
from cogfal.inspection.values import (
    UNION,
    ClassValue,
    EnumMember,
    External,
    Scope,
    Subscripted,
    Unknown,
    Unresolved,
    Unsupported,
    Value,
)
from cogfal.inspection.world import World
from cogfal.spec import (
    AnyType,
    DictType,
    IteratorType,
    ListType,
    LiteralType,
    NullType,
    OpaqueType,
    OptionalType,
    StringType,
    Type,
)

MAX_NESTING: Final = 40


class Annotations:
    """Turns annotations into types; every method raises `Unresolved` for what is no type here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._depth = 0
        self._open: list[ClassValue] = []

    def read(self, node: ast.expr | None, scope: Scope) -> Type:
        """Return the type that an annotation's syntax means in `scope`; None is no annotation.

        Raises:
            Unresolved: It is not told by the text, or is no type that can be served.
        """
        if node is None:
            return AnyType()
        try:
            return self.of(self._world.evaluate(node, scope), scope)
        except Unresolved as error:
            raise error.at(node, scope.module) from None

    def of(self, value: Value, scope: Scope) -> Type:
        """Return the type that an evaluated annotation means; texts in it are read in `scope`."""
        self._depth += 1
        try:
            if self._depth > MAX_NESTING:
                raise Unresolved("an annotation that is nested too deeply or contains itself")
            return self._of(value, scope)
        except PYTHON_ERRORS as error:
            raise Unsupported(f"this is not a type: {error}") from error
        finally:
            self._depth -= 1

    def _of(self, value: Value, scope: Scope) -> Type:
        match value:
            case None:
                return NullType()
            case Unknown():
                raise value.error
            case str():
                return self._of_text(value, scope)
            case External():
                return external_type(value)
            case ClassValue():
                return self._of_class(value)
            case Subscripted():
                return self._of_subscripted(value)
        raise Unsupported("this is not a type")

    def _of_text(self, text: str, scope: Scope) -> Type:
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise Unresolved(f"the annotation {text[:80]!r} is not an expression") from error
        try:
            return self.of(self._world.evaluate(tree.body, scope), scope)
        except Unresolved as error:
            if error.module is scope.module and _inside(tree, error.node):
                error.node = error.module = None
            raise

    def _of_class(self, cls: ClassValue) -> Type:
        if cls in self._open:
            raise Unsupported(f"the class {cls.name} contains itself")
        self._open.append(cls)
        try:
            return class_type(self._world, cls, self.read)
        finally:
            self._open.pop()

    def _of_subscripted(self, value: Subscripted) -> Type:
        base, arguments, scope = value.base, value.arguments, value.scope
        if isinstance(base, ClassValue):
            return self._of_class(base)
        if not isinstance(base, External):
            raise Unsupported("this is not a type")
        name = naming.container(base.canonical)
        match name:
            case "Optional":
                return optional(self.of(arguments[0], scope))
            case "Union":
                return union([self.of(argument, scope) for argument in arguments])
            case "Literal":
                return _literal(arguments)
            case "Annotated":
                return self._annotated(arguments, scope)
            case "transparent":
                return self.of(arguments[0], scope)
        return self._container(name, arguments, scope)

    def _container(self, name: str, arguments: Sequence[Value], scope: Scope) -> Type:
        match name:
            case "list":
                return ListType(self._item(arguments, scope))
            case "tuple":
                return self._tuple(arguments, scope)
            case "dict":
                return DictType(self.of(arguments[-1], scope))
            case "iterator":
                return IteratorType(self.of(arguments[0], scope))
            case "concatenate":
                return IteratorType(self.of(arguments[0], scope), concatenate=True)
        raise Unsupported("a type that has no counterpart in JSON")

    def _item(self, arguments: Sequence[Value], scope: Scope) -> Type:
        if len(arguments) != 1:
            raise Unsupported("a list takes one type")
        return self.of(arguments[0], scope)

    def _tuple(self, arguments: Sequence[Value], scope: Scope) -> Type:
        members: list[Type] = []
        for argument in arguments:
            if argument is not ...:
                member = self.of(argument, scope)
                if member not in members:
                    members.append(member)
        if not members:
            return ListType(AnyType())
        return ListType(members[0] if len(members) == 1 else union(members))

    def _annotated(self, arguments: Sequence[Value], scope: Scope) -> Type:
        if any(isinstance(a, External) and a.canonical == "cog.Opaque" for a in arguments[1:]):
            return self._opaque(arguments[0])
        return self.of(arguments[0], scope)

    def _opaque(self, value: Value) -> Type:
        """Hide what is inside, but keep that it is a list or optional."""
        if isinstance(value, Subscripted) and isinstance(value.base, External):
            name = naming.container(value.base.canonical)
            others = [a for a in value.arguments if a is not None]
            if name == "list":
                return ListType(OpaqueType())
            if name == "Optional" or (
                value.base == UNION and len(others) == 1 < len(value.arguments)
            ):
                return optional(self._opaque(others[0]))
        if isinstance(value, External) and naming.container(value.canonical) == "list":
            return ListType(OpaqueType())
        return OpaqueType()


def _inside(tree: ast.AST, node: ast.AST | None) -> bool:
    return any(part is node for part in ast.walk(tree))


def _literal(arguments: Sequence[Value]) -> Type:
    values: list[str | int | bool | None] = []
    for argument in _flat_literals(arguments):
        plain = argument.value if isinstance(argument, EnumMember) else argument
        if isinstance(plain, Unknown):
            raise plain.error
        if not isinstance(plain, str | int | bool | None):
            raise Unsupported("a Literal of something that is no text or number")
        if not any(plain == seen and type(plain) is type(seen) for seen in values):
            values.append(plain)
    if None in values:
        rest = tuple(value for value in values if value is not None)
        return OptionalType(LiteralType(rest)) if rest else NullType()
    return LiteralType(tuple(values)) if values else StringType()


def _flat_literals(arguments: Sequence[Value]) -> list[Value]:
    flat: list[Value] = []
    for argument in arguments:
        if isinstance(argument, Subscripted):
            flat.extend(_flat_literals(argument.arguments))
        else:
            flat.append(argument)
    return flat

"""Evaluate one expression of the author's text."""

from __future__ import annotations

import ast
import enum
import types
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.effects import FRAMES
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS
from cogfal.reading.namespaces import OF_SCOPE, Lookup
from cogfal.reading.operators import BINARY, COMPARE, SIZED, UNARY, bounded
from cogfal.reading.scopes import Scope, bindings
from cogfal.reading.standins import Known
from cogfal.reading.unknown import (
    Part,
    Touched,
    Unknown,
    Value,
    known,
    refused,
    unknown_in,
)
from cogfal.reading.versions import check_same

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_DEPTH: Final = 150
_PARTLY: Final = (
    ast.Call, ast.List, ast.Tuple, ast.Set, ast.Dict,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip
"""Expressions that may be left before all of their parts are evaluated."""

_CONVERSIONS: Final[dict[int, Callable[[Any], Any]]] = {
    ord("a"): ascii,
    ord("r"): repr,
    ord("s"): str,
}
_ASKED: Final = {-1: ("__str__", "__format__"), ord("s"): ("__str__",)}
"""By conversion: the methods that are asked for a text before `__repr__`."""

_BOUND: Final = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
_PLAIN: Final = (int, float, str, bytes, tuple, frozenset, complex)
_NO_ARGUMENTS: Final = ast.arguments([], [], None, [], [], None, [])
_DISPLAYS: Final = {ast.List: list, ast.Tuple: tuple, ast.Set: set}


class Expressions(Part):
    """Evaluates expressions; one short method per kind of syntax."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._depth = 0

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of `node`, which may be unknown; raises as Python would.

        `_binop` is what evaluates an `ast.BinOp`, say.
        """
        self._depth += 1
        try:
            self._world.budget.spend()
            if self._depth > MAX_DEPTH:
                raise refused("nested too deeply")
            method = getattr(self, f"_{type(node).__name__.lower()}", None)
            if method is None:
                raise refused("this kind of expression is not evaluated")
            value = method(node, scope)
        except Touched as error:
            why, named = error.unknown, [*self._world.effects.named(node, scope)]
            if isinstance(node, _PARTLY):
                calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
                if any(part is not node or _unpacks(part) for part in calls):
                    self._world.effects.of_values(named, why)  # that nobody has carried out
                self._world.effects.of_bound(node, scope, why)
            about = (*why.about, *named)
            value = self.raising(why.holding(about).at(node, scope.module))
        except RecursionError:
            value = Unknown("nested too deeply")
        finally:
            self._depth -= 1
        return value.at(node, scope.module) if isinstance(value, Unknown) else value

    def raising(self, unknown: Unknown) -> Unknown:
        """Return an unknown result; where it may be caught, what brings it may raise instead."""
        self._world.budget.spend(self._world.choices.raising(unknown) // 4)
        return unknown

    def truth(self, value: Value, node: ast.AST, scope: Scope) -> bool:
        """Return whether a value counts as true; an unknown one does and does not."""
        try:
            return bool(value)
        except Touched as error:
            if not isinstance(value, Unknown):  # its `__bool__` gives anything, perhaps no bool
                self.raising(error.unknown)
            return bool(self._world.choices.decide(error.unknown.at(node, scope.module)))

    def holds(self, test: ast.expr, scope: Scope) -> bool:
        """Return whether an expression counts as true."""
        return self.truth(self.evaluate(test, scope), test, scope)

    # Names and their parts

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        return self._world.names.get(scope, scope.mangled(node.id))

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        owner = self.evaluate(node.value, scope)
        if isinstance(owner, Unknown) and not owner.dotted and node.attr not in FRAMES:
            return self.raising(owner)
        return _taken(self._world.attributes.get, owner, scope.mangled(node.attr))

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        base = self.evaluate(node.value, scope)
        return _taken(self._world.items.get, base, self.evaluate(node.slice, scope), scope)

    def _slice(self, node: ast.Slice, scope: Scope) -> Value:
        parts = (node.lower, node.upper, node.step)
        return slice(*(p and self.evaluate(p, scope) for p in parts))

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self._world.names.put(scope, scope.mangled(node.target.id), value)
        return value

    # Operators

    def operated(self, how: Callable[..., Value], *operands: Value) -> Value:
        """Return the result of an operator.

        Where it is not known, it may have carried out whatever methods its operands have.
        """
        try:
            return how(*map(known, operands))
        except Touched as error:
            why = error.unknown
            self._world.effects.of_operands(operands, why)
            if not any(isinstance(each, Unknown) for each in operands):
                raise
            return self.raising(Unknown(why.reason, why.node, why.module))

    def _binop(self, node: ast.BinOp, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        return self.operate(node.op, left, self.evaluate(node.right, scope))

    def operate(self, op: ast.operator, left: Value, right: Value) -> Value:
        """Return `left op right`."""
        result = self.operated(partial(self._binary, op), left, right)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            result = result.holding((left, right))
            result.members = (left, right) if isinstance(op, ast.BitOr) else ()
        return result

    def _binary(self, op: ast.operator, left: Value, right: Value) -> Value:
        world = self._world
        if isinstance(op, ast.BitOr) and world.types.is_type(left, right):
            return world.types.union(left, right)
        if isinstance(op, ast.BitOr) and isinstance(left, dict) and world.version < (3, 9):
            raise TypeError("unsupported operand type(s) for |: 'dict' and 'dict'")
        world.budget.weigh(left)
        world.budget.weigh(right)
        if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
            world.texts.check_filled(left, right)
        world.texts.check_places(type(op).__name__, (left, right))
        return bounded(BINARY[type(op)](left, right))

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.Not):
            return not self.holds(node.operand, scope)
        value = self.evaluate(node.operand, scope)
        return self.operated(UNARY[type(node.op)], value)

    def _boolop(self, node: ast.BoolOp, scope: Scope, place: int = 0) -> Value:
        first = node.values[place]
        value = self.evaluate(first, scope)

        def chosen() -> Value:
            if self.truth(value, first, scope) is isinstance(node.op, ast.Or):
                return value
            return self._boolop(node, scope, place + 1)

        last = first is node.values[-1]
        return value if last else self._world.choices.region(id(first), chosen)

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        value, left = None, self.evaluate(node.left, scope)
        for op, operand in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(operand, scope)
            value = self.operated(partial(self._compared, op), left, right)
            if operand is node.comparators[-1] or not self.truth(value, node, scope):
                break
            left = right
        return value

    def _compared(self, op: ast.cmpop, left: Value, right: Value) -> Value:
        world = self._world
        if isinstance(op, ast.Is | ast.IsNot):
            several = type(left) is type(right) and left is not right
            lookups = several and isinstance(left, Lookup)
            if lookups or (several and type(left) in _PLAIN and left == right):
                raise refused("whether two equal values are one is left open by Python")
            return (left is right) is isinstance(op, ast.Is)
        world.budget.weigh(left)
        world.budget.weigh(right)
        within = isinstance(op, ast.In | ast.NotIn)
        if isinstance(left, Counter):
            check_same(world.version, "Counter.__eq__")
        if within and isinstance(right, enum.EnumMeta) and not isinstance(left, enum.Enum):
            check_same(world.version, "EnumType.__contains__")
        inside = within and isinstance(right, SIZED)
        how = "equal" if inside or isinstance(op, ast.Eq | ast.NotEq) else "compare"
        world.texts.check_places(how, (left, *right) if inside else (left, right))
        return world.items.compare(COMPARE[type(op)], left, right)

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.evaluate(node.test, scope)

        def chosen() -> Value:
            truth = self.truth(test, node.test, scope)
            return self.evaluate(node.body if truth else node.orelse, scope)

        return self._world.choices.region(id(node), chosen)

    # Texts

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = [self.evaluate(part, scope) for part in node.values]
        unknown = unknown_in(parts)
        return bounded("".join(parts)) if unknown is None else unknown

    def _formattedvalue(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        layout = self.evaluate(node.format_spec, scope) if node.format_spec else ""
        return self.operated(partial(self._formatted, node.conversion), value, layout)

    def _formatted(self, conversion: int, value: Value, layout: str) -> str:
        self._world.texts.check(value, *_ASKED.get(conversion, ()))
        value = _CONVERSIONS.get(conversion, lambda v: v)(value)
        return self._world.texts.format(value, layout)

    # Displays and comprehensions

    def _constant(self, node: ast.Constant, _: Scope) -> Value:
        return node.value

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return self._world.functions.define(node, scope)

    def _list(self, node: Any, scope: Scope) -> Value:
        return _DISPLAYS[type(node)](self.elements(node.elts, scope))

    _tuple = _set = _list

    def elements(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Value]:
        """Return the values of a display or of positional arguments, starred ones unpacked."""
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found.extend(self._world.items.iterate(self.evaluate(node.value, scope)))
            else:
                found.append(self.evaluate(node, scope))
        bounded(found)
        return found

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        entries: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                entries.update(self._merged(item, scope))
            else:
                name = self.evaluate(key, scope)
                value = self.evaluate(item, scope)
                entries[self._world.items.key(name)] = value
        return bounded(entries)

    def _merged(self, node: ast.expr, scope: Scope) -> dict[Value, Value]:
        """Return what `**` unpacks."""
        value = self._world.items.mapping(self.evaluate(node, scope))
        if not isinstance(value, dict):
            raise refused("what is unpacked here is not known")
        return value

    def _comprehension(self, node: Any, scope: Scope) -> Value:
        """Return what a comprehension makes; its first iterable is evaluated outside of it."""
        world, evaluate, first = self._world, self.evaluate, node.generators[0]
        if any(each.is_async for each in node.generators):
            raise refused("an asynchronous comprehension is not evaluated")
        source = world.items.iterate(evaluate(first.iter, scope))
        inner = Scope(scope.module, "comprehension", scope, bindings(node), scope.private)
        inner.qualified = scope.qualified
        turns = self._turns(node.generators, source, inner)
        if isinstance(node, ast.GeneratorExp):
            text = Function(world, ast.Lambda(_NO_ARGUMENTS, node), inner, {})
            return world.journal.born(self._lazily(text, turns))
        metered = world.budget.metered(turns)
        if isinstance(node, ast.ListComp):
            return [evaluate(node.elt, inner) for _ in metered]
        if isinstance(node, ast.SetComp):
            return {world.items.key(evaluate(node.elt, inner)) for _ in metered}
        return {
            world.items.key(evaluate(node.key, inner)): evaluate(node.value, inner) for _ in metered
        }

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _lazily(self, text: Function, turns: Iterator[None]) -> Iterator[Value]:
        expression: Any = text.node.body
        for _ in turns:
            yield self.evaluate(expression.elt, text.scope)

    def _turns(
        self, generators: list[ast.comprehension], source: Iterator[Value], scope: Scope
    ) -> Iterator[None]:
        first, *rest = generators
        for item in source:
            self._world.statements.assign(first.target, item, scope)
            if not all(self.holds(test, scope) for test in first.ifs):
                continue
            if rest:
                more = self._world.items.iterate(self.evaluate(rest[0].iter, scope))
                yield from self._turns(rest, more, scope)
            else:
                yield

    # Calls

    def keywords(self, nodes: Sequence[ast.keyword], scope: Scope) -> dict[str, Value]:
        """Return the values of keyword arguments."""
        found: dict[str, Value] = {}
        for keyword in nodes:
            if keyword.arg is None:
                given = self._merged(keyword.value, scope)
            else:
                given = {keyword.arg: self.evaluate(keyword.value, scope)}
            if found.keys() & given.keys():
                raise TypeError("multiple values for a keyword argument")
            found |= given
        return found

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        world, function = self._world, self.evaluate(node.func, scope)
        positional = self.elements(node.args, scope)
        keywords = self.keywords(node.keywords, scope)
        # The later ones may have changed the earlier ones.
        positional = [*map(world.known, positional)]
        keywords = {name: world.known(value) for name, value in keywords.items()}
        try:
            if isinstance(function, Known) and function.name in OF_SCOPE:
                return world.of_scope.call(function.name, positional, keywords, scope)
            return world.calls.call(function, positional, keywords)
        except Touched as error:
            why = error.unknown.at(node, scope.module)
            held = (*why.about, function, *positional, *keywords.values())
            given = [*positional, *keywords.values()]
            owner = function.__self__ if isinstance(function, _BOUND) else None
            lost = any(isinstance(each, Unknown) for each in given)
            if lost or world.effects.running([owner, *given]):
                # It may be called with any of the others, or would have called more of the text.
                world.effects.of_values(held, why)
            # A call has perhaps changed something in part before it met what is not known.
            for value in (owner, *positional):
                if isinstance(value, Iterator):
                    world.effects.of_values((value,), why)
                elif isinstance(value, CONTAINERS):
                    world.choices.taint(value, why)
            if isinstance(function, Known):
                changed = [each for each in function.about if isinstance(each, Lookup)]
                world.effects.of_values(changed, why)
            made = Unknown(why.reason, why.node, why.module, about=held)
            made.standard = isinstance(function, Known) or (
                isinstance(function, Unknown) and function.standard
            )
            return self.raising(made)


def _taken(take: Callable[..., Value], owner: Value, *told: Value) -> Value:
    """Return what is taken from `owner`; where it is not known, `owner` is reached through it."""
    try:
        return take(owner, *told)
    except Touched as error:
        raise Touched(error.unknown.holding((*error.unknown.about, owner))) from None


def _unpacks(call: ast.Call) -> bool:
    starred = any(isinstance(each, ast.Starred) for each in call.args)
    return starred or any(each.arg is None for each in call.keywords)

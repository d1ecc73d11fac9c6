"""Evaluate one expression of the author's text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.journal import CONTAINERS
from cogfal.reading.operators import BINARY, COMPARE, UNARY, bounded
from cogfal.reading.part import Part
from cogfal.reading.scopes import Builtin, Scope, bindings
from cogfal.reading.unknown import (
    Touched,
    Unknown,
    Value,
    Values,
    may_be_absent,
    refused,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_DEPTH: Final = 150
_CONVERSIONS: Final[dict[int, Callable[[Any], Any]]] = {
    ord("a"): ascii,
    ord("r"): repr,
    ord("s"): str,
}


class Expressions(Part):
    """Evaluates expressions; one short method per kind of syntax."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._depth = 0

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of `node`, which may be unknown; raises as Python would."""
        self._depth += 1
        try:
            self._world.budget.spend()
            value = self._kind(node)(node, scope)
        except Touched as error:
            why, named = error.unknown, self._world.effects.named(node, scope)
            about = (*why.about, *named)
            value = self.raising(why.holding(about).at(node, scope.module))
        except RecursionError:
            value = Unknown("nested too deeply", node, scope.module)
        finally:
            self._depth -= 1
        if isinstance(value, Unknown):
            return value.at(node, scope.module)
        return value

    def _kind(self, node: ast.expr) -> Callable[[Any, Scope], Value]:
        """Return what evaluates an expression of a kind, `_binop` for `ast.BinOp`, say."""
        if self._depth > MAX_DEPTH:
            raise refused("nested too deeply")
        found: Any = getattr(self, f"_{type(node).__name__.lower()}", None)
        if found is None:
            raise refused("this kind of expression is not evaluated")
        return found  # type: ignore[no-any-return]

    def raising(self, unknown: Unknown) -> Unknown:
        """Return an unknown result; where it may be caught, what brings it may raise instead."""
        self._world.budget.spend(self._world.choices.raising(unknown) // 4)
        return unknown

    def truth(self, value: Value, node: ast.AST, scope: Scope) -> bool:
        """Return whether a value counts as true; an unknown one does and does not."""
        if not isinstance(value, Unknown):
            try:
                return bool(value)
            except Touched as error:
                value = error.unknown
        return bool(self._world.choices.decide(value.at(node, scope.module)))

    # Names and their parts

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        name = scope.mangled(node.id)
        try:
            value = scope.look_up(name)
        except UnboundLocalError:
            raise
        except NameError:
            return self._world.modules.starred(name, scope)
        if isinstance(value, Builtin):
            return self._world.modules.builtin(value.name, scope)
        value = self._world.there(self._world.known(value))
        if may_be_absent(value) and scope.kind == "class":
            return value.holding((*value.about, scope.top.names.get(name)))
        return value

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        owner = self.evaluate(node.value, scope)
        if isinstance(owner, Unknown) and not owner.dotted:
            return self.raising(owner)
        return self._world.attributes.get(owner, scope.mangled(node.attr))

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        base = self.evaluate(node.value, scope)
        key = self.evaluate(node.slice, scope)
        return self._world.items.get(base, key, scope)

    def _slice(self, node: ast.Slice, scope: Scope) -> Value:
        parts = (node.lower, node.upper, node.step)
        return slice(*(p and self.evaluate(p, scope) for p in parts))

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self._world.bind(scope, node.target.id, value)
        return value

    # Operators

    def _binop(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        return self.operate(node.op, left, right)

    def operate(self, op: ast.operator, left: Value, right: Value) -> Value:
        """Return `left op right`."""
        for operand in (left, right):
            if isinstance(operand, Unknown):
                members = (left, right) if isinstance(op, ast.BitOr) else ()
                unknown = Unknown(
                    operand.reason, operand.node, operand.module, members=members,
                    about=(left, right),
                )  # fmt: skip
                return self.raising(unknown)
        if isinstance(op, ast.BitOr) and self._world.types.is_type(left, right):
            return self._world.types.union(left, right)
        self._operand(op, left, right)
        return bounded(BINARY[type(op)](left, right))

    def _operand(self, op: ast.operator, *operands: Value) -> None:
        for operand in operands:
            self._world.budget.weigh(operand)
        if isinstance(op, ast.Mod) and isinstance(operands[0], str | bytes):
            self._world.texts.check(operands[1])
        self._world.texts.check_places(type(op).__name__, operands)

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not self.truth(value, node.operand, scope)
        if isinstance(value, Unknown):
            return self.raising(Unknown(value.reason, value.node, value.module))
        return UNARY[type(node.op)](value)

    def _boolop(self, node: ast.BoolOp, scope: Scope) -> Value:
        return self._either(node, node.values, scope)

    def _either(self, node: ast.BoolOp, operands: list[ast.expr], scope: Scope) -> Value:
        first, *rest = operands
        value = self.evaluate(first, scope)

        def chosen() -> Value:
            if self.truth(value, first, scope) is isinstance(node.op, ast.Or):
                return value
            return self._either(node, rest, scope)

        return self._region(first, value, chosen) if rest else value

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        for op, operand in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(operand, scope)
            value = self._holds(op, left, right)
            if operand is node.comparators[-1] or not self.truth(value, node, scope):
                return value
            left = right
        return None

    def _holds(self, op: ast.cmpop, left: Value, right: Value) -> Value:
        for operand in (left, right):
            if isinstance(operand, Unknown):
                return self.raising(Unknown(operand.reason, operand.node, operand.module))
        if isinstance(op, ast.Is | ast.IsNot):
            return self._identical(left, right) is isinstance(op, ast.Is)
        self._world.budget.weigh(left)
        self._world.budget.weigh(right)
        self._world.texts.check_places("compare", (left, right))
        return self._world.items.compare(COMPARE[type(op)], left, right)

    def _identical(self, left: Value, right: Value) -> bool:
        plain = (int, float, str, bytes, tuple, frozenset, complex)
        if left is not right and type(left) is type(right) and type(left) in plain:
            if left == right:
                raise refused("whether two equal values are one is left open by Python")
        return left is right

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.evaluate(node.test, scope)

        def chosen() -> Value:
            truth = self.truth(test, node.test, scope)
            return self.evaluate(node.body if truth else node.orelse, scope)

        return self._region(node, test, chosen)

    def _region(self, node: ast.expr, test: Value, work: Callable[[], Value]) -> Value:
        if isinstance(test, Unknown):
            return self._world.choices.region(id(node), work)
        return work()

    # Texts

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = [self.evaluate(part, scope) for part in node.values]
        unknown = unknown_in(parts)
        return unknown if unknown is not None else bounded("".join(parts))

    def _formattedvalue(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        layout = self.evaluate(node.format_spec, scope) if node.format_spec else ""
        for unknown in (value, layout):
            if isinstance(unknown, Unknown):
                return self.raising(Unknown(unknown.reason, unknown.node, unknown.module))
        self._world.texts.check(value)
        value = _CONVERSIONS.get(node.conversion, lambda v: v)(value)
        return self._world.texts.format(value, layout)

    # Displays and comprehensions

    def _constant(self, node: ast.Constant, _: Scope) -> Value:
        return node.value

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return self._world.functions.define(node, scope)

    def _list(self, node: ast.List, scope: Scope) -> Value:
        return self.elements(node.elts, scope)

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Value:
        return tuple(self.elements(node.elts, scope))

    def _set(self, node: ast.Set, scope: Scope) -> Value:
        return set(self.elements(node.elts, scope))

    def elements(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Value]:
        """Return the values of a display or of positional arguments, starred ones unpacked."""
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = self.evaluate(node.value, scope)
                found.extend(self._world.items.iterate(value))
            else:
                found.append(self.evaluate(node, scope))
        bounded(found)
        return found

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        entries: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                merged = self.evaluate(item, scope)
                if not isinstance(merged, dict):
                    raise refused("what is unpacked here is not known")
                entries.update(merged)
            else:
                name = self.evaluate(key, scope)
                value = self.evaluate(item, scope)
                self._world.items.key(name)
                entries[name] = value
        return bounded(entries)

    def _comprehension(self, node: Any, scope: Scope) -> Value:
        """Return what a comprehension makes; its first iterable is evaluated outside of it."""
        first = node.generators[0]
        if any(each.is_async for each in node.generators):
            raise refused("an asynchronous comprehension is not evaluated")
        source = self._world.items.iterate(self.evaluate(first.iter, scope))
        found = bindings(node)
        inner = Scope(
            scope.module, "comprehension", {}, scope, found.bound, private=scope.private
        )  # fmt: skip
        inner_items = self._each(node.generators, source, inner)
        if isinstance(node, ast.GeneratorExp):
            results = (self.evaluate(node.elt, s) for s in inner_items)
            return self._world.iterator(results, source)
        metered = self._world.budget.metered(inner_items)
        if isinstance(node, ast.ListComp):
            return [self.evaluate(node.elt, s) for s in metered]
        if isinstance(node, ast.SetComp):
            return {self._world.items.key(self.evaluate(node.elt, s)) for s in metered}
        entries: dict[Value, Value] = {}
        for s in metered:
            key = self._world.items.key(self.evaluate(node.key, s))
            entries[key] = self.evaluate(node.value, s)
        return entries

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _each(
        self, generators: list[ast.comprehension], source: Iterator[Value], scope: Scope
    ) -> Iterator[Scope]:
        first, *rest = generators
        for item in source:
            self._world.targets.assign(first.target, item, scope)
            if all(self.truth(self.evaluate(test, scope), test, scope) for test in first.ifs):
                if rest:
                    more = self._world.items.iterate(self.evaluate(rest[0].iter, scope))
                    yield from self._each(rest, more, scope)
                else:
                    yield scope

    # Calls

    def keywords(self, nodes: Sequence[ast.keyword], scope: Scope) -> dict[str, Value]:
        """Return the values of keyword arguments."""
        found: dict[str, Value] = {}
        for keyword in nodes:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                found[keyword.arg] = value
            elif isinstance(value, dict):
                found.update(value)
            else:
                raise refused("what is unpacked here is not known")
        return found

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        function = self.evaluate(node.func, scope)
        positional = self.elements(node.args, scope)
        keywords = self.keywords(node.keywords, scope)
        if isinstance(function, Builtin):
            return self._world.library.of_scope(function.name, positional, keywords, scope)
        try:
            return self._world.calls.call(function, positional, keywords)
        except Touched as error:
            why = error.unknown.at(node, scope.module)
            held = (*why.about, function, *positional, *keywords.values())
            if any(isinstance(value, Unknown) for value in (*positional, *keywords.values())):
                self._world.effects.of_values(held, why)  # it may be called with any of the others
            self._spoil(node, function, positional, why)
            return self.raising(Unknown(why.reason, why.node, why.module, about=held))

    def _spoil(self, node: ast.Call, function: Value, positional: Values, why: Unknown) -> None:
        """Taint what a call has perhaps changed in part before it met something unknown."""
        for value in (getattr(function, "__self__", None), *positional):
            if isinstance(value, Iterator):
                self._world.effects.of_values((value,), why)
            elif isinstance(value, CONTAINERS):
                self._world.choices.taint(value, why)

"""Evaluate one expression of the author's text, without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from cogfal.inspection import attributes, limits, operands
from cogfal.inspection.values import (
    UNION,
    ClassValue,
    EnumMember,
    External,
    FunctionValue,
    HostPath,
    Instance,
    ModuleValue,
    OpenFile,
    PathText,
    Raised,
    Scope,
    Subscripted,
    Unknown,
    Unresolved,
    Value,
)
from cogfal.inspection.world import World

PYTHON_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What operations on the author's plain data may raise, exactly as they would in Python."""

_CONVERSIONS: Final[dict[int, Callable[[Any], Any]]] = {
    -1: lambda value: value,
    ord("a"): ascii,
    ord("r"): repr,
    ord("s"): str,
}


class Expressions:
    """Evaluates expressions; one short method per kind of syntax."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._budget = world.state.budget
        self._depth = 0
        self._kinds: dict[type[ast.expr], Callable[[Any, Scope], Value]] = {
            ast.Attribute: self._attribute,
            ast.BinOp: self._binary,
            ast.BoolOp: self._boolean,
            ast.Call: self._call,
            ast.Compare: self._compare,
            ast.Constant: self._constant,
            ast.Dict: self._dict,
            ast.DictComp: self._dict_comprehension,
            ast.FormattedValue: self._formatted,
            ast.GeneratorExp: self._generator,
            ast.IfExp: self._conditional,
            ast.JoinedStr: self._joined,
            ast.Lambda: self._lambda,
            ast.List: self._list,
            ast.ListComp: self._list_comprehension,
            ast.Name: self._name,
            ast.NamedExpr: self._walrus,
            ast.Set: self._set,
            ast.SetComp: self._set_comprehension,
            ast.Subscript: self._subscript,
            ast.Tuple: self._tuple,
            ast.UnaryOp: self._unary,
        }

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of `node`.

        Raises:
            Unresolved: It is not told by the text; `Raised` where Python would raise.
        """
        self._depth += 1
        try:
            self._budget.spend()
            return limits.bounded(self._kind(node)(node, scope))
        except Unresolved as error:
            raise error.at(node, scope.module) from None
        except RecursionError as error:
            raise Unresolved("nested too deeply", node, scope.module) from error
        except PYTHON_ERRORS as error:
            raise Raised(type(error).__name__, str(error), node, scope.module) from error
        finally:
            self._depth -= 1

    def _kind(self, node: ast.expr) -> Callable[[Any, Scope], Value]:
        if self._depth > limits.MAX_DEPTH:
            raise Unresolved("nested too deeply")
        kind = self._kinds.get(type(node))
        if kind is None:
            raise Unresolved("this kind of expression is not evaluated")
        return kind

    def attempt(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of `node`, or `Unknown`; exceptions pass inside a `try`."""
        try:
            return self.evaluate(node, scope)
        except Unresolved as error:
            if self._world.state.passes(error):
                raise
            return Unknown(error)

    # Names and their parts

    def _constant(self, node: ast.Constant, _: Scope) -> Value:
        return node.value

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        return self._world.look_up(node.id, scope)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self._world.attribute(self.evaluate(node.value, scope), node.attr)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        base = self.evaluate(node.value, scope)
        if isinstance(base, External) and base.name == "os.environ":
            return self._world.call(
                External("os.environ.__getitem__"), [self.evaluate(node.slice, scope)], {}
            )
        if isinstance(base, External | Subscripted):
            return Subscripted(base, self._arguments(node.slice, scope), scope)
        if isinstance(base, ClassValue):
            if attributes.is_enum(base):
                return attributes.enum_members(base)[self.evaluate(node.slice, scope)]
            return Subscripted(base, self._arguments(node.slice, scope), scope)
        return self._item(base, node.slice, scope)

    def _arguments(self, node: ast.expr, scope: Scope) -> tuple[Value, ...]:
        if isinstance(node, ast.Tuple):
            return tuple(self.attempt(element, scope) for element in node.elts)
        return (self.attempt(node, scope),)

    def _item(self, base: Value, node: ast.expr, scope: Scope) -> Value:
        if isinstance(base, Unknown):
            raise base.error
        if not isinstance(base, str | list | tuple | dict | range):
            raise Unresolved("indexing such a value is not evaluated")
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            key: Value = slice(*(p and self.evaluate(p, scope) for p in parts))
        else:
            key = self.hashable(self.evaluate(node, scope))
        return self._known(base[key])

    def _known(self, value: Value) -> Value:
        if isinstance(value, Unknown):
            raise value.error
        return self._world.state.checked(value)

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self._world.assign(node.target, value, scope)
        return value

    # Operators

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        return self.operate(node.op, left, right, scope)

    def operate(self, op: ast.operator, left: Value, right: Value, scope: Scope) -> Value:
        """Return `left op right`; unions of types and path joins included."""
        if isinstance(op, ast.BitOr) and (
            attributes.is_generic_alias(left) or attributes.is_generic_alias(right)
        ):
            return Subscripted(UNION, (left, right), scope)
        if isinstance(op, ast.Div) and isinstance(left, PathText | HostPath):
            return self._world.call(External("os.path.join"), [left, right], {})
        operator = limits.BINARY.get(type(op))
        if operator is None:
            raise Unresolved("this operator is not evaluated")
        return operator(operands.data(self._budget, left), operands.data(self._budget, right))

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not operands.truth(value)
        return limits.UNARY[type(node.op)](operands.data(self._budget, value))

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for operand in node.values:
            value = self.evaluate(operand, scope)
            last = operand is node.values[-1]
            if not last and operands.truth(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        for op, operand in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(operand, scope)
            if not self._holds(op, left, right):
                return False
            left = right
        return True

    def _holds(self, op: ast.cmpop, left: Value, right: Value) -> bool:
        opaque = isinstance(left, ClassValue | FunctionValue | ModuleValue | Instance)
        if isinstance(op, ast.Is | ast.IsNot) and opaque and right is None:
            return isinstance(op, ast.IsNot)
        if isinstance(right, External) and right.name == "os.environ" and isinstance(left, str):
            return (self._world.state.getenv(left) is not None) is isinstance(op, ast.In)
        left, right = (
            operands.comparable(self._budget, left),
            operands.comparable(self._budget, right),
        )
        return bool(limits.COMPARE[type(op)](left, right))

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Value:
        chosen = node.body if operands.truth(self.evaluate(node.test, scope)) else node.orelse
        return self.evaluate(chosen, scope)

    # Texts

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> Value:
        return "".join(str(self.evaluate(part, scope)) for part in node.values)

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value = operands.text_source(self._budget, self.evaluate(node.value, scope))
        value = _CONVERSIONS[node.conversion](value)
        spec = str(self.evaluate(node.format_spec, scope)) if node.format_spec else ""
        limits.check_format(spec, ())
        return format(value, spec)

    # Displays and comprehensions

    def _elements(self, nodes: list[ast.expr], scope: Scope) -> list[Value]:
        elements: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                elements.extend(self.iterate(self.evaluate(node.value, scope)))
            else:
                elements.append(self.attempt(node, scope))
        return elements

    def _list(self, node: ast.List, scope: Scope) -> Value:
        return self._elements(node.elts, scope)

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Value:
        return tuple(self._elements(node.elts, scope))

    def _set(self, node: ast.Set, scope: Scope) -> Value:
        return {self.hashable(element) for element in self._elements(node.elts, scope)}

    def hashable(self, value: Value) -> Value:
        """Return `value` for use as a key.

        Raises:
            Unresolved: It is not known, or too large.
        """
        if isinstance(value, Unknown):
            raise value.error
        if isinstance(value, EnumMember):
            return attributes.plain_member(value)
        if isinstance(value, tuple):
            limits.weigh(value, self._budget)
        return value

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        entries: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if key is None:
                merged = self.evaluate(item, scope)
                if not isinstance(merged, dict):
                    raise Unresolved("what is unpacked here is not known")
                entries.update(merged)
            else:
                entries[self.hashable(self.evaluate(key, scope))] = self.attempt(item, scope)
        return entries

    def _comprehend(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        first, *rest = generators
        if first.is_async:
            raise Unresolved("an asynchronous comprehension is not evaluated")
        inner = scope.inner()
        inner.parent = scope
        for item in self.iterate(self.evaluate(first.iter, scope)):
            self._world.assign(first.target, item, inner)
            if all(operands.truth(self.evaluate(test, inner)) for test in first.ifs):
                if rest:
                    yield from self._comprehend(rest, inner)
                else:
                    yield inner

    def _list_comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Value:
        scopes = self._comprehend(node.generators, scope)
        results = (self.attempt(node.elt, inner) for inner in scopes)
        return limits.take(results, self._budget)

    def _generator(self, node: ast.GeneratorExp, scope: Scope) -> Value:
        return iter(self._list_comprehension(node, scope))

    def _set_comprehension(self, node: ast.SetComp, scope: Scope) -> Value:
        scopes = self._comprehend(node.generators, scope)
        return {self.hashable(self.evaluate(node.elt, inner)) for inner in scopes}

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> Value:
        entries: dict[Value, Value] = {}
        for inner in self._comprehend(node.generators, scope):
            key = self.hashable(self.evaluate(node.key, inner))
            entries[key] = self.attempt(node.value, inner)
        return entries

    def iterate(self, value: Value) -> list[Value]:
        """Return the items of an iterable; a set's sorted, since its own order is arbitrary."""
        self._world.state.checked(value)
        if isinstance(value, ClassValue) and attributes.is_enum(value):
            unique: list[Value] = []
            for member in attributes.enum_members(value).values():
                if all(member.value != seen.value for seen in unique):
                    unique.append(member)
            return unique
        if isinstance(value, OpenFile):
            value = value.text.splitlines(keepends=True)
        if isinstance(value, set | frozenset):
            operands.data(self._budget, value)
            return sorted(value, key=repr)
        if isinstance(value, (Iterator, *operands.SERIES)):
            items: Iterable[Value] = value
            return limits.take(items, self._budget)
        if isinstance(value, operands.DATA):
            raise Raised("TypeError", f"{type(value).__name__!r} object is not iterable")
        raise Unresolved("what is iterated over is not known")

    # Functions

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return FunctionValue(node, scope, self.defaults(node.args, scope))

    def defaults(self, args: ast.arguments, scope: Scope) -> dict[str, Value]:
        """Return the defaults of a function's parameters, evaluated now as Python does."""
        plain = [*args.posonlyargs, *args.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = [
            *zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        return {arg.arg: self.attempt(node, scope) for arg, node in pairs if node is not None}

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        try:
            function = self.evaluate(node.func, scope)
        except Unresolved:
            return self._decorated(node, scope)
        positional = self._elements(node.args, scope)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                unpacked = self.evaluate(keyword.value, scope)
                if not isinstance(unpacked, dict):
                    raise Unresolved("what is unpacked here is not known")
                keywords.update(unpacked)
            else:
                keywords[keyword.arg] = self.attempt(keyword.value, scope)
        return self._world.call(function, positional, keywords)

    def _decorated(self, node: ast.Call, scope: Scope) -> Value:
        """Take `decorator(...)(function)` for the function, as where it is written with an @."""
        if isinstance(node.func, ast.Call) and len(node.args) == 1 and not node.keywords:
            value = self.evaluate(node.args[0], scope)
            if isinstance(value, FunctionValue | ClassValue):
                return value
        return self.evaluate(node.func, scope)

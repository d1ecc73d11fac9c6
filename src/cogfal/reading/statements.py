"""Carry out the statements of a module, class or function body."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from cogfal.reading.attributes import is_data
from cogfal.reading.blocks import Blocks
from cogfal.reading.classes import outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, of_class, refill
from cogfal.reading.namespaces import Lookup
from cogfal.reading.operators import IN_PLACE, NAMES, OWN_IN_PLACE, bounded
from cogfal.reading.outcomes import Left
from cogfal.reading.scopes import Scope, generic, suspends
from cogfal.reading.standins import Deferred
from cogfal.reading.unknown import (
    Beyond,
    Carried,
    Flow,
    GivenUp,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    refused,
)

MAX_DECORATORS: Final = 8
"""Among how many functions it may be unknown which one decorates."""


class Statements(Blocks):
    """Carries out statements; those that hold others are generators, so that they can `yield`."""

    def run(self, body: Sequence[ast.stmt], scope: Scope, *, fresh: bool = False) -> None:
        """Carry out statements; `fresh` gives each an allowance of its own."""
        world = self._world
        for node in body:
            if fresh:
                world.budget.next_statement()
                world.choices.forget()
            start = len(world.journal)
            try:
                world.choices.region(id(node), partial(self._one, node, scope))
            except (GivenUp, RecursionError) as error:
                if not fresh:
                    raise
                why = error.unknown if isinstance(error, GivenUp) else Unknown("nested too deeply")
                world.budget.next_statement()
                world.choices.spoil(start, why.at(node, scope.module))
                world.effects.of_statement(node, scope, why.at(node, scope.module))

    def flow(self, body: Sequence[ast.stmt], scope: Scope) -> Flow:
        """Carry out statements of a generator function, yielding what they yield."""
        for node in body:
            if not suspends(node):
                self.run([node], scope)
            elif hasattr(node, "body") or isinstance(node, ast.Match):
                yield from self._carried_out(node, scope)
            else:
                yield from self._yielding(node, scope)

    def _one(self, node: ast.stmt, scope: Scope) -> None:
        self._world.budget.spend()
        try:
            for _ in self._carried_out(node, scope) or ():
                raise GivenUp(Unknown("a yield here is not evaluated"))  # noqa: TRY301
        except Touched as error:
            raise GivenUp(error.unknown.at(node, scope.module)) from None
        except Beyond as error:
            raise Beyond(error.unknown.at(node, scope.module)) from None
        except Exception as error:  # the author's: say where, should nobody catch it
            vars(bare(error)).setdefault("_cogfal_place", scope.module.location(node))
            raise

    def _carried_out(self, node: ast.stmt, scope: Scope) -> Any:
        """Carry out a statement of a kind, by `_augassign` for `ast.AugAssign`, say."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise GivenUp(Unknown("this kind of statement is not evaluated", node, scope.module))
        return method(node, scope)

    def _yielding(self, node: Any, scope: Scope) -> Flow:
        """Carry out a simple statement that is, or takes, a `yield`."""
        taken = getattr(node, "value", None)
        known = isinstance(node, ast.Expr | ast.Assign | ast.Return)
        if not known or not isinstance(taken, ast.Yield | ast.YieldFrom):
            raise GivenUp(Unknown("a yield inside an expression is not evaluated"))
        given = None if taken.value is None else self._world.evaluate(taken.value, scope)
        if isinstance(taken, ast.Yield):
            sent = yield given
        else:
            iterator = self._world.items.iterate(given)
            sent = yield from iterator  # type: ignore[func-returns-value]
        if isinstance(node, ast.Return):
            raise Left("return", sent)
        for target in getattr(node, "targets", ()):
            self.assign(target, sent, scope)

    # Simple statements

    def _expr(self, node: ast.Expr, scope: Scope) -> None:
        self._world.evaluate(node.value, scope)

    def _pass(self, node: ast.stmt, scope: Scope) -> None:
        """Do nothing."""

    _global = _nonlocal = _pass

    def _break(self, node: ast.stmt, scope: Scope) -> None:
        raise Left(type(node).__name__.lower())

    _continue = _break

    def _return(self, node: ast.Return, scope: Scope) -> None:
        raise Left("return", node.value and self._world.evaluate(node.value, scope))

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self._world.evaluate(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self._world.evaluate(node.value, scope), scope)
        else:
            parts = ast.iter_child_nodes(node.target)
            self._world.expressions.elements([e for e in parts if isinstance(e, ast.expr)], scope)
        postponed = scope.module.postponed and not (node.simple and scope.kind == "class")
        if scope.kind == "function" or postponed:
            return
        if node.simple and isinstance(node.target, ast.Name):
            self._world.classes.note(scope, scope.mangled(node.target.id), node.annotation)
        else:
            self._world.evaluate(node.annotation, scope)

    def _typealias(self, node: Any, scope: Scope) -> None:
        inner = generic(node.type_params, scope)
        meaning = partial(self._world.classes.meaning, node.value, inner)
        self._world.names.put(scope, scope.mangled(node.name.id), Deferred(meaning, node.name.id))

    def _augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        place, held = self._place(node.target, scope)
        before = place.get(*held)
        value = self._world.evaluate(node.value, scope)
        place.put(*held, self._combined(node.op, before, value))

    def _delete(self, node: ast.Delete | ast.Tuple | ast.List, scope: Scope) -> None:
        for target in node.targets if isinstance(node, ast.Delete) else node.elts:
            if isinstance(target, ast.Tuple | ast.List):
                self._delete(target, scope)
            else:
                place, held = self._place(target, scope)
                place.delete(*held)

    def _import(self, node: ast.Import, scope: Scope) -> None:
        modules = self._world.modules
        for alias in node.names:
            take = modules.renamed if alias.asname else partial(modules.imported, whole=False)
            module = take(alias.name)
            if isinstance(module, Unknown) and not module.dotted:
                module = module.at(node, scope.module)
            name = alias.asname or alias.name.partition(".")[0]
            self._world.names.put(scope, scope.mangled(name), module)

    def _importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name, value in self._world.modules.taken(node, scope).items():
            self._world.names.put(scope, scope.mangled(name), value)

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        if node.exc is None:
            raise self.handled[-1] if self.handled else RuntimeError("No active exception")
        error = self._world.evaluate(node.exc, scope)
        cause = node.cause and self._world.evaluate(node.cause, scope)
        if isinstance(error, Unknown):
            raise UnknownError(error)
        outside = outside_base(error) if isinstance(error, type) else None
        if outside is not None:
            raise UnknownError(outside)
        if isinstance(error, type) and issubclass(error, BaseException):
            error = self._world.calls.call(error, [], {})
        if not isinstance(error, BaseException):
            raise TypeError("exceptions must derive from BaseException")
        if not isinstance(error, Exception):
            raise UnknownError(Unknown("an exception that is no Exception", node, scope.module))
        object.__setattr__(error, "_cogfal_authored", True)
        if is_data(type(cause)):
            raise TypeError("exception causes must derive from BaseException")
        if isinstance(cause, BaseException):
            object.__setattr__(error, "__cause__", cause)
        raise Carried(error) if isinstance(error, StopIteration) else error

    def _assert(self, node: ast.Assert, scope: Scope) -> None:
        if not self._world.expressions.holds(node.test, scope):
            told = [] if node.msg is None else [self._world.evaluate(node.msg, scope)]
            raise AssertionError(*told)

    # Targets

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target of any form to a value."""
        if isinstance(target, ast.Starred):
            self.assign(target.value, value, scope)
        elif isinstance(target, ast.Tuple | ast.List):
            for each, item in zip(target.elts, self._unpacked(target.elts, value), strict=True):
                self.assign(each, item, scope)
        else:
            place, held = self._place(target, scope)
            place.put(*held, value)

    def _place(self, target: ast.expr, scope: Scope) -> tuple[Any, tuple[Value, Value]]:
        """Return what changes a name, attribute or item, and its owner and key, evaluated once."""
        world = self._world
        if isinstance(target, ast.Attribute):
            return world.attributes, (
                world.evaluate(target.value, scope),
                scope.mangled(target.attr),
            )
        if isinstance(target, ast.Subscript):
            owner = world.evaluate(target.value, scope)
            return world.items, (owner, world.evaluate(target.slice, scope))
        assert isinstance(target, ast.Name)
        return world.names, (scope, scope.mangled(target.id))

    def _unpacked(self, targets: list[ast.expr], value: Value) -> list[Value]:
        if isinstance(value, Unknown):
            return [self._world.expressions.raising(value)] * len(targets)
        star = next((i for i, e in enumerate(targets) if isinstance(e, ast.Starred)), None)
        source = self._world.budget.metered(self._world.items.iterate(value))
        items = [*(source if star is not None else islice(source, len(targets) + 1))]
        if star is not None and len(items) >= len(targets) - 1:
            after = len(items) - (len(targets) - star - 1)
            items = [*items[:star], items[star:after], *items[after:]]
        if len(items) != len(targets):
            few = len(items) < len(targets)
            raise ValueError(f"{'not enough' if few else 'too many'} values to unpack")
        return items

    def _combined(self, op: ast.operator, before: Value, value: Value) -> Value:
        """Return the result of an in-place operator, which changes a container where it stands."""
        world, operate = self._world, self._world.expressions.operate
        own = of_class(type(before), OWN_IN_PLACE[type(op)])
        if isinstance(own, Function):
            result = world.calls.call(own, [before, value], {})
            return operate(op, before, value) if result is NotImplemented else result
        if isinstance(before, Unknown | Lookup):
            why = Unknown("what it changes is not known") if isinstance(before, Lookup) else before
            world.effects.of_values((before, value), why)
        old = isinstance(before, dict) and world.version < (3, 9)  # whose dicts have no `|`
        if not isinstance(before, CONTAINERS) or type(op) not in (*IN_PLACE, ast.Mult) or old:
            return operate(op, before, value)
        if isinstance(value, Unknown):
            world.effects.of_values((before,), value)
            return world.expressions.raising(value)
        if isinstance(op, ast.Mult):
            made = operate(op, before, value)
            if not isinstance(made, list | deque):
                return made
            world.journal.save(before)
            refill(before, made)
            return before
        if isinstance(before, dict):
            value = world.items.mapping(value)
        method = of_class(type(value), f"__r{NAMES[type(op)]}__")
        reflected = not isinstance(before, dict) and method is not None
        taken = value
        if isinstance(value, Iterator):
            taken = iter(world.budget.metered(world.items.iterate(value)))
        elif not isinstance(before, set) and not isinstance(value, dict) and not reflected:
            taken = world.items.listed(value)
        if isinstance(before, list) and isinstance(op, ast.Add):
            world.journal.grow(before)
        else:
            world.budget.weigh(before)
            world.journal.save(before)
        try:
            return bounded(IN_PLACE[type(op)](before, taken))
        except Touched as error:
            world.effects.of_values((before, value), error.unknown)
            return error.unknown

    # Definitions

    def _functiondef(self, node: Any, scope: Scope) -> None:
        world, of_class = self._world, isinstance(node, ast.ClassDef)
        decorators = [world.evaluate(d, scope) for d in node.decorator_list]
        if of_class and getattr(node, "type_params", None):
            raise refused("a class with type parameters is not evaluated")
        value: Value = (world.classes if of_class else world.functions).define(node, scope)
        if isinstance(value, Function):
            value.decorators = tuple(decorators)
        for decorator in reversed(decorators):
            value = self._applied(decorator, value, node, scope)
        world.names.put(scope, scope.mangled(node.name), value)

    _asyncfunctiondef = _classdef = _functiondef

    def _applied(self, decorator: Value, value: Value, node: Any, scope: Scope) -> Value:
        if isinstance(decorator, Unknown):
            among = decorator.possibly()
            if len(among) > MAX_DECORATORS:
                return self._world.expressions.raising(decorator.holding((*among, value)))
            if len(among) > 1:
                choices = self._world.choices
                return choices.region(id(decorator), lambda: self._applied(
                    among[choices.decide(decorator, len(among))], value, node, scope))  # fmt: skip
            decorator = self._world.known(among[0])
            if isinstance(decorator, Unknown) and not decorator.standard:
                return self._world.calls.decorated(value)
        try:
            result = self._world.calls.call(decorator, [value], {})
        except Touched as error:
            held = (*error.unknown.about, decorator, value)
            result = self._world.expressions.raising(error.unknown.holding(held))
        return result.at(node, scope.module) if isinstance(result, Unknown) else result

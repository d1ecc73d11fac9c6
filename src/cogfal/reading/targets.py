"""What statements bind, change and delete: names, attributes and items."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, refill
from cogfal.reading.operators import IN_PLACE, OWN_IN_PLACE, bounded
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope
from cogfal.reading.unknown import Touched, Unknown, Value


class _Place(NamedTuple):
    """What may be done to the target of a statement."""

    get: Callable[[], Value]
    put: Callable[[Value], None]
    delete: Callable[[], None]


class Targets(Part):
    """Carries out what is done to the targets of statements."""

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target of any form to a value."""
        match target:
            case ast.Name():
                self._world.bind(scope, scope.mangled(target.id), value)
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, scope)
            case ast.Starred():
                self.assign(target.value, value, scope)
            case _:
                self._place(target, scope).put(value)

    def _place(self, target: ast.expr, scope: Scope) -> _Place:
        """Return what is done to a name, attribute or item, its owner and key evaluated once."""
        world = self._world
        match target:
            case ast.Attribute():
                held = (world.evaluate(target.value, scope), scope.mangled(target.attr))
                attributes = world.attributes
                return _Place(
                    partial(attributes.get, *held),
                    partial(attributes.put, *held),
                    partial(attributes.delete, *held),
                )
            case ast.Subscript():
                owner = world.evaluate(target.value, scope)
                key, items = world.evaluate(target.slice, scope), world.items
                return _Place(
                    partial(items.get, owner, key, scope),
                    partial(items.put, owner, key),
                    partial(items.delete, owner, key),
                )
        assert isinstance(target, ast.Name)
        name, load = scope.mangled(target.id), ast.Name(target.id, ast.Load())
        return _Place(
            partial(world.evaluate, ast.copy_location(load, target), scope),
            partial(world.bind, scope, name),
            partial(world.unbind, scope, name),
        )

    def _unpack(self, targets: list[ast.expr], value: Value, scope: Scope) -> None:
        if isinstance(value, Unknown):
            unknown = self._world.expressions.raising(value)
            for target in targets:
                self.assign(target, unknown, scope)
            return
        items = self._world.items.listed(value)
        star = next((i for i, e in enumerate(targets) if isinstance(e, ast.Starred)), None)
        if star is not None and len(items) >= len(targets) - 1:
            after = len(items) - (len(targets) - star - 1)
            items = [*items[:star], items[star:after], *items[after:]]
        if len(items) != len(targets):
            few = len(items) < len(targets)
            raise ValueError(f"{'not enough' if few else 'too many'} values to unpack")
        for target, item in zip(targets, items, strict=True):
            self.assign(target, item, scope)

    def change(self, node: ast.AugAssign, scope: Scope) -> None:
        """Carry out `target += value`, or with another operator."""
        place = self._place(node.target, scope)
        before = place.get()
        place.put(self._combined(node, before, self._world.evaluate(node.value, scope), scope))

    def _combined(self, node: ast.AugAssign, before: Value, value: Value, scope: Scope) -> Value:
        """Return the result of an in-place operator, which changes a container where it stands."""
        world = self._world
        own = getattr(type(before), OWN_IN_PLACE[type(node.op)], None)
        if isinstance(own, Function):
            return self._in_place(node, own, before, value)
        if isinstance(before, Unknown):
            world.effects.of_values((before, value), before)
        if not isinstance(before, CONTAINERS) or type(node.op) not in (*IN_PLACE, ast.Mult):
            return world.expressions.operate(node.op, before, value)
        if isinstance(value, Unknown):
            world.effects.of_values((before,), value.at(node, scope.module))
            return world.expressions.raising(value)
        if isinstance(before, list) and isinstance(node.op, ast.Add):
            items = world.items.listed(value)
            world.journal.grow(before)
            before.extend(items)
            return bounded(before)
        if isinstance(node.op, ast.Mult):
            made = world.expressions.operate(node.op, before, value)
            world.journal.save(before)
            refill(before, made)
            return before
        world.budget.weigh(before)
        world.journal.save(before)
        try:
            return bounded(IN_PLACE[type(node.op)](before, value))
        except Touched as error:
            world.effects.of_values((before,), error.unknown.at(node, scope.module))
            return error.unknown

    def _in_place(self, node: ast.AugAssign, own: Function, before: Value, value: Value) -> Value:
        result = self._world.calls.call(own, [before, value], {})
        if result is NotImplemented:
            return self._world.expressions.operate(node.op, before, value)
        return result

    def remove(self, target: ast.expr, scope: Scope) -> None:
        """Delete a name, attribute or item, or several."""
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self.remove(element, scope)
        else:
            self._place(target, scope).delete()

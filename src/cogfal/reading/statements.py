"""Carry out the statements of a module, class or function body."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cogfal.reading.choices import Left
from cogfal.reading.functions import Function, catches
from cogfal.reading.journal import CONTAINERS, refill
from cogfal.reading.operators import IN_PLACE, OWN_IN_PLACE, bounded
from cogfal.reading.part import Part
from cogfal.reading.patterns import matches
from cogfal.reading.scopes import Scope, suspends
from cogfal.reading.unknown import (
    Carried,
    GivenUp,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_ROUNDS: Final = 8
"""How often a loop of unknown length is gone through until nothing more becomes unknown."""

Flow = Generator[Value, Value, Any]
_Leave = Callable[[Exception | None], bool]
"""Leaves a context with an exception, or without; returns whether it is swallowed."""


class _Place(NamedTuple):
    """What may be done to the target of a statement."""

    get: Callable[[], Value]
    put: Callable[[Value], None]
    delete: Callable[[], None]


class Statements(Part):
    """Carries out statements; those that hold others are generators, so that they can `yield`."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.handled: list[Exception] = []

    def run(self, body: Sequence[ast.stmt], scope: Scope, *, fresh: bool = False) -> None:
        """Carry out statements; `fresh` gives each an allowance of its own."""
        for node in body:
            if fresh:
                self._world.budget.next_statement()
                self._world.choices.forget()
            start = len(self._world.journal)
            try:
                self._world.choices.region(id(node), partial(self._one, node, scope))
            except (GivenUp, RecursionError) as error:
                if not fresh:
                    raise
                why = error.unknown if isinstance(error, GivenUp) else Unknown("nested too deeply")
                self._world.budget.next_statement()
                self._world.choices.spoil(start, why.at(node, scope.module))
                self._world.effects.of_statement(node, scope, why.at(node, scope.module))

    def flow(self, body: Sequence[ast.stmt], scope: Scope) -> Flow:
        """Carry out statements of a generator function, yielding what they yield."""
        for node in body:
            if not suspends(node):
                self.run([node], scope)
            elif hasattr(node, "body") or isinstance(node, ast.Match):
                yield from self._method(node)(node, scope)
            else:
                yield from self._yielding(node, scope)

    def _one(self, node: ast.stmt, scope: Scope) -> None:
        self._world.budget.spend()
        try:
            self._carry_out(node, scope)
        except Touched as error:
            raise GivenUp(error.unknown.at(node, scope.module)) from None
        except Exception as error:  # the author's: say where, should nobody catch it
            vars(bare(error)).setdefault("_cogfal_place", (node, scope.module))
            raise

    def _carry_out(self, node: ast.stmt, scope: Scope) -> None:
        for _ in self._method(node)(node, scope) or ():
            raise GivenUp(Unknown("a yield here is not evaluated", node, scope.module))

    def _method(self, node: ast.stmt) -> Callable[[Any, Scope], Any]:
        """Return what carries out a statement of a kind, `_augassign` for `ast.AugAssign`, say."""
        name = f"_{type(node).__name__.lower()}"
        found: Callable[[Any, Scope], Any] = getattr(self, name, self._not_evaluated)
        return found

    def _not_evaluated(self, node: ast.stmt, scope: Scope) -> None:
        raise GivenUp(Unknown("this kind of statement is not evaluated", node, scope.module))

    def _yielding(self, node: ast.stmt, scope: Scope) -> Flow:
        """Carry out a simple statement that is, or takes, a `yield`."""
        value = getattr(node, "value", None)
        if isinstance(value, ast.Yield):
            sent = yield None if value.value is None else self._world.evaluate(value.value, scope)
        elif isinstance(value, ast.YieldFrom):
            sent = yield from _delegated(
                self._world.items.iterate(self._world.evaluate(value.value, scope))
            )
        else:
            raise GivenUp(Unknown("a yield inside an expression is not evaluated"))
        match node:
            case ast.Expr():
                return
            case ast.Assign(targets=targets):
                for target in targets:
                    self.assign(target, sent, scope)
            case ast.Return():
                raise Left("return", sent)
            case _:
                raise GivenUp(Unknown("a yield inside an expression is not evaluated"))

    # Simple statements

    def _expr(self, node: ast.Expr, scope: Scope) -> None:
        if not isinstance(node.value, ast.Constant):
            self._world.evaluate(node.value, scope)

    def _pass(self, node: ast.stmt, scope: Scope) -> None:
        """Do nothing."""

    _global = _nonlocal = _pass

    def _break(self, node: ast.Break, scope: Scope) -> None:
        raise Left("break")

    def _continue(self, node: ast.Continue, scope: Scope) -> None:
        raise Left("continue")

    def _return(self, node: ast.Return, scope: Scope) -> None:
        value = None if node.value is None else self._world.evaluate(node.value, scope)
        raise Left("return", value)

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self._world.evaluate(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self._world.evaluate(node.value, scope), scope)
        if scope.kind != "function" and isinstance(node.target, ast.Name):
            name = scope.mangled(node.target.id)
            if scope.kind == "class" or not scope.module.postponed:
                self._world.classes.note(scope, name, node.annotation)

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

    def _augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        place = self._place(node.target, scope)
        before = place.get()
        place.put(self._combined(node, before, self._world.evaluate(node.value, scope), scope))

    def _combined(self, node: ast.AugAssign, before: Value, value: Value, scope: Scope) -> Value:
        """Return the result of an in-place operator, which changes a container where it stands."""
        world = self._world
        own = getattr(type(before), OWN_IN_PLACE[type(node.op)], None)
        if isinstance(own, Function):
            return self._in_place(node, own, before, value)
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

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            self._remove(target, scope)

    def _remove(self, target: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._remove(element, scope)
        else:
            self._place(target, scope).delete()

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            module = self._world.modules.imported(alias.name, whole=alias.asname is not None)
            if isinstance(module, Unknown) and not module.dotted:
                module = module.at(node, scope.module)
            name = alias.asname or alias.name.partition(".")[0]
            self._world.bind(scope, scope.mangled(name), module)

    def _importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name, value in self._world.modules.taken(node, scope).items():
            self._world.bind(scope, scope.mangled(name), value)

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        if node.exc is None:
            raise self.handled[-1] if self.handled else RuntimeError("No active exception")
        error = self._world.evaluate(node.exc, scope)
        if node.cause is not None:
            self._world.evaluate(node.cause, scope)
        if isinstance(error, Unknown):
            raise UnknownError(error)
        if isinstance(error, type) and issubclass(error, BaseException):
            error = self._world.calls.call(error, [], {})
        if not isinstance(error, BaseException):
            raise TypeError("exceptions must derive from BaseException")
        if not isinstance(error, Exception):
            raise UnknownError(Unknown("an exception that is no Exception", node, scope.module))
        object.__setattr__(error, "_cogfal_authored", True)
        raise Carried(error) if isinstance(error, StopIteration) else error

    def _assert(self, node: ast.Assert, scope: Scope) -> None:
        if not self._holds(node.test, scope):
            raise AssertionError

    def _holds(self, test: ast.expr, scope: Scope) -> bool:
        return self._world.expressions.truth(self._world.evaluate(test, scope), test, scope)

    # Definitions

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        decorators = [self._world.evaluate(d, scope) for d in node.decorator_list]
        function = self._world.functions.define(node, scope)
        if scope.kind == "class":
            vars(function)["__qualname__"] = f"{scope.names.get('__qualname__')}.{node.name}"
        function.decorators = tuple(decorators)
        self._world.bind(scope, scope.mangled(node.name), self._decorated(function, node, scope))

    _asyncfunctiondef = _functiondef

    def _decorated(self, value: Value, node: Any, scope: Scope) -> Value:
        for decorator in reversed(value.decorators if isinstance(value, Function) else ()):
            before, value = value, self._applied(decorator, value, node, scope)
            if isinstance(value, Function) and value is not before:
                inner = before if isinstance(before, Function) else None
                value.wraps = inner if inner is not None and passes_on(value) else None
        return value

    def _applied(self, decorator: Value, value: Value, node: Any, scope: Scope) -> Value:
        if isinstance(decorator, Unknown):
            return self._world.calls.decorated(value)
        try:
            result = self._world.calls.call(decorator, [value], {})
        except Touched as error:
            result = self._world.expressions.raising(error.unknown)
        return result.at(node, scope.module) if isinstance(result, Unknown) else result

    def _classdef(self, node: ast.ClassDef, scope: Scope) -> None:
        decorators = [self._world.evaluate(d, scope) for d in node.decorator_list]
        cls = self._world.classes.define(node, scope)
        for decorator in reversed(decorators):
            cls = self._applied(decorator, cls, node, scope)
        self._world.bind(scope, scope.mangled(node.name), cls)

    # Branches and loops

    def _if(self, node: ast.If, scope: Scope) -> Flow:
        test = self._world.evaluate(node.test, scope)
        if isinstance(test, Unknown) and test.dotted == "typing.TYPE_CHECKING":
            return
        chosen = self._world.expressions.truth(test, node.test, scope)
        yield from self.flow(node.body if chosen else node.orelse, scope)

    def _turn(self, node: ast.For | ast.While, scope: Scope) -> Flow:
        """Go through a loop's body once; a generator that returns whether the loop goes on."""
        try:
            if suspends(node):
                yield from self.flow(node.body, scope)
            else:
                self._world.choices.region(("turn", id(node)), lambda: self._body(node, scope))
        except Left as left:
            if left.how == "return":
                raise
            return left.how == "continue"
        return True

    def _body(self, node: ast.For | ast.While, scope: Scope) -> None:
        try:
            self.run(node.body, scope)
        except Left as left:
            if left.how != "continue":
                raise

    def _for(self, node: ast.For, scope: Scope) -> Flow:
        source = self._world.evaluate(node.iter, scope)
        try:
            items = self._world.items.iterate(source)
        except Touched as error:
            unknown = self._world.expressions.raising(error.unknown.at(node.iter, scope.module))
            yield from self._perhaps(node, scope, unknown)
            return
        for item in self._world.budget.metered(items):
            self.assign(node.target, item, scope)
            if not (yield from self._turn(node, scope)):
                return
        yield from self.flow(node.orelse, scope)

    def _while(self, node: ast.While, scope: Scope) -> Flow:
        while True:
            test = self._world.evaluate(node.test, scope)
            if not isinstance(test, Unknown):
                try:
                    test = bool(test)
                except Touched as error:
                    test = error.unknown
            if isinstance(test, Unknown):
                yield from self._perhaps(node, scope, test.at(node.test, scope.module))
                return
            if not test:
                break
            self._world.budget.spend()
            if not (yield from self._turn(node, scope)):
                return
        yield from self.flow(node.orelse, scope)

    def _perhaps(self, node: ast.For | ast.While, scope: Scope, why: Unknown) -> Flow:
        """Go through a loop any number of times, until nothing more becomes unknown by it."""
        if suspends(node):
            raise GivenUp(why)
        for _ in range(MAX_ROUNDS):
            before = self._world.choices.changes
            self._world.choices.region(("round", id(node)), lambda: self._round(node, scope, why))
            if self._world.choices.changes == before:
                break
        else:
            raise GivenUp(why)
        if node.orelse and self._world.choices.decide(why):
            return
        yield from self.flow(node.orelse, scope)

    def _round(self, node: ast.For | ast.While, scope: Scope, why: Unknown) -> None:
        if not self._world.choices.decide(why):
            return
        if isinstance(node, ast.For):
            self.assign(node.target, why, scope)
        try:
            for _ in self._turn(node, scope):
                raise GivenUp(why)
        except Left as error:
            raise GivenUp(why) from error
        if isinstance(node, ast.While):
            self._world.evaluate(node.test, scope)

    # Contexts and exceptions

    def _guard(
        self, node: ast.With | ast.Try, catching: bool
    ) -> contextlib.AbstractContextManager[None]:
        return self._world.choices.guard(catching, at_once=suspends(node))

    def _with(self, node: ast.With, scope: Scope) -> Flow:
        yield from self._entered(list(node.items), node, scope)

    def _entered(self, items: list[ast.withitem], node: ast.With, scope: Scope) -> Flow:
        if not items:
            yield from self.flow(node.body, scope)
            return
        first, *rest = items
        held, leave = self._enter(self._world.evaluate(first.context_expr, scope), node, scope)
        if first.optional_vars is not None:
            self.assign(first.optional_vars, held, scope)
        try:
            with self._guard(node, leave is not None):
                yield from self._entered(rest, node, scope)
        except Left:
            if leave:
                leave(None)
            raise
        except Exception as error:
            if leave is None or not leave(error):
                raise
        else:
            if leave:
                leave(None)

    def _enter(self, manager: Value, node: ast.With, scope: Scope) -> tuple[Value, _Leave | None]:
        """Return what a context manager gives, and what tells whether it swallows an exception."""
        world, decide = self._world, self._world.choices.decide
        if isinstance(manager, contextlib.suppress):
            kinds = manager._exceptions  # type: ignore[attr-defined]  # noqa: SLF001
            return None, lambda error: error is not None and catches(error, kinds, decide)
        if isinstance(manager, contextlib.nullcontext):
            return manager.enter_result, None
        if type(manager).__module__ in ("_io", "io"):
            return manager, None
        try:
            if not isinstance(manager, Unknown):
                world.attributes.get(manager, "__exit__")
                enter = world.attributes.get(manager, "__enter__")
        except Touched as error:
            manager = error.unknown
        if isinstance(manager, Unknown):
            reason = "what a context manager gives is not evaluated"
            held = Unknown(reason, node, scope.module, about=(manager,))
            world.effects.of_values((manager,), held)
            world.expressions.raising(held)
            return held, lambda error: error is not None and bool(decide(held))
        if suspends(node) and world.attributes.is_authored(manager):
            raise GivenUp(Unknown("a yield inside of such a with is not evaluated"))
        held = world.calls.call(enter, [], {})
        return held, lambda error: self._exit(manager, error, node, scope)

    def _exit(self, manager: Value, error: Exception | None, node: ast.With, scope: Scope) -> bool:
        leave = self._world.attributes.get(manager, "__exit__")
        told: list[Value] = [None, None, None]
        if isinstance(error, UnknownError):
            told = [error.unknown] * 3
        elif error is not None:
            told = [type(bare(error)), bare(error), None]
        result = self._world.calls.call(leave, told, {})
        return self._world.expressions.truth(result, node, scope)

    def _try(self, node: ast.Try, scope: Scope) -> Flow:
        if node.finalbody and suspends(node):
            # A generator that is left alone carries out its `finally` when it is closed.
            raise GivenUp(Unknown("a yield before a finally is not evaluated"))
        try:
            yield from self._handling(node, scope)
        except (Left, Exception) as error:
            depth = len(self.handled)
            if isinstance(error, Exception):
                self.handled.append(error)
            yield from self.flow(node.finalbody, scope)
            del self.handled[depth:]
            raise
        yield from self.flow(node.finalbody, scope)

    def _handling(self, node: ast.Try, scope: Scope) -> Flow:
        try:
            with self._guard(node, bool(node.handlers or node.finalbody)):
                yield from self.flow(node.body, scope)
        except Exception as error:  # the author's: it is his handlers that say what becomes of it
            yield from self._caught(node, error, scope)
            return
        with self._guard(node, bool(node.finalbody)):
            yield from self.flow(node.orelse, scope)

    def _caught(self, node: ast.Try, error: Exception, scope: Scope) -> Flow:
        handler = next((h for h in node.handlers if self._catches(h, error, scope)), None)
        if handler is None:
            raise error
        self.handled.append(error)
        try:
            with self._named(handler, error, scope), self._guard(node, bool(node.finalbody)):
                yield from self.flow(handler.body, scope)
        finally:
            self.handled.pop()

    def _named(
        self, handler: ast.ExceptHandler, error: Exception, scope: Scope
    ) -> contextlib.AbstractContextManager[None]:
        if handler.name is None:
            return contextlib.nullcontext()
        name, shown = scope.mangled(handler.name), self._shown(error, handler, scope)
        return self._world.choices.bound(scope.target(name), name, shown, briefly=True)

    def _catches(self, handler: ast.ExceptHandler, error: Exception, scope: Scope) -> bool:
        if handler.type is None:
            return True
        kind = self._world.evaluate(handler.type, scope)
        where = (handler, scope.module)
        return catches(error, kind, lambda unknown: self._world.choices.decide(unknown.at(*where)))

    def _shown(self, error: Exception, handler: ast.ExceptHandler, scope: Scope) -> Value:
        if isinstance(error, UnknownError):
            return error.unknown
        if getattr(bare(error), "_cogfal_authored", False):
            return bare(error)
        return Unknown(
            "the text of an exception depends on Python's version", handler, scope.module
        )

    def _match(self, node: ast.Match, scope: Scope) -> Flow:
        subject = self._world.evaluate(node.subject, scope)
        if unknown_in(subject) is not None:
            raise GivenUp(Unknown("a match of something unknown", node, scope.module))
        for case in node.cases:
            bound = matches(case.pattern, subject, lambda e: self._world.evaluate(e, scope))
            if bound is None:
                continue
            for name, value in bound.items():
                self._world.bind(scope, scope.mangled(name), value)
            if case.guard is None or self._holds(case.guard, scope):
                yield from self.flow(case.body, scope)
                return


def _delegated(inner: Iterable[Value]) -> Flow:
    return (yield from inner)


def passes_on(wrapper: Function) -> bool:
    """Whether a wrapper's parameters are those of what it wraps."""
    args = wrapper.node.args
    named = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs) if a.arg != "self"]
    return "__wrapped__" in vars(wrapper) or (not named and args.kwarg is not None)

"""Carry out the statements of a module, class or function body."""

from __future__ import annotations

import ast
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.attributes import DATA, is_file, is_raised
from cogfal.reading.choices import Left
from cogfal.reading.classes import Deferred, outside_base
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, of_class, refill
from cogfal.reading.mappings import Lookup
from cogfal.reading.operators import IN_PLACE, NAMES, OWN_IN_PLACE, bounded
from cogfal.reading.part import Part
from cogfal.reading.patterns import matches
from cogfal.reading.scopes import Scope, generic, suspends
from cogfal.reading.unknown import (
    Carried,
    Flow,
    GivenUp,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    refused,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_ROUNDS: Final = 8
"""How often a loop of unknown length is gone through until nothing more becomes unknown."""

MAX_DECORATORS: Final = 8
"""Among how many functions it may be unknown which one decorates."""

_Leave = Callable[[Exception | None], bool]
"""Leaves a context with an exception, or without; returns whether it is swallowed."""


class Statements(Part):
    """Carries out statements; those that hold others are generators, so that they can `yield`."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.handled: list[Exception] = []
        """The exceptions that are being handled, the innermost last."""

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
        if scope.kind != "function" and isinstance(node.target, ast.Name):
            name = scope.mangled(node.target.id)
            if scope.kind == "class" or not scope.module.postponed:
                self._world.classes.note(scope, name, node.annotation)

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
        if isinstance(cause, DATA):
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
        if not isinstance(before, CONTAINERS) or type(op) not in (*IN_PLACE, ast.Mult):
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
            before, value = value, self._applied(decorator, value, node, scope)
            if isinstance(value, Function) and value is not before and not of_class:
                wraps = isinstance(before, Function) and passes_on(value)
                value.wraps = before if wraps else None
        world.names.put(scope, scope.mangled(node.name), value)

    _asyncfunctiondef = _classdef = _functiondef

    def _applied(self, decorator: Value, value: Value, node: Any, scope: Scope) -> Value:
        if isinstance(decorator, Unknown):
            among = decorator.possibly()
            if len(among) > MAX_DECORATORS:
                return self._world.expressions.raising(decorator)
            one = len(among) > 1 and self._world.choices.decide(decorator, len(among))
            decorator = self._world.known(among[one])
            if isinstance(decorator, Unknown) and not decorator.standard:
                return self._world.calls.decorated(value)
        try:
            result = self._world.calls.call(decorator, [value], {})
        except Touched as error:
            result = self._world.expressions.raising(error.unknown)
        return result.at(node, scope.module) if isinstance(result, Unknown) else result

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
                self._world.choices.region(("turn", id(node)), partial(self._body, node, scope))
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
            try:
                if not test:
                    break
            except Touched as error:
                yield from self._perhaps(node, scope, error.unknown.at(node.test, scope.module))
                return
            self._world.budget.spend()
            if not (yield from self._turn(node, scope)):
                return
        yield from self.flow(node.orelse, scope)

    def _perhaps(self, node: ast.For | ast.While, scope: Scope, why: Unknown) -> Flow:
        """Go through a loop any number of times, until nothing more becomes unknown by it."""
        if suspends(node):
            raise GivenUp(why)
        choices = self._world.choices
        for _ in range(MAX_ROUNDS):
            before = choices.changes
            choices.region(("round", id(node)), partial(self._round, node, scope, why))
            if choices.changes == before:
                break
        else:
            raise GivenUp(why)
        if node.orelse and choices.decide(why):
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

    def _match(self, node: ast.Match, scope: Scope) -> Flow:
        subject = self._world.evaluate(node.subject, scope)
        self._world.budget.weigh(subject)
        if unknown_in(subject) is not None:
            raise GivenUp(Unknown("a match of something unknown", node, scope.module))
        for case in node.cases:
            bound = matches(case.pattern, subject, lambda e: self._world.evaluate(e, scope))
            if bound is None:
                continue
            for name, value in bound.items():
                self._world.names.put(scope, scope.mangled(name), value)
            if case.guard is None or self._world.expressions.holds(case.guard, scope):
                yield from self.flow(case.body, scope)
                return

    # Contexts and exceptions

    def _guard(
        self, node: ast.With | ast.Try, catching: object
    ) -> contextlib.AbstractContextManager[None]:
        return self._world.choices.guard(bool(catching), at_once=suspends(node))

    def _with(self, node: ast.With, scope: Scope, place: int = 0) -> Flow:
        """Carry out the body of a `with` inside its context managers from `place` on."""
        if place == len(node.items):
            yield from self.flow(node.body, scope)
            return
        item = node.items[place]
        manager = self._world.evaluate(item.context_expr, scope)
        held, leave = self._enter(manager, node, scope)
        if item.optional_vars is not None:
            self.assign(item.optional_vars, held, scope)
        try:
            with self._guard(node, leave and not is_file(manager)):
                yield from self._with(node, scope, place + 1)
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
            return None, lambda error: error is not None and self._is_caught(error, kinds)
        if isinstance(manager, contextlib.nullcontext):
            return manager.enter_result, None
        if is_file(manager):
            close = world.attributes.get(manager, "close")
            return manager, lambda _: close()
        try:
            if not isinstance(manager, Unknown):
                world.attributes.special(manager, "__exit__")
                enter = world.attributes.special(manager, "__enter__")
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
        leave = self._world.attributes.special(manager, "__exit__")
        told: list[Value] = [None] * 3 if error is None else [type(bare(error)), bare(error), None]
        if isinstance(error, UnknownError):
            told = [error.unknown] * 3
        depth = len(self.handled)
        self.handled += [] if error is None else [error]
        try:
            result = self._world.calls.call(leave, told, {})
        finally:
            del self.handled[depth:]
        return self._world.expressions.truth(result, node, scope)

    def _try(self, node: ast.Try, scope: Scope) -> Flow:
        if suspends(node) and (node.finalbody or any(map(_lingers, node.handlers))):
            # A generator that is left alone carries out its `finally` when it is closed.
            raise GivenUp(Unknown("a yield before a finally is not evaluated"))
        try:
            yield from self._handling(node, scope)
        except (Left, Exception) as error:
            depth = len(self.handled)
            self.handled += [error] if isinstance(error, Exception) else []
            try:
                yield from self.flow(node.finalbody, scope)
            finally:
                del self.handled[depth:]
            raise
        yield from self.flow(node.finalbody, scope)

    def _handling(self, node: ast.Try, scope: Scope) -> Flow:
        try:
            with self._guard(node, node.handlers or node.finalbody):
                yield from self.flow(node.body, scope)
        except Exception as error:  # the author's: it is his handlers that say what becomes of it
            handler = next((h for h in node.handlers if self._catches(h, error, scope)), None)
            if handler is None:
                raise
            self.handled.append(error)
            try:
                with self._named(handler, error, scope), self._guard(node, node.finalbody):
                    yield from self.flow(handler.body, scope)
            finally:
                self.handled.pop()
            return
        with self._guard(node, node.finalbody):
            yield from self.flow(node.orelse, scope)

    def _named(
        self, handler: ast.ExceptHandler, error: Exception, scope: Scope
    ) -> contextlib.AbstractContextManager[None]:
        if handler.name is None:
            return contextlib.nullcontext()
        shown: Value = bare(error)
        if isinstance(error, UnknownError):
            shown = error.unknown
        elif not is_raised(shown):
            reason = "the text of an exception depends on Python's version"
            shown = Unknown(reason, handler, scope.module)
        name = scope.mangled(handler.name)
        return self._world.choices.bound(scope.target(name), name, shown, briefly=True)

    def _catches(self, handler: ast.ExceptHandler, error: Exception, scope: Scope) -> bool:
        return handler.type is None or self._is_caught(
            error, self._world.evaluate(handler.type, scope)
        )

    def _is_caught(self, error: Exception, kind: Value) -> bool:
        """Whether an `except` clause with this class, or tuple of classes, catches an exception."""
        if isinstance(kind, tuple):
            return any(self._is_caught(error, each) for each in kind)
        if isinstance(kind, Unknown):
            return bool(self._world.choices.decide(kind))
        if isinstance(error, UnknownError):
            return kind is BaseException or bool(self._world.choices.decide(error.unknown))
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise TypeError(
                "catching classes that do not inherit from BaseException is not allowed"
            )
        return isinstance(bare(error), kind)


def _lingers(handler: ast.ExceptHandler) -> bool:
    """Whether a handler sees that a generator is closed, or is left while it handles."""
    caught = [] if handler.type is None else ast.walk(handler.type)
    names = {getattr(part, "id", getattr(part, "attr", "")) for part in caught}
    closing = handler.type is None or names & {"BaseException", "GeneratorExit"}
    return bool(closing) or any(map(suspends, handler.body))


def passes_on(wrapper: Function) -> bool:
    """Whether a wrapper's parameters are those of what it wraps."""
    args = wrapper.node.args
    named = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs) if a.arg != "self"]
    return "__wrapped__" in vars(wrapper) or (not named and args.kwarg is not None)

"""Carry out the statements of a module, class or function body."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from cogfal.reading.choices import Left
from cogfal.reading.functions import Function
from cogfal.reading.part import Part
from cogfal.reading.patterns import matches
from cogfal.reading.scopes import Scope, suspends
from cogfal.reading.unknown import (
    Carried,
    Flow,
    GivenUp,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    unknown_in,
)

MAX_ROUNDS: Final = 8
"""How often a loop of unknown length is gone through until nothing more becomes unknown."""


MAX_DECORATORS: Final = 8
"""Among how many functions it may be unknown which one decorates."""


class Statements(Part):
    """Carries out statements; those that hold others are generators, so that they can `yield`."""

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
                    self._world.targets.assign(target, sent, scope)
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
            self._world.targets.assign(target, value, scope)

    def _annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._world.targets.assign(node.target, self._world.evaluate(node.value, scope), scope)
        if scope.kind != "function" and isinstance(node.target, ast.Name):
            name = scope.mangled(node.target.id)
            if scope.kind == "class" or not scope.module.postponed:
                self._world.classes.note(scope, name, node.annotation)

    def _augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        self._world.targets.change(node, scope)

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            self._world.targets.remove(target, scope)

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            modules = self._world.modules
            take = modules.renamed if alias.asname else partial(modules.imported, whole=False)
            module = take(alias.name)
            if isinstance(module, Unknown) and not module.dotted:
                module = module.at(node, scope.module)
            name = alias.asname or alias.name.partition(".")[0]
            self._world.bind(scope, scope.mangled(name), module)

    def _importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name, value in self._world.modules.taken(node, scope).items():
            self._world.bind(scope, scope.mangled(name), value)

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        if node.exc is None:
            raise (
                self._world.contexts.handled[-1]
                if self._world.contexts.handled
                else RuntimeError("No active exception")
            )
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
            among = decorator.possibly()
            if len(among) > MAX_DECORATORS:
                return self._world.expressions.raising(decorator)
            one = len(among) > 1 and self._world.choices.decide(decorator, len(among))
            if isinstance(among[one], Unknown):
                return self._world.calls.decorated(value)
            decorator = self._world.known(among[one])
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
            self._world.targets.assign(node.target, item, scope)
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
            self._world.targets.assign(node.target, why, scope)
        try:
            for _ in self._turn(node, scope):
                raise GivenUp(why)
        except Left as error:
            raise GivenUp(why) from error
        if isinstance(node, ast.While):
            self._world.evaluate(node.test, scope)

    # Contexts, exceptions and patterns

    def _with(self, node: ast.With, scope: Scope) -> Flow:
        return self._world.contexts.entered(list(node.items), node, scope)

    def _try(self, node: ast.Try, scope: Scope) -> Flow:
        return self._world.contexts.attempted(node, scope)

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

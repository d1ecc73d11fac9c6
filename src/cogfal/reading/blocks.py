"""Carry out the statements that hold others: branches, loops, `match`, `with` and `try`."""

from __future__ import annotations

import ast
import contextlib
import copy
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.attributes import is_file, is_raised
from cogfal.reading.functions import Function
from cogfal.reading.outcomes import Left
from cogfal.reading.scopes import Scope, suspends, yields
from cogfal.reading.standins import Cached, Managed
from cogfal.reading.unknown import (
    Carried,
    Flow,
    GivenUp,
    Part,
    Touched,
    Unknown,
    UnknownError,
    Value,
    bare,
    contained,
    reached,
    refused,
    unknown_in,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

MAX_ROUNDS: Final = 8
"""How often a loop of unknown length is gone through until nothing more becomes unknown."""

_PLAIN: Final = (str, bytes, list, tuple, dict, set, frozenset, bool, int, float, type(None))
"""Classes whose objects, and patterns, are looked into by Python alone."""

ENOUGH_ROUNDS: Final = 3
"""After how many it is enough that nothing more becomes unknown, whatever more is reached."""

_Leave = Callable[[Exception | None], bool]
"""Leaves a context with an exception, or without; returns whether it is swallowed."""


class Blocks(Part):
    """Carries out statements that hold others, as generators, so that these can `yield`."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.handled: list[Exception] = []
        """The exceptions that are being handled, the innermost last."""

    # Branches and loops

    def _if(self, node: ast.If, scope: Scope) -> Flow:
        test = self._world.evaluate(node.test, scope)
        chosen = self._world.expressions.truth(test, node.test, scope)
        yield from self._world.statements.flow(node.body if chosen else node.orelse, scope)

    def _turn(self, node: ast.For | ast.While, scope: Scope) -> Flow:
        """Go through a loop's body once; a generator that returns whether the loop goes on."""
        try:
            if suspends(node):
                yield from self._world.statements.flow(node.body, scope)
            else:
                self._world.choices.region(("turn", id(node)), partial(self._body, node, scope))
        except Left as left:
            if left.how == "return":
                raise
            return left.how == "continue"
        return True

    def _body(self, node: ast.For | ast.While, scope: Scope) -> None:
        try:
            self._world.run(node.body, scope)
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
            self._world.statements.assign(node.target, item, scope)
            if not (yield from self._turn(node, scope)):
                return
        yield from self._world.statements.flow(node.orelse, scope)

    def _while(self, node: ast.While, scope: Scope) -> Flow:
        while True:
            test = self._world.evaluate(node.test, scope)
            try:
                if not test:
                    break
            except Touched as error:
                if not isinstance(test, Unknown):  # as `Expressions.truth` has it
                    self._world.expressions.raising(error.unknown)
                yield from self._perhaps(node, scope, error.unknown.at(node.test, scope.module))
                return
            self._world.budget.spend()
            if not (yield from self._turn(node, scope)):
                return
        yield from self._world.statements.flow(node.orelse, scope)

    def _perhaps(self, node: ast.For | ast.While, scope: Scope, why: Unknown) -> Flow:
        """Go through a loop any number of times, until nothing more becomes unknown by it."""
        if suspends(node):
            raise GivenUp(why)
        choices = self._world.choices
        for turn in range(MAX_ROUNDS):
            before, reached = choices.changes, choices.grown
            choices.region(("round", id(node)), partial(self._round, node, scope, why))
            # What is made anew in each round is reached anew in each, so that never ends.
            if choices.changes == before and (choices.grown == reached or turn >= ENOUGH_ROUNDS):
                break
        else:
            raise GivenUp(why)
        if node.orelse and choices.decide(why):
            return
        yield from self._world.statements.flow(node.orelse, scope)

    def _round(self, node: ast.For | ast.While, scope: Scope, why: Unknown) -> None:
        if not self._world.choices.decide(why):
            return
        if isinstance(node, ast.For):
            self._world.statements.assign(node.target, why, scope)
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
            bound = _matches(case.pattern, subject, lambda e: self._world.evaluate(e, scope))
            if bound is None:
                continue
            for name, value in bound.items():
                self._world.names.put(scope, scope.mangled(name), value)
            if case.guard is None or self._world.expressions.holds(case.guard, scope):
                yield from self._world.statements.flow(case.body, scope)
                return

    # Contexts and exceptions

    def managing(self, func: Value) -> Value:
        """Return what `contextmanager` makes of a generator function."""
        if not isinstance(func, Function) or not yields(func.node):
            raise refused("such a context manager is not evaluated")

        def call(*positional: Value, **keywords: Value) -> Value:
            inner = self._world.functions.entered(func, positional, keywords)
            inner.managing = True
            begin = partial(self._begin, func, inner)
            return Managed(func.name, begin, func, *inner.names.values())

        return Cached(func.name, call, func)

    def _begin(
        self, func: Function, inner: Scope, manager: Managed, node: ast.With, scope: Scope
    ) -> tuple[Value, _Leave]:
        if manager.used or (suspends(node) and not scope.managing):
            raise GivenUp(Unknown("such a use of a context manager is not evaluated"))
        self._world.journal.bind(vars(manager), "used", True)
        turns = self._world.functions.turns(func, inner)
        try:
            return next(turns), partial(_leave, turns)
        except StopIteration:
            raise RuntimeError("generator didn't yield") from None

    def _guard(
        self, node: ast.With | ast.Try, catching: object
    ) -> contextlib.AbstractContextManager[None]:
        return self._world.choices.guard(bool(catching), at_once=suspends(node))

    def _with(self, node: ast.With, scope: Scope, place: int = 0) -> Flow:
        """Carry out the body of a `with` inside its context managers from `place` on."""
        if place == len(node.items):
            yield from self._world.statements.flow(node.body, scope)
            return
        item = node.items[place]
        manager = self._world.evaluate(item.context_expr, scope)
        held, leave = self._enter(manager, node, scope)
        if item.optional_vars is not None:
            self._world.statements.assign(item.optional_vars, held, scope)
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
        if isinstance(manager, Managed):
            return manager.handler(manager, node, scope)  # type: ignore[no-any-return]
        try:
            if not isinstance(manager, Unknown):
                world.attributes.special(manager, "__exit__")
                enter = world.attributes.special(manager, "__enter__")
        except Touched as error:
            manager = error.unknown
        if isinstance(manager, Unknown):
            held = Unknown(manager.reason, node, scope.module, about=(manager,))
            world.effects.of_values((manager,), held)
            world.expressions.raising(held)
            return held, lambda error: error is not None and bool(decide(held))
        if suspends(node) and not scope.managing and world.attributes.is_authored(manager):
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
        handling = any(suspends(part) for handler in node.handlers for part in handler.body)
        closed = not scope.managing and (node.finalbody or any(map(_sees_end, node.handlers)))
        if suspends(node) and (handling or closed):
            # A generator that is left alone carries out its `finally` when it is closed.
            raise GivenUp(Unknown("a yield before a finally is not evaluated"))
        try:
            yield from self._handling(node, scope)
        except (Left, Exception) as error:
            depth = len(self.handled)
            self.handled += [error] if isinstance(error, Exception) else []
            try:
                yield from self._world.statements.flow(node.finalbody, scope)
            finally:
                del self.handled[depth:]
            raise
        yield from self._world.statements.flow(node.finalbody, scope)

    def _handling(self, node: ast.Try, scope: Scope) -> Flow:
        try:
            with self._guard(node, node.handlers or node.finalbody):
                yield from self._world.statements.flow(node.body, scope)
        except Exception as error:  # the author's: it is his handlers that say what becomes of it
            handler = next((h for h in node.handlers if self._catches(h, error, scope)), None)
            if handler is None:
                raise
            self.handled.append(error)
            try:
                with self._named(handler, error, scope), self._guard(node, node.finalbody):
                    yield from self._world.statements.flow(handler.body, scope)
            finally:
                self.handled.pop()
            return
        with self._guard(node, node.finalbody):
            yield from self._world.statements.flow(node.orelse, scope)

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


def _leave(turns: Any, error: Exception | None) -> bool:
    """Go on after the `yield` of a context manager; return whether it swallows the exception."""
    if isinstance(error, Carried):
        raise GivenUp(Unknown("a StopIteration in a context manager is not evaluated"))
    with contextlib.suppress(StopIteration):
        next(turns) if error is None else turns.throw(error)
        raise RuntimeError("generator didn't stop")
    return True


def _sees_end(handler: ast.ExceptHandler) -> bool:
    """Whether a handler sees that a generator is closed."""
    caught = [] if handler.type is None else ast.walk(handler.type)
    names = {getattr(part, "id", getattr(part, "attr", "")) for part in caught}
    return handler.type is None or bool(names & {"BaseException", "GeneratorExit"})


class _Named(ast.NodeTransformer):
    """Replaces the values that a pattern names by attributes of itself, which are these values."""

    def __init__(self, evaluate: Callable[[ast.expr], Value], *, plain: bool) -> None:
        self._evaluate, self._nodes, self._plain = evaluate, list[ast.expr](), plain

    def __getattr__(self, name: str) -> Value:
        if not name.startswith("value "):
            raise AttributeError(name)
        return self._evaluate(self._nodes[int(name.removeprefix("value "))])

    def _attribute(self, node: ast.expr) -> ast.expr:
        self._nodes.append(node)
        name = f"value {len(self._nodes) - 1}"
        return ast.Attribute(ast.Name(" named", ast.Load()), name, ast.Load())

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return ast.MatchValue(self._attribute(node.value))

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        self.generic_visit(node)
        if not self._plain or self._evaluate(node.cls) not in _PLAIN:
            raise GivenUp(Unknown("a pattern of this kind is not evaluated"))
        node.cls = self._attribute(node.cls)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.generic_visit(node)
        node.keys = [self._attribute(key) for key in node.keys]
        return node


def _matches(
    pattern: ast.pattern, subject: Value, evaluate: Callable[[ast.expr], Value]
) -> dict[str, Value] | None:
    """Return the names that a pattern binds, None where it does not match."""
    plain = all(isinstance(each, _PLAIN) for each in reached([subject], contained))
    named = _Named(evaluate, plain=plain)
    case = ast.match_case(named.visit(copy.deepcopy(pattern)), None, [_MATCHED])
    tree = ast.Module([ast.Match(ast.Name(" subject", ast.Load()), [case])], [])
    code = compile(ast.fix_missing_locations(tree), "<match>", "exec")
    bound: dict[str, Value] = {}
    exec(code, {" subject": subject, " named": named}, bound)  # noqa: S102 - only the pattern
    return bound if bound.pop(" matched", False) else None


_MATCHED = ast.Assign([ast.Name(" matched", ast.Store())], ast.Constant(True))
"""No name of the author's has a space."""

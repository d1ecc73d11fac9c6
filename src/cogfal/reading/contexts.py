"""Carry out `with` and `try`: what may swallow or handle an exception."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from cogfal.reading.choices import Left
from cogfal.reading.functions import catches
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope, suspends
from cogfal.reading.unknown import Flow, GivenUp, Touched, Unknown, UnknownError, Value, bare

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_Leave = Callable[[Exception | None], bool]
"""Leaves a context with an exception, or without; returns whether it is swallowed."""


class Contexts(Part):
    """Carries out contexts and handlers; all are generators, so that they can `yield`."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.handled: list[Exception] = []
        """The exceptions that are being handled, the innermost last."""

    def _guard(
        self, node: ast.With | ast.Try, catching: bool
    ) -> contextlib.AbstractContextManager[None]:
        return self._world.choices.guard(catching, at_once=suspends(node))

    def entered(self, items: list[ast.withitem], node: ast.With, scope: Scope) -> Flow:
        """Carry out the body of a `with` inside its context managers."""
        if not items:
            yield from self._world.statements.flow(node.body, scope)
            return
        first, *rest = items
        held, leave = self._enter(self._world.evaluate(first.context_expr, scope), node, scope)
        if first.optional_vars is not None:
            self._world.targets.assign(first.optional_vars, held, scope)
        try:
            with self._guard(node, leave is not None):
                yield from self.entered(rest, node, scope)
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

    def attempted(self, node: ast.Try, scope: Scope) -> Flow:
        """Carry out a `try` with its handlers."""
        if node.finalbody and suspends(node):
            # A generator that is left alone carries out its `finally` when it is closed.
            raise GivenUp(Unknown("a yield before a finally is not evaluated"))
        try:
            yield from self._handling(node, scope)
        except (Left, Exception) as error:
            depth = len(self.handled)
            if isinstance(error, Exception):
                self.handled.append(error)
            yield from self._world.statements.flow(node.finalbody, scope)
            del self.handled[depth:]
            raise
        yield from self._world.statements.flow(node.finalbody, scope)

    def _handling(self, node: ast.Try, scope: Scope) -> Flow:
        try:
            with self._guard(node, bool(node.handlers or node.finalbody)):
                yield from self._world.statements.flow(node.body, scope)
        except Exception as error:  # the author's: it is his handlers that say what becomes of it
            yield from self._caught(node, error, scope)
            return
        with self._guard(node, bool(node.finalbody)):
            yield from self._world.statements.flow(node.orelse, scope)

    def _caught(self, node: ast.Try, error: Exception, scope: Scope) -> Flow:
        handler = next((h for h in node.handlers if self._catches(h, error, scope)), None)
        if handler is None:
            raise error
        self.handled.append(error)
        try:
            with self._named(handler, error, scope), self._guard(node, bool(node.finalbody)):
                yield from self._world.statements.flow(handler.body, scope)
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

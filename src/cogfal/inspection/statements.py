"""Carry out the statements of a module, class or function body on evaluated values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from cogfal.inspection.expressions import PYTHON_ERRORS
from cogfal.inspection.imports import bindings
from cogfal.inspection.limits import weigh
from cogfal.inspection.syntax import fails, handles, inside_function, loaded, own_nodes, passes_on
from cogfal.inspection.values import (
    ClassValue,
    External,
    FunctionValue,
    Imported,
    Instance,
    ModuleValue,
    OpenFile,
    Raised,
    Scope,
    Unknown,
    Unresolved,
    Value,
)
from cogfal.inspection.world import World

_LEAVING: Final = (ast.Return, ast.Break, ast.Continue)


class Returned(Exception):
    """Carry a function's result out of its body."""

    def __init__(self, value: Value) -> None:
        self.value = value
        super().__init__()


class _Broken(Exception):
    """Leave a loop."""


class _Continued(Exception):
    """Go on with a loop's next item."""


class _PerhapsLeft(Unresolved):
    """Say that it is not known whether a loop or function goes on."""


class Statements:
    """Carries out statements; one short method per kind of syntax."""

    def __init__(self, world: World, defaults: Callable[..., dict[str, Value]]) -> None:
        self._world = world
        self._defaults = defaults
        self._kinds: dict[type[ast.stmt], Callable[[Any, Scope], None]] = {
            ast.AnnAssign: self._annotated,
            ast.Assert: _nothing,
            ast.Assign: self._assign,
            ast.AsyncFunctionDef: self._function,
            ast.AugAssign: self._augmented,
            ast.Break: self._break,
            ast.ClassDef: self._class,
            ast.Continue: self._continue,
            ast.Delete: self._delete,
            ast.Expr: self._expression,
            ast.For: self._for,
            ast.FunctionDef: self._function,
            ast.Global: self._global,
            ast.If: self._if,
            ast.Import: self._import,
            ast.ImportFrom: self._import,
            ast.Nonlocal: _nothing,
            ast.Pass: _nothing,
            ast.Raise: self._raise,
            ast.Return: self._return,
            ast.Try: self._try,
            ast.While: self._while,
            ast.With: self._with,
        }

    def run(self, body: Iterable[ast.stmt], scope: Scope, *, fresh: bool = False) -> None:
        """Carry out statements; `fresh` gives each its own allowance.

        What cannot be evaluated makes the names it would have bound unknown.
        """
        for statement in body:
            if fresh:
                self._world.state.budget.next_statement()
            before = self._world.state.reads
            self._world.state.reads = set(before)
            try:
                self._statement(statement, scope)
            except Unresolved as error:
                passes = self._world.state.passes(error) or isinstance(error, _PerhapsLeft)
                if passes or inside_function(scope):
                    raise
                self.give_up(statement, scope, error)
            finally:
                if inside_function(scope):
                    before.update(self._world.state.reads)
                self._world.state.reads = before

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        kind = self._kinds.get(type(node))
        try:
            self._world.state.budget.spend()
            if kind is None:
                reason = Unresolved("this kind of statement is not evaluated", node, scope.module)
                self.give_up(node, scope, reason)
            else:
                kind(node, scope)
        except Unresolved as error:
            raise error.at(node, scope.module) from None
        except PYTHON_ERRORS as error:
            raise Raised(type(error).__name__, str(error), node, scope.module) from error

    def give_up(self, node: ast.stmt, scope: Scope, error: Unresolved) -> None:
        """Make everything that a statement binds or changes unknown."""
        error.at(node, scope.module)
        for part in own_nodes(node):
            match part:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    self.bind(scope, name, Unknown(error))
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.bind(scope, name, Unknown(error))
                case ast.ClassDef(name=name):
                    self.bind(scope, name, Unknown(error))
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                    self._taint(name, scope, error)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
                    self._taint(name, scope, error)

    def _taint(self, name: str, scope: Scope, error: Unresolved) -> None:
        owner = scope.owner(name)
        if owner is not None:
            self._world.state.taint(owner.names[name], error)

    def bind(self, scope: Scope, name: str, value: Value) -> None:
        """Bind a name, noting the environment variables that had a part in it."""
        scope = scope.outer.get(name, scope)
        scope.names[name] = value
        scope.reads[name] = frozenset(self._world.state.reads)

    # Simple statements

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        if not isinstance(node.value, ast.Constant):
            try:
                self._world.evaluate(node.value, scope)
            except Unresolved as error:
                if self._world.state.passes(error):
                    raise
                self._forget(node.value, scope, error)

    def _forget(self, node: ast.expr, scope: Scope, error: Unresolved) -> None:
        """Taint what a call that could not be evaluated may have changed."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
                self._taint(name, scope, error)

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self._world.attempt(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self._world.attempt(node.value, scope), scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target of any form to a value."""
        match target:
            case ast.Name():
                self.bind(scope, target.id, value)
            case ast.Tuple() | ast.List():
                self._unpack(target, value, scope)
            case ast.Starred():
                self.assign(target.value, value, scope)
            case ast.Attribute():
                self._set_attribute(target, value, scope)
            case ast.Subscript():
                self._set_item(target, value, scope)

    def _unpack(self, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
        if isinstance(value, Unknown):
            for element in target.elts:
                self.assign(element, value, scope)
            return
        items = self._world.iterate(value)
        star = next((i for i, e in enumerate(target.elts) if isinstance(e, ast.Starred)), None)
        if star is not None:
            after = len(target.elts) - star - 1
            items = [*items[:star], items[star : len(items) - after], *items[len(items) - after :]]
        if len(items) != len(target.elts):
            raise Raised("ValueError", "the number of values to unpack is wrong")
        for element, item in zip(target.elts, items, strict=True):
            self.assign(element, item, scope)

    def _set_attribute(self, target: ast.Attribute, value: Value, scope: Scope) -> None:
        match self._world.evaluate(target.value, scope):
            case Instance() as owner:
                owner.attributes[target.attr] = value
            case ClassValue() as owner:
                self.bind(owner.scope, target.attr, value)
            case FunctionValue() as owner if target.attr == "__signature__":
                owner.replaced = Unresolved("its signature is replaced", target, scope.module)
            case ModuleValue() as owner if owner.module.scope is not None:
                self.bind(owner.module.scope, target.attr, value)

    def _set_item(self, target: ast.Subscript, value: Value, scope: Scope) -> None:
        owner = self._world.evaluate(target.value, scope)
        doubt = self._world.state.uncertain
        if isinstance(owner, External) and owner.name == "os.environ":
            if isinstance(value, str) and doubt is None:
                self._world.state.setenv(str(self._world.evaluate(target.slice, scope)), value)
        elif isinstance(owner, dict | list):
            try:
                if doubt is not None:
                    raise doubt
                owner[self._world.evaluate(target.slice, scope)] = value
            except Unresolved as error:
                self._world.state.taint(owner, error.at(target, scope.module))

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        target = node.target
        before_it = ast.copy_location(loaded(target), target)
        binary = ast.copy_location(ast.BinOp(before_it, node.op, node.value), node)
        try:
            before = self._world.evaluate(before_it, scope)
        except Unresolved as error:
            self.assign(target, Unknown(error), scope)
            return
        if isinstance(before, list) and isinstance(node.op, ast.Add):
            extend = ast.Call(ast.Attribute(before_it, "extend", ast.Load()), [node.value], [])
            self._expression(
                ast.Expr(ast.fix_missing_locations(ast.copy_location(extend, node))), scope
            )
        else:
            self.assign(target, self._world.attempt(binary, scope), scope)

    def _delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            match target:
                case ast.Name(id=name):
                    scope.names.pop(name, None)
                case ast.Subscript():
                    owner = self._world.evaluate(target.value, scope)
                    if isinstance(owner, dict | list):
                        del owner[self._world.evaluate(target.slice, scope)]

    def _global(self, node: ast.Global, scope: Scope) -> None:
        top = scope
        while top.parent is not None:
            top = top.parent
        scope.outer.update(dict.fromkeys(node.names, top))

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for name, value in bindings(self._world, node, scope.module):
            self.bind(scope, name, value)

    # Definitions

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        defaults = self._defaults(node.args, scope)
        reads = dict.fromkeys(defaults, frozenset(self._world.state.reads))
        decorators = tuple(self._world.attempt(d, scope) for d in node.decorator_list)
        function = FunctionValue(node, scope, defaults, reads, decorators)
        self.bind(scope, node.name, self._decorate(function))

    def _decorate(self, function: FunctionValue) -> FunctionValue:
        """Apply the project's own decorators, innermost first, as far as they can be followed."""
        result = function
        for decorator in reversed(function.decorators):
            if isinstance(decorator, FunctionValue):
                try:
                    wrapper = self._world.call(decorator, [result], {})
                except Unresolved:
                    continue
                if isinstance(wrapper, FunctionValue) and wrapper is not result:
                    wrapper.wraps = result if passes_on(wrapper) else None
                    result = wrapper
        return result

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        bases = tuple(self._world.attempt(base, scope) for base in node.bases)
        keywords = {k.arg: self._world.attempt(k.value, scope) for k in node.keywords if k.arg}
        decorators = tuple(self._world.attempt(d, scope) for d in node.decorator_list)
        body = scope.inner(is_class=True)
        body.names["__qualname__"] = node.name
        self.run(node.body, body, fresh=not inside_function(scope))
        cls = ClassValue(node, body, bases, decorators, keywords)
        self.bind(scope, node.name, cls)
        for decorator in decorators:
            if isinstance(decorator, FunctionValue):
                self._world.call(decorator, [cls], {})

    # Branches and loops

    def _if(self, node: ast.If, scope: Scope) -> None:
        try:
            test = self._world.evaluate(node.test, scope)
            if isinstance(test, External) and test.name == "typing.TYPE_CHECKING":
                self.run(node.body, scope)
                self.run(node.orelse, scope)
                return
            chosen = node.body if self._world.truth(test) else node.orelse
        except Unresolved as error:
            if self._world.state.passes(error):
                raise
            self._either(node, scope, error.at(node.test, scope.module))
            return
        self.run(chosen, scope)

    def _either(self, node: ast.If, scope: Scope, error: Unresolved) -> None:
        """Carry out both branches, since the condition is not known, and keep what they share."""
        if fails(node.body) or fails(node.orelse):
            self.run(node.orelse if fails(node.body) else node.body, scope)
            return
        if any(isinstance(part, _LEAVING) for part in own_nodes(node)):
            raise _PerhapsLeft(error.reason, error.node, error.module)
        before = dict(scope.names)
        with self._world.state.doubt(error):
            self.run(node.body, scope)
            first, scope.names = scope.names, dict(before)
            self.run(node.orelse, scope)
        for name, value in first.items():
            if name not in scope.names:
                scope.names[name] = value
            elif not self._same(value, scope.names[name]):
                scope.names[name] = Unknown(error)

    def _same(self, left: Value, right: Value) -> bool:
        if left is right:
            return True
        left, right = self._followed(left), self._followed(right)
        if type(left) is not type(right) or isinstance(left, Unknown):
            return False
        weigh(left, self._world.state.budget)
        return bool(left == right)

    def _followed(self, value: Value) -> Value:
        """Return what an import bound: one branch may have used the name, the other not."""
        if not isinstance(value, Imported):
            return value
        try:
            return self._world.follow(value)
        except Unresolved as error:
            return Unknown(error)

    def _for(self, node: ast.For, scope: Scope) -> None:
        self._repeat(node, self._each_item(node, scope), scope)

    def _each_item(self, node: ast.For, scope: Scope) -> Iterator[None]:
        for item in self._world.iterate(self._world.evaluate(node.iter, scope)):
            self.assign(node.target, item, scope)
            yield

    def _while(self, node: ast.While, scope: Scope) -> None:
        self._repeat(node, self._while_true(node, scope), scope)

    def _while_true(self, node: ast.While, scope: Scope) -> Iterator[None]:
        while self._world.truth(self._world.evaluate(node.test, scope)):
            self._world.state.budget.spend()
            yield

    def _repeat(self, node: ast.For | ast.While, turns: Iterator[None], scope: Scope) -> None:
        """Run a loop's body once for each of `turns`."""
        try:
            for _ in turns:
                with suppress(_Continued):
                    self.run(node.body, scope)
        except _Broken:
            return
        except _PerhapsLeft as error:
            raise Unresolved(error.reason, error.node, error.module) from error
        self.run(node.orelse, scope)

    def _break(self, node: ast.Break, scope: Scope) -> None:
        raise _Broken

    def _continue(self, node: ast.Continue, scope: Scope) -> None:
        raise _Continued

    def _return(self, node: ast.Return, scope: Scope) -> None:
        raise Returned(None if node.value is None else self._world.evaluate(node.value, scope))

    def _raise(self, node: ast.Raise, scope: Scope) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = raised.id if isinstance(raised, ast.Name) else "Exception"
        raise Raised(name, "", node, scope.module)

    def _with(self, node: ast.With, scope: Scope) -> None:
        for item in node.items:
            value = self._world.attempt(item.context_expr, scope)
            if item.optional_vars is not None:
                unknown = Unresolved("what a context manager gives is not evaluated")
                unknown.at(node, scope.module)
                known = isinstance(value, OpenFile | Unknown)
                self.assign(item.optional_vars, value if known else Unknown(unknown), scope)
        self.run(node.body, scope)

    def _try(self, node: ast.Try, scope: Scope) -> None:
        try:
            with self._world.state.guard():
                self.run(node.body, scope)
            self.run(node.orelse, scope)
        except Raised as error:
            handler = next((h for h in node.handlers if handles(h, error)), None)
            if handler is None:
                raise
            if handler.name:
                self.bind(scope, handler.name, Unknown(error))
            self.run(handler.body, scope)
        finally:
            self.run(node.finalbody, scope)


def _nothing(node: ast.stmt, scope: Scope) -> None:
    """Do nothing."""

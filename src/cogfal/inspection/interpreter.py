"""Read modules of the project: names, imports and calls of the author's functions."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import enum
import pathlib
import typing
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Final

from cogfal.errors import PredictorError
from cogfal.guest.naming import COG_ROOTS
from cogfal.inspection import attributes, calls
from cogfal.inspection.expressions import PYTHON_ERRORS, Expressions
from cogfal.inspection.library import outside
from cogfal.inspection.operands import truth
from cogfal.inspection.source import Module, Progress, Project
from cogfal.inspection.statements import Returned, Statements
from cogfal.inspection.syntax import yields
from cogfal.inspection.values import (
    External,
    FunctionValue,
    HostPath,
    Imported,
    ModuleValue,
    Raised,
    Scope,
    Unknown,
    Unresolved,
    Value,
)
from cogfal.inspection.world import State

MAX_CALLS: Final = 25

COG_NAMES: Final = (
    *("AsyncConcatenateIterator", "AsyncIterator", "BaseModel", "BasePredictor", "BaseRunner"),
    *("CancelationException", "ConcatenateIterator", "ExperimentalFeatureWarning", "File"),
    *("Input", "Opaque", "Path", "Secret", "URLFile", "URLPath", "concurrent", "current_scope"),
    *("emit_metric", "streaming"),
)

_STARRED: Final[dict[str, Sequence[str]]] = {
    "cog": COG_NAMES,
    "cogfal": COG_NAMES,
    "dataclasses": dataclasses.__all__,
    "enum": enum.__all__,
    "pathlib": pathlib.__all__,
    "typing": typing.__all__,
}


class Interpreter:
    """Evaluates the text of a project's modules, each at most once."""

    def __init__(self, project: Project, environ: Mapping[str, str] | None = None) -> None:
        self.state = State(project, environ)
        self._expressions = Expressions(self)
        self._statements = Statements(self, self._expressions.defaults)
        self._calls = 0
        self.evaluate = self._expressions.evaluate
        self.attempt = self._expressions.attempt
        self.iterate = self._expressions.iterate
        self.truth = truth
        self.assign = self._statements.assign

    def load(self, module: Module) -> Scope:
        """Return the names of a module, reading it if that has not begun."""
        if module.scope is None:
            module.scope = Scope(module)
            module.scope.names["__name__"] = module.name
            module.scope.names["__file__"] = HostPath(module.path)
            module.progress = Progress.RUNNING
            reads, doubt, guarded = self.state.reads, self.state.uncertain, self.state.guarded
            self.state.reads, self.state.uncertain, self.state.guarded = set(), None, 0
            self._statements.run(module.tree.body, module.scope, fresh=True)
            self.state.reads, self.state.uncertain, self.state.guarded = reads, doubt, guarded
            module.progress = Progress.READ
        return module.scope

    def look_up(self, name: str, scope: Scope) -> Value:
        """Return what a name stands for in a scope.

        Raises:
            Unresolved: It is not known.
        """
        owner = scope.owner(name)
        if owner is None:
            return self._unbound(name, scope)
        self.state.reads.update(owner.reads.get(name, ()))
        value = owner.names[name]
        if isinstance(value, Imported):
            value = self.follow(value)
            owner.names[name] = value
        if isinstance(value, Unknown):
            raise value.error
        return self.state.checked(value)

    def _unbound(self, name: str, scope: Scope) -> Value:
        stars = [key[1:] for key in self._module_names(scope) if key.startswith("*")]
        for module in stars:
            if name in _STARRED.get(module, ()):
                return outside(f"{module}.{name}")
        if hasattr(builtins, name):
            return External(f"builtins.{name}")
        foreign = [module for module in stars if module not in _STARRED]
        if foreign:
            raise Unresolved(f"it may come from {foreign[0]}, which is not part of the project")
        raise Raised("NameError", f"name {name!r} is not defined")

    def _module_names(self, scope: Scope) -> Mapping[str, Value]:
        return scope.module.scope.names if scope.module.scope is not None else {}

    def member(self, module: Module, name: str) -> Value:
        """Return what a name stands for in a module: bound there, or a submodule.

        Raises:
            Unresolved: It is not known; `Raised` ImportError where it does not exist.
        """
        scope = self.load(module)
        if name in scope.names:
            return self.look_up(name, scope)
        if module.folder is not None:
            inner = self.state.project.below(module.folder, name)
            if inner is not None:
                return ModuleValue(inner)
        if module.progress is Progress.RUNNING:
            raise Unresolved(f"{module.relative} is imported while it is still being read")
        if name.startswith("__"):
            raise Raised("ImportError", f"cannot import name {name!r} from {module.relative}")
        try:
            return self._unbound(name, scope)
        except Raised:
            raise Raised("ImportError", f"no {name!r} in {module.relative}") from None

    def follow(self, imported: Imported) -> Value:
        """Return what an import statement bound.

        Raises:
            Unresolved: It is not known; `Raised` ImportError where it does not exist.
        """
        try:
            return self._follow(imported, ())
        except Unresolved as error:
            raise error.at(imported.node, imported.importer) from None
        except PredictorError as error:
            reason = f"the imported file cannot be read: {error}"
            raise Unresolved(reason, imported.node, imported.importer) from error

    def _follow(self, imported: Imported, chain: tuple[Imported, ...]) -> Value:
        if imported in chain:
            raise Unresolved("the import leads back to itself")
        module = self._find(imported)
        if module is None:
            if imported.level:
                raise Raised("ImportError", f"no module {imported.module!r} beside this file")
            dotted = ".".join(filter(None, (imported.module, imported.attribute)))
            return outside(dotted)
        if imported.attribute is None:
            return ModuleValue(module)
        scope = self.load(module)
        bound = scope.names.get(imported.attribute)
        if isinstance(bound, Imported):
            self.state.reads.update(scope.reads.get(imported.attribute, ()))
            return self._follow(bound, (*chain, imported))
        if not module.text and bound is None and not self._has(module, imported.attribute):
            return outside(f"{imported.module}.{imported.attribute}")
        return self.member(module, imported.attribute)

    def _has(self, module: Module, name: str) -> bool:
        assert module.folder is not None
        return self.state.project.below(module.folder, name) is not None

    def _find(self, imported: Imported) -> Module | None:
        project = self.state.project
        if imported.level:
            folder = imported.importer.folder or imported.importer.path.parent
            for _ in range(imported.level - 1):
                folder = folder.parent
            if not folder.is_relative_to(project.root):
                raise Raised("ImportError", "a relative import beyond the project")
            return project.below(folder, imported.module)
        top, _, rest = imported.module.partition(".")
        if top in COG_ROOTS and not rest:
            return None
        return project.find(imported.module)

    def attribute(self, value: Value, name: str) -> Value:
        """Return an attribute of a value."""
        return attributes.attribute(self, value, name)

    def call(
        self, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        """Return the result of a call."""
        if isinstance(function, Unknown):
            raise function.error
        try:
            return calls.call(self, function, positional, keywords)
        except PYTHON_ERRORS as error:
            raise Raised(type(error).__name__, str(error)) from error

    def run(
        self,
        function: FunctionValue,
        positional: Sequence[Value],
        keywords: MutableMapping[str, Value],
    ) -> Value:
        """Return the result of a call of one of the author's functions.

        Raises:
            Unresolved: It cannot be told, or the function is a generator or coroutine function.
        """
        node = function.node
        if isinstance(node, ast.AsyncFunctionDef) or yields(node):
            raise Unresolved("the result of a generator or coroutine function is not evaluated")
        scope = function.scope.inner()
        self._bind_arguments(function, positional, keywords, scope)
        self._calls += 1
        try:
            if self._calls > MAX_CALLS:
                raise Unresolved("calls nested too deeply")
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, scope)
            self._statements.run(node.body, scope)
        except Returned as returned:
            return returned.value
        finally:
            self._calls -= 1
        return None

    def _bind_arguments(
        self,
        function: FunctionValue,
        positional: Sequence[Value],
        keywords: MutableMapping[str, Value],
        scope: Scope,
    ) -> None:
        args = function.node.args
        plain = [a.arg for a in (*args.posonlyargs, *args.args)]
        given = dict(zip(plain, positional, strict=False))
        for name in (*plain, *(a.arg for a in args.kwonlyargs)):
            if name in given:
                continue
            if name in keywords:
                given[name] = keywords.pop(name)
            elif name in function.defaults:
                given[name] = function.defaults[name]
            else:
                raise Raised("TypeError", f"{function.name}() misses the argument {name!r}")
        if args.vararg is not None:
            given[args.vararg.arg] = tuple(positional[len(plain) :])
        elif len(positional) > len(plain):
            raise Raised("TypeError", f"{function.name}() takes fewer arguments")
        if args.kwarg is not None:
            given[args.kwarg.arg] = dict(keywords)
        elif keywords:
            raise Raised("TypeError", f"{function.name}() does not take {next(iter(keywords))!r}")
        scope.names.update(given)

"""What the parts of the evaluation ask of each other, and the state that they share."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from cogfal.inspection.limits import Budget
from cogfal.inspection.source import Module, Project
from cogfal.inspection.values import FunctionValue, Imported, Raised, Scope, Unresolved, Value


class State:
    """The state of one reading: allowance, environment, and what has become uncertain."""

    def __init__(self, project: Project, environ: Mapping[str, str] | None = None) -> None:
        self.project = project
        self.budget = Budget()
        self.reads: set[str] = set()
        """Environment variables that the present statement has read."""
        self.guarded = 0
        """How many `try` blocks are around the present statement."""
        self.uncertain: Unresolved | None = None
        """Why it is not known whether the present statement is run at all."""
        self._environ = dict(os.environ if environ is None else environ)
        self._written: dict[str, str] = {}
        self._tainted: dict[int, tuple[Value, Unresolved]] = {}

    def taint(self, value: Value, error: Unresolved) -> None:
        """Note that the contents of a list, dict or set are no longer known."""
        if isinstance(value, list | dict | set):
            self._tainted[id(value)] = (value, error)

    def checked(self, value: Value) -> Value:
        """Return `value`.

        Raises:
            Unresolved: Its contents are not known.
        """
        if self._tainted and id(value) in self._tainted:
            raise self._tainted[id(value)][1]
        return value

    def getenv(self, name: str) -> str | None:
        """Return an environment variable, as the text or else the deploying machine sets it."""
        if name in self._written:
            return self._written[name]
        self.reads.add(name)
        return self._environ.get(name)

    def setenv(self, name: str, value: str) -> None:
        """Note that the text sets an environment variable."""
        self._written[name] = value

    @contextmanager
    def doubt(self, error: Unresolved) -> Iterator[None]:
        """Treat everything inside as perhaps not run."""
        before = self.uncertain
        self.uncertain = error
        try:
            yield
        finally:
            self.uncertain = before

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let exceptions that the author's code raises pass, since it may handle them."""
        self.guarded += 1
        try:
            yield
        finally:
            self.guarded -= 1

    def passes(self, error: Unresolved) -> bool:
        """Whether `error` is an exception that author code around it may handle."""
        return self.guarded > 0 and isinstance(error, Raised)


class World(Protocol):
    """The evaluation as its parts see it. All of it raises `Unresolved`."""

    state: State

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression."""

    def attempt(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression, or `Unknown`."""

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target to a value."""

    def look_up(self, name: str, scope: Scope) -> Value:
        """Return what a name stands for."""

    def member(self, module: Module, name: str) -> Value:
        """Return what a name stands for in a module of the project."""

    def follow(self, imported: Imported) -> Value:
        """Return what an import statement bound."""

    def attribute(self, value: Value, name: str) -> Value:
        """Return an attribute."""

    def call(
        self, function: Value, positional: Sequence[Value], keywords: Mapping[str, Value]
    ) -> Value:
        """Return the result of a call."""

    def run(
        self,
        function: FunctionValue,
        positional: Sequence[Value],
        keywords: MutableMapping[str, Value],
    ) -> Value:
        """Return the result of a call of a function of the project."""

    def iterate(self, value: Value) -> list[Value]:
        """Return the items of an iterable."""

    def truth(self, value: Value) -> bool:
        """Return whether a value counts as true."""

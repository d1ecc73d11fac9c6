"""What an expression in the author's text can stand for, and what is unknown about it.

Plain data (numbers, texts, lists, dicts, sets, ranges) stands for itself; everything else is one of
the classes below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.guest.naming import COG_ROOTS
from cogfal.inspection.source import Module
from cogfal.spec import Location

Value: TypeAlias = Any
"""Plain data, or one of this module's classes."""

Reads: TypeAlias = frozenset[str]
"""Names of environment variables."""

_IMPORTING: Final = "or set `read_by_importing = True` on the App where the packages are installed"
_OPAQUE: Final = "`Annotated[T, Opaque]` for JSON that is passed through"


class Unresolved(Exception):
    """Say that an expression's value is not told by the text, and why."""

    remedy: ClassVar[str] = f"write the value, {_IMPORTING}"

    def __init__(self, reason: str, node: ast.AST | None = None, module: Module | None = None):
        self.reason = reason
        self.node = node
        self.module = module
        self.text = ""
        """The expression, where no node is known."""
        super().__init__(reason)

    def at(self, node: ast.AST, module: Module) -> Unresolved:
        """Fill in the place, unless a more precise one is known."""
        if self.node is None:
            self.node, self.module = node, module
        return self

    def to_error(self, what: str, fallback: Location) -> PredictorError:
        """Turn it into the error that the user reads; `what` is the thing that was wanted."""
        where, source = self._place(fallback)
        shown = f"`{source}` ({self.reason})" if source else self.reason
        told = f"{what} is not told by the text: {shown}"
        return UnresolvedExpression(told, source=source, where=where, remedy=self.remedy)

    def _place(self, fallback: Location) -> tuple[Location, str]:
        if self.node is None or self.module is None:
            return fallback, self.text
        return self.module.location(self.node), self.module.segment(self.node)


class Unsupported(Unresolved):
    """Say that something is known, but cannot be served."""

    remedy = f"use a type that Cog documents, or {_OPAQUE}"

    def to_error(self, what: str, fallback: Location) -> PredictorError:
        """Turn it into the error that the user reads; `what` is the thing that was wanted."""
        where, source = self._place(fallback)
        shown = f"`{source}` ({self.reason})" if source else self.reason
        told = f"{what} cannot be served: {shown}"
        return UnsupportedSignature(told, where=where, remedy=self.remedy)


class Foreign(Unresolved):
    """Say that a type belongs to a package that is not part of the project."""

    remedy = f"use a type that Cog documents, {_OPAQUE}, {_IMPORTING}"


class Raised(Unresolved):
    """Say that the author's code raises an exception here; `exception` is its class's name."""

    def __init__(
        self,
        exception: str,
        message: str,
        node: ast.AST | None = None,
        module: Module | None = None,
    ):
        self.exception = exception
        super().__init__(f"raises {exception}: {message}" if message else f"raises {exception}")
        self.node, self.module = node, module


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known; using it raises `error`."""

    error: Unresolved


@dataclass(frozen=True, slots=True)
class External:
    """Something that lies outside the project, by its dotted name."""

    name: str

    @property
    def canonical(self) -> str:
        """The name, with everything in Cog's package and in ours under `cog.`."""
        parts = self.name.split(".")
        return f"cog.{parts[-1]}" if parts[0] in COG_ROOTS and len(parts) > 1 else self.name


@dataclass(frozen=True, slots=True)
class Imported:
    """A name bound by an import statement that has not been followed yet."""

    module: str
    attribute: str | None
    level: int
    importer: Module
    node: ast.AST = field(compare=False)


@dataclass(eq=False, slots=True)
class Scope:
    """The names of a module, class or function body; `parent` is where a missing name is sought."""

    module: Module
    parent: Scope | None = None
    is_class: bool = False
    names: dict[str, Value] = field(default_factory=dict)
    reads: dict[str, Reads] = field(default_factory=dict)
    outer: dict[str, Scope] = field(default_factory=dict)

    def owner(self, name: str) -> Scope | None:
        """Return the scope that binds `name`."""
        scope: Scope | None = self.outer.get(name, self)
        while scope is not None and name not in scope.names:
            scope = scope.parent
        return scope

    def inner(self, *, is_class: bool = False) -> Scope:
        """Return a scope for a body inside this one; class bodies are invisible to functions."""
        parent: Scope | None = self
        while parent is not None and parent.is_class:
            parent = parent.parent
        return Scope(self.module, parent, is_class)


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module of the project."""

    module: Module


@dataclass(eq=False, slots=True)
class FunctionValue:
    """A function of the project, with its defaults as they were when it was defined."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: Mapping[str, Value]
    reads: Mapping[str, Reads] = field(default_factory=dict)
    decorators: tuple[Value, ...] = ()
    wraps: FunctionValue | None = None
    """The function that this one passes its arguments on to."""
    replaced: Unresolved | None = None
    """Set where the text gives it another `__signature__`."""

    @property
    def name(self) -> str:
        """The name it was defined with."""
        return getattr(self.node, "name", "<lambda>")

    def has_decorator(self, name: str) -> bool:
        """Whether a decorator with that canonical name was applied."""
        return any(isinstance(d, External) and d.canonical == name for d in self.decorators)


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the project."""

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...]
    decorators: tuple[Value, ...]
    keywords: Mapping[str, Value]

    @property
    def name(self) -> str:
        """The name it was defined with."""
        return self.node.name

    @property
    def module(self) -> Module:
        """The module it was defined in."""
        return self.scope.module


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the project."""

    owner: ClassValue
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class BoundMethod:
    """A function of the project together with its first argument."""

    function: FunctionValue
    owner: Value


@dataclass(frozen=True, slots=True)
class DataMethod:
    """A method of plain data, such as `"a".join`."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an Enum class."""

    owner: ClassValue
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Auto:
    """`enum.auto()`."""


@dataclass(frozen=True, order=True, slots=True)
class PathText:
    """A path as the author wrote it."""

    text: str


@dataclass(frozen=True, order=True, slots=True)
class HostPath:
    """A path below the project's folder on this machine: good for imports, not as a default."""

    path: Path


@dataclass(eq=False, slots=True)
class OpenFile:
    """A data file of the project, opened for reading."""

    text: str


@dataclass(frozen=True, slots=True)
class Subscripted:
    """A generic type with its arguments, `Optional[str]`; unions too."""

    base: Value
    arguments: tuple[Value, ...]
    scope: Scope = field(compare=False)


@dataclass(eq=False, slots=True)
class Call:
    """A call of `Input()`, `Field()`, `field()` and the like, kept for whoever understands it."""

    function: External
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]


UNION: Final = External("typing.Union")


def mro(cls: ClassValue) -> tuple[Value, ...]:
    """Return the classes in which Python looks for an attribute, `cls` first (C3).

    Raises:
        Unresolved: The bases cannot be ordered, or one of them is not known.
    """
    return tuple(_linearise(cls, ()))


def _linearise(cls: Value, above: tuple[ClassValue, ...]) -> list[Value]:
    if isinstance(cls, Subscripted):
        return _linearise(cls.base, above)
    if isinstance(cls, Unknown):
        raise Unresolved(cls.error.reason, cls.error.node, cls.error.module)
    if not isinstance(cls, ClassValue):
        return [cls]
    if cls in above:
        raise Unresolved("a class that inherits from itself", cls.node, cls.module)
    orders = [_linearise(base, (*above, cls)) for base in cls.bases]
    return [cls, *_merge([*orders, [order[0] for order in orders]], cls)]


def _merge(orders: list[list[Value]], cls: ClassValue) -> Iterator[Value]:
    orders = [order for order in orders if order]
    while orders:
        heads = (order[0] for order in orders)
        head = next((h for h in heads if not any(h in order[1:] for order in orders)), None)
        if head is None:
            raise Unresolved("bases that Python cannot order", cls.node, cls.module)
        yield head
        orders = [rest for order in orders if (rest := [c for c in order if c != head])]

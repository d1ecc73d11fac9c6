"""What the text does not tell: unknown values, the errors that they become, and who meets them."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeAlias

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.reading.source import text_of
from cogfal.spec import Location

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.source import Module

Value: TypeAlias = Any
"""A real value, a function, class or object of the author's, or `Unknown`."""

Values: TypeAlias = Sequence[Value]
Named: TypeAlias = Mapping[str, Value]
Flow: TypeAlias = Generator[Value, Value, Any]
"""Statements that are being carried out, and what they yield."""

ABSENT: Final = object()
"""Stands where there is no value at all."""

_IMPORTING: Final = "or set `read_by_importing = True` on the App where the packages are installed"
_OPAQUE: Final = "`Annotated[T, Opaque]` for JSON that is passed through"


class Unresolved(Exception):
    """Say that something the signature needs is not told by the text, and why."""

    remedy: ClassVar[str] = f"write the value, {_IMPORTING}"

    def __init__(
        self, reason: str, node: ast.AST | None = None, module: Module | None = None, text: str = ""
    ) -> None:
        self.reason, self.node, self.module, self.text = reason, node, module, text
        super().__init__(reason)

    def to_error(self, what: str, fallback: Location) -> PredictorError:
        """Turn it into the error that the user reads; `what` is the thing that was wanted."""
        where, source = fallback, self.text
        if self.node is not None and self.module is not None:
            source = self.module.segment(self.node)
            where = fallback if text_of(self.node) else self.module.location(self.node)
        shown = f"`{source}` ({self.reason})" if source else self.reason
        if isinstance(self, Unsupported):
            told = f"{what} cannot be served: {shown}"
            return UnsupportedSignature(told, where=where, remedy=self.remedy)
        told = f"the text does not tell {what}: {shown}"
        return UnresolvedExpression(told, source=source, where=where, remedy=self.remedy)


class Unsupported(Unresolved):
    """Say that something is known, but cannot be served."""

    remedy = f"use a type that Cog documents, or {_OPAQUE}"


class Foreign(Unresolved):
    """Say that a type belongs to a package that is not part of the project."""

    remedy = f"use a type that Cog documents, {_OPAQUE}, {_IMPORTING}"


class _Doubt(BaseException):
    def __init__(self, unknown: Unknown) -> None:
        self.unknown = unknown
        super().__init__()


class Touched(_Doubt):
    """Say that the result of an operation is not known: it looked into an unknown value, say."""


class GivenUp(_Doubt):
    """Say that a function or statement is not evaluated to its end, and why.

    `far` where it is too much work or too deep, so that whoever called had better give up as well.
    """

    def __init__(self, unknown: Unknown, *, far: bool = False) -> None:
        self.far = far
        super().__init__(unknown)


class Beyond(_Doubt):
    """Say that a text does what changes all that comes after, and is not followed."""


class UnknownError(_Doubt, Exception):
    """An exception that unknown code may raise; which one is not known."""


class Carried(Exception):
    """Carries a `StopIteration` of the author's through generators of our own."""

    def __init__(self, error: StopIteration) -> None:
        self.error = error
        super().__init__()


def bare(error: Exception) -> Exception:
    """Return the author's exception."""
    return error.error if isinstance(error, Carried) else error


@dataclass(eq=False, repr=False, slots=True)
class Unknown:
    """A value that is not known, and why: every operation of Python's on it raises `Touched`.

    `dotted` is its name where it is something outside the project, `about` the values that it may
    be or hold, `members` the members where it may be a union of types; `standard` says that it may
    come from Python's library, which does more to what it decorates than a package.
    """

    reason: str
    node: ast.AST | None = None
    module: Module | None = None
    dotted: str = field(default="", kw_only=True)
    about: tuple[Value, ...] = field(default=(), kw_only=True)
    members: tuple[Value, ...] = field(default=(), kw_only=True)
    standard: bool = field(default=False, kw_only=True)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Touched(self)  # Python's own code asks for it

    def holding(self, about: tuple[Value, ...]) -> Unknown:
        """Return it as something through which these values may be reached."""
        return self._altered(about=about)

    def alone(self) -> Unknown:
        """Return an unknown value for the same reason, through which nothing is reached."""
        return Unknown(self.reason, self.node, self.module)

    def at(self, node: ast.AST, module: Module) -> Unknown:
        """Return it with a place, unless a more precise one is known."""
        return self if self.node is not None else self._altered(node=node, module=module)

    def _altered(self, **changes: Value) -> Unknown:
        made = object.__new__(type(self))
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                setattr(made, name, changes[name] if name in changes else getattr(self, name))
        return made

    def possibly(self) -> Values:
        """Return what it may be; itself where it comes from outside."""
        return (self,)

    def error(self) -> Unresolved:
        """Return the error of needing it."""
        return Unresolved(self.reason, self.node, self.module, self.dotted)


def _touched(unknown: Unknown, *_: Any, **__: Any) -> NoReturn:
    raise Touched(unknown)


for _name in (
    "eq ne lt le gt ge hash bool len iter next contains getitem str repr format bytes int float "
    "index complex round abs neg pos invert fspath add radd sub rsub mul rmul truediv rtruediv "
    "floordiv rfloordiv mod rmod pow rpow and rand or ror xor rxor lshift rlshift rshift rrshift "
    "matmul rmatmul divmod rdivmod reversed copy deepcopy reduce_ex enter exit call"
).split():
    setattr(Unknown, f"__{_name}__", _touched)


@dataclass(eq=False, repr=False, slots=True)
class Possible(Unknown):
    """An unknown value that is likely to be one of `about`; `absent` where it may not be there."""

    absent: bool = field(default=False, init=False)

    @classmethod
    def of(cls, why: Unknown, values: Sequence[Value], *, absent: bool = False) -> Possible:
        """Return what stands for one of `values`, for the reason of `why`."""
        found: dict[int, Value] = {}
        for value in values:
            for each in value.about if isinstance(value, Possible) else (value,):
                found[0 if _is_empty(each) else id(each)] = each
        made = cls(why.reason, why.node, why.module, about=tuple(found.values()))
        made.absent = absent or any(map(may_be_absent, values))
        made.standard = any(isinstance(e, Unknown) and e.standard for e in made.about)
        return made

    def possibly(self) -> Values:
        """Return what it may be."""
        return self.about


for _kind in (Possible, Unknown):
    del _kind.__dataclass_fields__  # by which Python's own code would look into it


def _is_empty(value: Value) -> bool:
    return isinstance(value, Unknown) and not value.dotted and not value.about


def is_lost(value: Value, why: Unknown) -> bool:
    """Whether a value is already taken as one that may be `why`."""
    empty = _is_empty(why)
    return isinstance(value, Possible) and any(
        each is why or (empty and _is_empty(each)) for each in value.about
    )


def may_be_absent(value: Value) -> bool:
    """Whether a name or attribute that stands for this value is perhaps not there at all."""
    return isinstance(value, Possible) and value.absent


@contextmanager
def needed(what: str, where: Location) -> Iterator[None]:
    """Turn what is not known inside into the user's error; `what` is the thing that is needed."""
    try:
        yield
    except (Touched, GivenUp, Beyond) as error:
        raise error.unknown.error().to_error(what, where) from None
    except Unresolved as error:
        raise error.to_error(what, where) from error


def reached(values: Iterable[Value], parts: Callable[[Value], Iterable[Value]]) -> Iterator[Value]:
    """Yield `values` and whatever is reached from them by `parts`, each once."""
    pending, seen = list(values), dict[int, Value]()
    while pending:
        value = pending.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            yield value
            pending.extend(parts(value))


def contained(value: Value) -> Iterable[Value]:
    """Return what plain data holds."""
    if isinstance(value, dict):
        return (*value, *value.values())
    if isinstance(value, slice):
        return (value.start, value.stop, value.step)
    return value if isinstance(value, (list, tuple, set, frozenset, deque)) else ()


def unknown_in(value: Value, most: int = 20_000) -> Unknown | None:
    """Return an unknown value that plain data holds, at any depth."""
    pending, seen = [value], 0
    while pending:
        item = pending.pop()
        seen += 1
        if isinstance(item, Unknown):
            return item
        if seen > most:
            return Unknown("too large to evaluate")
        pending.extend(contained(item))
    return None


def known(value: Value) -> Value:
    """Return a value that is known."""
    if isinstance(value, Unknown):
        raise Touched(value)
    return value


def refused(reason: str, *about: Value) -> Touched:
    """Return what is raised where the result of an operation stays unknown, for this reason."""
    return Touched(Unknown(reason, about=about))


def require_known(value: Value) -> None:
    """Leave the result of an operation unknown where a value of plain data is, at any depth."""
    found = unknown_in(value)
    if found is not None:
        raise Touched(found)


class Atomic:
    """Is its own copy, as functions and modules are in Python."""

    __slots__ = ()

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Part(Atomic):
    """A part of the interpreter, which reaches the others through `_world`.

    Every method that looks into a value raises `Touched` where the value is not known, and
    Python's own exceptions where Python would.
    """

    def __init__(self, world: Interpreter) -> None:
        self._world = world

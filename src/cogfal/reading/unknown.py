"""What the text does not tell: unknown values, and the errors that they become."""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeAlias

from cogfal.errors import PredictorError, UnresolvedExpression, UnsupportedSignature
from cogfal.spec import Location

if TYPE_CHECKING:
    from cogfal.reading.source import Module

Value: TypeAlias = Any
"""A real value, a function, class or object of the author's, or `Unknown`."""

Values: TypeAlias = Sequence[Value]
Named: TypeAlias = Mapping[str, Value]
Flow: TypeAlias = Generator[Value, Value, Any]
"""Statements that are being carried out, and what they yield."""

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
        where, source, shown = self._parts(fallback)
        told = f"{what} is not told by the text: {shown}"
        return UnresolvedExpression(told, source=source, where=where, remedy=self.remedy)

    def _parts(self, fallback: Location) -> tuple[Location, str, str]:
        where, source = fallback, self.text
        if self.node is not None and self.module is not None:
            where, source = self.module.location(self.node), self.module.segment(self.node)
        return where, source, f"`{source}` ({self.reason})" if source else self.reason


class Unsupported(Unresolved):
    """Say that something is known, but cannot be served."""

    remedy = f"use a type that Cog documents, or {_OPAQUE}"

    def to_error(self, what: str, fallback: Location) -> PredictorError:
        """Turn it into the error that the user reads; `what` is the thing that was wanted."""
        where, _, shown = self._parts(fallback)
        told = f"{what} cannot be served: {shown}"
        return UnsupportedSignature(told, where=where, remedy=self.remedy)


class Foreign(Unresolved):
    """Say that a type belongs to a package that is not part of the project."""

    remedy = f"use a type that Cog documents, {_OPAQUE}, {_IMPORTING}"


class Touched(BaseException):
    """Say that the result of an operation is not known: it looked into an unknown value, say."""

    def __init__(self, unknown: Unknown) -> None:
        self.unknown = unknown
        super().__init__()


class GivenUp(BaseException):
    """Say that a function or statement is not evaluated to its end, and why.

    `far` where it is too much work or too deep, so that whoever called had better give up as well.
    """

    def __init__(self, unknown: Unknown, *, far: bool = False) -> None:
        self.unknown, self.far = unknown, far
        super().__init__()


class UnknownError(Exception):
    """An exception that unknown code may raise; which one is not known."""

    def __init__(self, unknown: Unknown) -> None:
        self.unknown = unknown
        super().__init__()


class Carried(Exception):
    """Carries a `StopIteration` of the author's through generators of our own."""

    def __init__(self, error: StopIteration) -> None:
        self.error = error
        super().__init__()


def bare(error: Exception) -> Exception:
    """Return the author's exception."""
    return error.error if isinstance(error, Carried) else error


class Unknown:
    """A value that is not known, and why: every operation of Python's on it raises `Touched`.

    `dotted` is its name where it is something outside the project, `about` the values that it may
    be or hold, `members` the members where it may be a union of types.
    """

    __slots__ = ("about", "dotted", "members", "module", "node", "reason")

    def __init__(
        self,
        reason: str,
        node: ast.AST | None = None,
        module: Module | None = None,
        *,
        dotted: str = "",
        about: tuple[Value, ...] = (),
        members: tuple[Value, ...] = (),
    ) -> None:
        self.reason, self.node, self.module = reason, node, module
        self.dotted, self.about, self.members = dotted, about, members

    def holding(self, about: tuple[Value, ...]) -> Unknown:
        """Return it as something through which these values may be reached."""
        return type(self)(
            self.reason, self.node, self.module, dotted=self.dotted, about=about,
            members=self.members,
        )  # fmt: skip

    def at(self, node: ast.AST, module: Module) -> Unknown:
        """Return it with a place, unless a more precise one is known."""
        if self.node is not None:
            return self
        return type(self)(
            self.reason, node, module, dotted=self.dotted, about=self.about, members=self.members
        )

    def possibly(self) -> Values:
        """Return what it may be; itself where it comes from outside."""
        return (self,)

    def error(self) -> Unresolved:
        """Return the error of needing it."""
        return Unresolved(self.reason, self.node, self.module, self.dotted)

    def _touched(self, *_: Any, **__: Any) -> NoReturn:
        raise Touched(self)

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _touched
    __hash__ = __bool__ = __len__ = __iter__ = __next__ = __contains__ = __getitem__ = _touched
    __str__ = __repr__ = __format__ = __bytes__ = __int__ = __float__ = __index__ = _touched
    __complex__ = __round__ = __abs__ = __neg__ = __pos__ = __invert__ = __fspath__ = _touched
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _touched
    __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = _touched
    __rpow__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _touched
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __matmul__ = __rmatmul__ = _touched
    __divmod__ = __rdivmod__ = __reversed__ = __copy__ = __deepcopy__ = _touched
    __reduce_ex__ = __enter__ = __exit__ = __call__ = _touched


class Possible(Unknown):
    """An unknown value that is likely to be one of `about`; `absent` where it may not be there."""

    __slots__ = ("absent",)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.absent = False

    @classmethod
    def of(cls, why: Unknown, values: Sequence[Value], *, absent: bool = False) -> Possible:
        """Return what stands for one of `values`, for the reason of `why`."""
        found: dict[int, Value] = {}
        for value in values:
            for each in value.about if isinstance(value, Possible) else (value,):
                bare = isinstance(each, Unknown) and not each.dotted and not each.about
                found[0 if bare else id(each)] = each
        made = cls(why.reason, why.node, why.module, about=tuple(found.values()))
        made.absent = absent or any(map(may_be_absent, values))
        return made

    def possibly(self) -> Values:
        """Return what it may be."""
        return self.about


def may_be_absent(value: Value) -> bool:
    """Whether a name or attribute that stands for this value is perhaps not there at all."""
    return isinstance(value, Possible) and value.absent


@contextmanager
def needed(what: str, where: Location) -> Iterator[None]:
    """Turn what is not known inside into the user's error; `what` is the thing that is needed."""
    try:
        yield
    except (Touched, GivenUp) as error:
        raise error.unknown.error().to_error(what, where) from None
    except Unresolved as error:
        raise error.to_error(what, where) from error


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
        if isinstance(item, (list, tuple, set, frozenset)):
            pending.extend(item)
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, slice):
            pending.extend((item.start, item.stop, item.step))
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

"""The names of a module, class or function body, found as Python finds them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from cogfal.reading.unknown import ABSENT, Atomic, Value

if TYPE_CHECKING:
    from cogfal.reading.source import Module

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Names: TypeAlias = MutableMapping[str, Value]

UNTOLD: Final = " untold"
"""By what a class body says that it may have other names; none of the author's has a space."""

_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Bindings(NamedTuple):
    """What a body does with names."""

    bound: frozenset[str] = frozenset()
    """Those that it binds itself."""
    outer: frozenset[str] = frozenset()
    """Those that it declares `global`."""
    free: frozenset[str] = frozenset()
    """Those that it declares `nonlocal`."""


_NOTHING: Final = Bindings()


@dataclass(eq=False, repr=False)
class Scope(Atomic):
    """One body that is being carried out; `parent` is the one that it is written in."""

    module: Module
    kind: str
    """`module`, `class`, `function`, or `comprehension`."""
    parent: Scope | None = None
    of: Bindings = _NOTHING
    private: str = ""
    """The class whose private names are meant, without leading underscores."""
    names: Names = field(default_factory=dict)
    owner: Value = None
    """The class that a class body became."""
    node: FunctionNode | None = None
    """The function whose body it is."""
    qualified: str = ""
    """What `__qualname__` begins with, of what is defined in it."""
    managing: bool = False
    """Whether it is carried out to its end wherever it yields, by a `with`."""

    def __post_init__(self) -> None:
        if self.private:
            self.of = Bindings(*(frozenset(map(self.mangled, names)) for names in self.of))

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope, and each that it is written in."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def top(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def mangled(self, name: str) -> str:
        """Return a name as Python has it in a class: `__x` becomes `_Predictor__x`."""
        if name.startswith("__") and self.private and not name.endswith("__"):
            return f"_{self.private}{name}"
        return name

    def target(self, name: str) -> Names:
        """Return where a name is bound that this body binds."""
        if name in self.of.outer:
            return self.top.names
        if self.kind == "comprehension" and name not in self.of.bound and self.parent is not None:
            return self.parent.target(name)
        if name not in self.of.free:
            return self.names
        around = (scope for scope in self.outwards() if scope is not self)
        # There is one: a `nonlocal` without it is not compiled.
        return next(s.names for s in around if s.kind == "function" and name in s.of.bound)

    def look_up(self, name: str) -> Value:
        """Return what a name stands for, `ABSENT` where the text does not bind it."""
        scope = self
        while scope.parent is not None and name not in self.of.outer:
            if scope.kind != "class" or scope is self:
                if name in scope.names:
                    return scope.names[name]
                if name in scope.of.outer or (name in scope.of.bound and scope.kind == "class"):
                    break
                if name in scope.of.bound:
                    raise _unbound(name, own=scope is self)
            elif name == "__class__" and scope.owner is not None:
                return scope.owner
            scope = scope.parent
        return self.top.names.get(name, ABSENT)


def generic(parameters: Sequence[Any], scope: Scope) -> Scope:
    """Return the scope in which a function with type parameters is defined."""
    if not parameters:
        return scope
    names = {scope.mangled(each.name): TypeVar(each.name) for each in parameters}
    of = Bindings(frozenset(names))
    inner = Scope(scope.module, "function", scope, of, scope.private, names)
    inner.qualified = scope.qualified
    return inner


def _unbound(name: str, *, own: bool) -> NameError:
    where = "where it is not associated with a value"
    if own:
        return UnboundLocalError(f"cannot access local variable {name!r} {where}")
    return NameError(f"cannot access free variable {name!r} {where} in enclosing scope")


@lru_cache(maxsize=4096)
def bindings(node: ast.AST, *, declared: bool = False) -> Bindings:
    """Return the names that a function, class or comprehension binds and declares.

    `declared` leaves out those that expressions bind, which is quicker.
    """
    bound: set[str] = set()
    outer: set[str] = set()
    free: set[str] = set()
    args = getattr(node, "args", None)
    bound.update(argument.arg for argument in (arguments(args) if args else ()))
    for part in own_nodes(_body(node), expressions=not declared):
        match part:
            case (
                ast.Name(id=name, ctx=ast.Store() | ast.Del())
                | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):  # fmt: skip
                bound.add(name)
            case ast.alias(name=name, asname=renamed):
                bound.add(renamed or name.partition(".")[0])
            case ast.Global(names=names):
                outer.update(names)
            case ast.Nonlocal(names=names):
                free.update(names)
    return Bindings(frozenset(bound - outer - free), frozenset(outer), frozenset(free))


def arguments(args: ast.arguments) -> list[ast.arg]:
    """Return all parameters, in the order in which Python evaluates their annotations."""
    found = (*args.args, *args.posonlyargs, args.vararg, *args.kwonlyargs, args.kwarg)
    return [each for each in found if each is not None]


def first_parameter(node: FunctionNode) -> str:
    """Return the parameter that a method is given its object as, "" where there is none."""
    return next((a.arg for a in (*node.args.posonlyargs, *node.args.args)), "")


def _body(node: Any) -> Iterable[ast.AST]:
    if isinstance(node, _COMPREHENSIONS):
        return [each.target for each in node.generators]
    return node.body if isinstance(node.body, list) else [node.body]


def own_nodes(nodes: Iterable[ast.AST], *, expressions: bool = True) -> Iterator[ast.AST]:
    """Yield the nodes of a body, without those of the functions and classes inside it.

    Of a comprehension come only the names that it binds around itself (`:=`).
    """
    pending = list(nodes)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.expr | ast.arguments) and not expressions:
            continue
        yield part
        if isinstance(part, _COMPREHENSIONS):
            pending += [n.target for n in ast.walk(part) if isinstance(n, ast.NamedExpr)]
        elif isinstance(part, _DEFINITIONS):
            pending += [
                each for each in ast.iter_child_nodes(part)
                if not isinstance(each, ast.stmt) and each is not part.body
            ]  # fmt: skip
        elif not isinstance(part, ast.Constant | ast.expr_context):
            pending += ast.iter_child_nodes(part)


@lru_cache(maxsize=8192)
def suspends(node: ast.stmt) -> bool:
    """Whether a statement of a generator function contains a `yield` of that function."""
    if isinstance(node, _DEFINITIONS):
        return False
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own_nodes([node]))


def yields(node: FunctionNode) -> bool:
    """Whether a function's own body, not a function inside it, contains `yield`."""
    return not isinstance(node, ast.Lambda) and any(map(suspends, node.body))

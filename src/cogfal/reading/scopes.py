"""The names of a module, class or function body, found as Python finds them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cogfal.reading.unknown import Value

if TYPE_CHECKING:
    from cogfal.reading.source import Module

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Names: TypeAlias = MutableMapping[str, Value]


@dataclass(eq=False, slots=True)
class Scope:
    """One body that is being carried out; `parent` is the one that it is written in."""

    module: Module
    kind: str
    """`module`, `class`, `function`, or `comprehension`."""
    names: Names = field(default_factory=dict)
    parent: Scope | None = None
    bound: frozenset[str] = frozenset()
    """The names that the body itself binds."""
    outer: frozenset[str] = frozenset()
    """The names that it declares `global`."""
    free: frozenset[str] = frozenset()
    """The names that it declares `nonlocal`."""
    private: str = ""
    """The class whose private names are meant, without leading underscores."""
    owner: Value = None
    """The class that a class body became."""
    first: str = ""
    """A function's first parameter."""

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
        if name in self.outer:
            return self.top.names
        if self.kind == "comprehension" and name not in self.bound and self.parent is not None:
            return self.parent.target(name)
        if name in self.free:
            return self._enclosing(name).names
        return self.names

    def _enclosing(self, name: str) -> Scope:
        scope = self.parent
        while scope is not None:
            if scope.kind == "function" and name in scope.bound and name not in scope.free:
                return scope
            scope = scope.parent
        raise SyntaxError(f"no binding for nonlocal {name!r} found")

    def look_up(self, name: str) -> Value:
        """Return what a name stands for."""
        if name in self.outer:
            return _global(self.top.names, name)
        scope: Scope | None = self
        while scope is not None:
            if scope.kind == "module":
                break
            if scope.kind != "class" or scope is self:
                if name in scope.names:
                    return scope.names[name]
                if name in scope.bound and name not in scope.free:
                    if scope.kind == "class":
                        break
                    raise _unbound(name, own=scope is self)
                if name in scope.outer:
                    break
            scope = scope.parent
        return _global(self.top.names, name)


def _unbound(name: str, *, own: bool) -> NameError:
    if own:
        return UnboundLocalError(
            f"cannot access local variable {name!r} where it is not associated with a value"
        )
    return NameError(
        f"cannot access free variable {name!r} where it is not associated with a value in "
        "enclosing scope"
    )


def _global(names: Names, name: str) -> Value:
    if name in names:
        return names[name]
    if hasattr(builtins, name):
        return Builtin(name)
    raise NameError(f"name {name!r} is not defined")


@dataclass(frozen=True, slots=True)
class Builtin:
    """One of Python's built-in names that the text does not bind."""

    name: str


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a body does with names."""

    bound: frozenset[str]
    outer: frozenset[str]
    free: frozenset[str]


@lru_cache(maxsize=4096)
def bindings(node: ast.AST, *, declared: bool = False) -> Bindings:
    """Return the names that a function, class or comprehension binds and declares.

    `declared` leaves out those that expressions bind, which is quicker.
    """
    bound: set[str] = set()
    outer: set[str] = set()
    free: set[str] = set()
    if isinstance(node, FUNCTIONS):
        bound.update(argument.arg for argument in arguments(node.args))
    for part in own_nodes(_body(node), expressions=not declared):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=renamed):
                bound.add(renamed or name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.Global(names=names):
                outer.update(names)
            case ast.Nonlocal(names=names):
                free.update(names)
    return Bindings(frozenset(bound - outer), frozenset(outer), frozenset(free))


def arguments(args: ast.arguments) -> list[ast.arg]:
    """Return all parameters."""
    extra = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def _body(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, COMPREHENSIONS):
        return [each.target for each in node.generators]
    body = getattr(node, "body", [])
    return body if isinstance(body, list) else [body]


def own_nodes(nodes: Iterable[ast.AST], *, expressions: bool = True) -> Iterable[ast.AST]:
    """Yield the nodes of a body, without those of the functions and classes inside it.

    Of a comprehension come only the names that it binds around itself (`:=`).
    """
    pending = list(nodes)
    while pending:
        part = pending.pop()
        if isinstance(part, ast.expr) and not expressions:
            continue
        yield part
        if isinstance(part, (*FUNCTIONS, ast.ClassDef)):
            pending.extend(_around(part) if expressions else ())
        elif isinstance(part, COMPREHENSIONS):
            pending.extend(n.target for n in ast.walk(part) if isinstance(n, ast.NamedExpr))
        else:
            pending.extend(_inside(part))


def _around(node: Any) -> Iterable[ast.AST]:
    """Yield what is evaluated where a function or class is defined."""
    yield from getattr(node, "decorator_list", ())
    yield from getattr(node, "bases", ())
    if not isinstance(node, ast.ClassDef):
        yield from (each for each in (*node.args.defaults, *node.args.kw_defaults) if each)


def _inside(node: ast.AST) -> Iterable[ast.AST]:
    """Yield the parts of a node that may hold a name, quicker than `ast.iter_child_nodes` does."""
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, list):
            yield from (each for each in part if isinstance(each, ast.AST))
        elif isinstance(part, ast.AST) and not isinstance(part, ast.Constant | ast.expr_context):
            yield part


@lru_cache(maxsize=4096)
def yields(node: ast.AST) -> bool:
    """Whether a function's own body, not a function inside it, contains `yield`."""
    return any(isinstance(p, ast.Yield | ast.YieldFrom) for p in own_nodes(_body(node)))


@lru_cache(maxsize=8192)
def suspends(node: ast.stmt) -> bool:
    """Whether a statement of a generator function contains a `yield` of that function."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return False
    return any(isinstance(p, ast.Yield | ast.YieldFrom) for p in own_nodes([node]))

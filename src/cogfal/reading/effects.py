"""What unknown code may change: whatever is reachable from what it is given."""

from __future__ import annotations

import ast
import gc
import inspect
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cogfal.cog
from cogfal.guest.type_names import COG_ROOTS
from cogfal.reading.functions import Function
from cogfal.reading.journal import CONTAINERS, attributes_of, is_namespace
from cogfal.reading.namespaces import Lookup
from cogfal.reading.scopes import Names, Scope, bindings
from cogfal.reading.source import MODULES, Module
from cogfal.reading.standins import Known
from cogfal.reading.unknown import (
    ABSENT,
    Atomic,
    Part,
    Possible,
    Unknown,
    Value,
    Values,
    contained,
    is_lost,
    reached,
)

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

_CLOSED: Final = (
    Atomic, ast.AST, types.FrameType, types.GetSetDescriptorType, types.MemberDescriptorType,
    types.ModuleType, types.TracebackType,
)  # fmt: skip
"""What refers to the reader's own, or back to its class, and to nothing of the author's."""

_LOOSE: Final = frozenset({"eval", "exec", "globals", "locals", "vars"})
"""Names through which a text binds what it does not name."""
FRAMES: Final = frozenset({"f_globals", "f_locals", "__globals__"})
"""Attributes by which a text reaches the names of a module without naming it."""

_IMPORTING: Final = frozenset({"__import__", "import_module"})
_FINDING: Final = FRAMES | _IMPORTING | frozenset((
    "exec_module getmodule load_module locate resolve_name run_module run_path walk_packages"
).split())  # fmt: skip
"""What a text finds modules by that it does not name."""

_OF_ATTRIBUTE: Final = frozenset({"delattr", "getattr", "hasattr", "setattr"})
"""Functions that take or change an attribute of what they are given first."""

_FIXED: Final = (str, int, type(None))
_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Classes of values that hold nothing."""

_OF_PROCESS: Final = frozenset({"environ", "chdir"})
"""Attributes of `os` that change what all modules have."""

_OF_MODULE: Final = {
    "builtins": (), "importlib": (), "os": ("os.environ", "os.chdir"), "sys": ("sys.path",)
}  # fmt: skip
"""By module of Python's: what whoever has it may change, beside what the project imports."""


class _Text(NamedTuple):
    """What a text mentions."""

    words: Sequence[ast.AST]
    """The names that it reads, and what else it takes or declares from elsewhere."""
    imported: dict[str, str]
    """By name: what its own imports bind."""


class Effects(Part):
    """Makes unknown what unknown code may have changed."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._kept: dict[ast.AST, _Text] = {}

    def of_values(self, values: Iterable[Value], why: Unknown) -> None:
        """Take everything reachable from `values` as changed, and as holding any of them."""
        work, given = 0, tuple(values)
        for value in reached(given, lambda value: self._parts(value, why)):
            if type(value) not in _PLAIN and self._is_changed(value):
                self._world.choices.taint(value, why, given)
            work += 1 + (len(value.about) if isinstance(value, Possible) else 0)
        self._world.budget.owe(work // 4)

    def of_parts(self, value: Value, why: Unknown) -> None:
        """Take everything as changed that is reachable from `value`, but not itself."""
        self.of_values([v for v in self._parts(value, why) if v is not value], why)

    def of_operands(self, values: Values, why: Unknown) -> None:
        """Take as changed what an operator may change: by methods that its operands have."""
        self.of_values(self.running(values), why)

    def running(self, values: Values) -> list[Value]:
        """Return through which of these values, at any depth, Python may call the author's code."""
        return [each for each in reached(values, contained) if self._runs(each)]

    def _runs(self, value: Value) -> bool:
        held = [vars(base).items() for base in self._world.attributes.own(type(value))]
        names = {n for each in held for n, method in each if isinstance(method, Function)}
        special = any(n.startswith("__") and n != "__init__" for n in names)
        return special or isinstance(value, Function | Iterator)

    def of_statement(self, node: ast.stmt, scope: Scope, why: Unknown) -> None:
        """Take everything as changed that a statement binds or mentions."""
        names = {scope.mangled(name) for name in _stored(node)}
        held = [scope.target(name).get(name) for name in names]
        held += self._mentioned([node], scope, why)
        self.of_values(held, why)
        if any(map(_imports, ast.walk(node))):
            self.of_values(self._world.modules.certain(), why)
            self._world.names.give_up_stars(node, scope)
        for name in names:
            self._lose(scope.target(name), name, why, held)

    def _is_changed(self, value: Value) -> bool:
        """Whether a value is one whose contents unknown code may change."""
        kind = type(value)
        if isinstance(value, Unknown) or kind.__module__.startswith("enum") or _outside(value):
            return False
        if isinstance(value, (*CONTAINERS, Iterator)) or is_namespace(value):
            return True
        return self._world.attributes.is_authored(value) and (
            kind in self._world.classes.nodes or not isinstance(value, BaseException)
        )

    def _parts(self, value: Value, why: Unknown) -> Iterable[Value]:
        """Return what a value holds, and what it held or may hold where that is not known."""
        if type(value) in _PLAIN:
            return ()
        _, unknown = self._world.choices.tainted.get(id(value), (None, None))
        inside = self._inside(value, why)
        return inside if unknown is None else [*inside, *unknown.about]

    def _inside(self, value: Value, why: Unknown) -> Iterable[Value]:
        nodes = self._world.classes.nodes
        match value:
            case Unknown():
                names = _OF_MODULE.get(value.dotted.removesuffix(".__dict__"))
                through = names is not None or value.dotted.startswith(MODULES)
                certain = self._world.modules.certain() if through else ()
                process = map(self._world.library.find, names or ())
                return [*certain, *process, *value.about, *value.members]
            case Known():
                return value.about
            case Function():
                return self._of_function(value, why)
            case Lookup():
                return value.given_away(why)
            case Module():
                return self._names(value, why)
            case type():
                bases = (*value.__bases__, type(value))
                return [*vars(value).values(), *bases] if value in nodes else ()
        return _held(value)

    def _of_function(self, function: Function, why: Unknown) -> Iterable[Value]:
        names = vars(function)
        held = [*names.values(), *function.defaults.values()]
        for name in [name for name in names if not name.startswith("__")]:
            self._lose(names, name, why)
        if isinstance(function.node.body, ast.GeneratorExp):
            self.of_bound(function.node.body, function.scope, why)
        return [*held, *self._mentioned([function.node], function.scope, why)]

    def _names(self, module: Module, why: Unknown) -> Iterable[Value]:
        """Take a module's names as bound to anything; or all as changed that its text mentions."""
        scope = self._world.modules.scope_of(module)
        if scope is None:
            return self._mentioned([module.tree], self._world.modules.fresh(module), why)
        return self.of_names(scope.names, why)

    def of_names(self, names: Names, why: Unknown) -> Iterable[Value]:
        """Take names as bound to anything, and return what they stood for."""
        values = list(names.values())
        for name in list(names):
            if not name.startswith("__"):
                self._lose(names, name, why)
        return values

    def _lose(self, names: Names, name: str, why: Unknown, held: Values = ()) -> None:
        """Take a name as bound to anything, or not at all where it was not bound before."""
        there = [names[name]] if name in names else []
        if any(is_lost(each, why) for each in there) and not held:
            return
        lost = Possible.of(why, [why, *there, *held], absent=not there)
        self._world.journal.bind(names, name, lost)

    def of_bound(self, node: ast.expr, scope: Scope, why: Unknown) -> None:
        """Take the names as changed that an expression binds."""
        for part in ast.walk(node):
            if isinstance(part, ast.NamedExpr):
                name = scope.mangled(part.target.id)
                self._lose(scope.target(name), name, why)

    def _mentioned(self, nodes: list[ast.AST], scope: Scope, why: Unknown) -> Iterable[Value]:
        """Yield what names stand for in a text; names that it rebinds become unknown."""
        for node in nodes:
            text = self._text(node)
            for part in text.words:
                if isinstance(part, ast.Attribute):
                    yield from self._taken(part, scope, text.imported)
                    self._put_outside(part, scope, text.imported, why)
                elif isinstance(part, ast.Name):
                    value = self._named(part.id, scope)
                    # Which attributes of a module it takes, the text itself says.
                    yield None if isinstance(value, Unknown) and not value.about else value
                    yield from self._found_by(part.id, scope)
                elif isinstance(part, ast.Import | ast.ImportFrom):
                    yield from self._world.modules.carried_out_by(part, scope, why)
                elif isinstance(part, ast.Global):
                    for name in map(scope.mangled, part.names):
                        self._lose(scope.top.names, name, why)
                elif isinstance(part, ast.Nonlocal):
                    self._rebound([*map(scope.mangled, part.names)], scope, why)

    def _taken(
        self, node: ast.Attribute, scope: Scope, imported: dict[str, str]
    ) -> Iterable[Value]:
        """Yield what an attribute that a text takes is, or may lead to."""
        for value in self._of_module(node, scope, imported):
            yield value
            if isinstance(value, Known):
                yield from self._found_by(value.name.removeprefix("builtins."), scope)
        if node.attr in _OF_PROCESS:  # whatever leads to `os`
            yield self._world.library.find(f"os.{node.attr}")
        if node.attr in _FINDING:
            yield from self._world.modules.certain()

    def _found_by(self, name: str, scope: Scope) -> Iterable[Value]:
        """Return the modules that a function of Python's finds without being told their names."""
        own = [scope.module] if name in _LOOSE else []
        return self._world.modules.certain() if name in _FINDING else own

    def _text(self, node: ast.AST) -> _Text:
        if node not in self._kept:
            written = list(ast.walk(node))
            parts = [*written, *chain.from_iterable(map(_meant, written)), *_passed_on(written)]
            read = {id(getattr(part, "value", None)) for part in parts if _is_read(part)}
            imports = [part for part in parts if isinstance(part, ast.Import | ast.ImportFrom)]
            words = [
                part for part in parts
                if isinstance(part, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom)
                or (isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
                or (isinstance(part, ast.Attribute) and id(part) not in read)
            ]  # fmt: skip
            imported = dict(pair for part in imports for pair in _bound_by(part))
            self._kept[node] = _Text(words, imported)
        return self._kept[node]

    def _of_module(self, node: Any, scope: Scope, imported: dict[str, str]) -> Iterable[Value]:
        """Yield what an attribute of a module is, which a text takes or changes."""
        for module in self._owners(node, scope, imported):
            held = self._world.modules.scope_of(module) if isinstance(module, Module) else None
            if held is not None and node.attr in held.names:
                yield held.names[node.attr]
            elif isinstance(module, Unknown) and module.dotted:
                yield self._world.library.find(f"{module.dotted}.{node.attr}")

    def _owners(self, node: Any, scope: Scope, imported: dict[str, str]) -> Iterable[Value]:
        """Return what has an attribute that a text takes or changes, as far as it is a module."""
        owner: Any = node.value
        name = getattr(owner, "id", "")
        if name in imported:
            return [self._named(name, scope), self._world.library.find(imported[name])]
        if isinstance(owner, ast.Attribute):
            return self._of_module(owner, scope, imported)
        return [self._named(name, scope)]

    def _put_outside(
        self, node: ast.Attribute, scope: Scope, imported: dict[str, str], why: Unknown
    ) -> None:
        """Take as changed what a text puts into a module outside of the project, or deletes."""
        for owner in () if isinstance(node.ctx, ast.Load) else self._owners(node, scope, imported):
            if isinstance(owner, Unknown) and owner.dotted:
                self._world.library.lose(f"{owner.dotted}.{node.attr}", why)

    def named(self, node: ast.expr, scope: Scope) -> Iterable[Value]:
        """Return what the names of an expression stand for, as far as it can be changed."""
        parts = [part for part in self._text(node).words if isinstance(part, ast.Name)]
        values = [self._named(part.id, scope) for part in parts]
        return [
            value for value in values
            if (value.about if isinstance(value, Unknown) else not isinstance(value, _FIXED))
        ]  # fmt: skip

    def _named(self, name: str, scope: Scope) -> Value:
        try:
            value = scope.look_up(scope.mangled(name))
        except NameError:
            return None
        return None if value is ABSENT else value

    def _rebound(self, names: list[str], scope: Scope, why: Unknown) -> None:
        for outer in scope.outwards():
            for name in names:
                if outer.kind == "function" and name in outer.names:
                    self._lose(outer.names, name, why)


def _outside(value: Value) -> bool:
    """Whether a value is a class of Python's library or of Cog, which nobody's code changes."""
    if not isinstance(value, type):
        return False
    module = str(value.__module__)
    home = cogfal.cog if module.partition(".")[0] in COG_ROOTS else sys.modules.get(module)
    return getattr(home, value.__name__, None) is value


def _held(value: Value) -> Iterable[Value]:
    """Return what a value refers to, as Python's own collector of garbage finds it."""
    if isinstance(value, Scope):
        return value.names.values()
    if isinstance(value, _CLOSED):
        return ()
    if isinstance(value, types.GeneratorType):
        return [*inspect.getgeneratorlocals(value).values(), value.gi_yieldfrom]
    if isinstance(value, types.FunctionType):
        return gc.get_referents(*(value.__closure__ or ()))
    own = attributes_of(value)
    names = own if type(own) is dict else {}
    return [*(each for each in gc.get_referents(value) if each is not own), *names.values()]


def _meant(node: Any) -> Iterator[ast.AST]:
    """Yield what a call of `getattr()` and the like takes, or one of `__import__()` imports.

    An attribute whose name is computed may be any: it is taken as `__dict__`.
    """
    called = _called(node)
    if called in _OF_ATTRIBUTE and len(node.args) > 1:
        name = getattr(node.args[1], "value", None)
        context = ast.Store() if called in ("delattr", "setattr") else ast.Load()
        yield ast.Attribute(node.args[0], name if isinstance(name, str) else "__dict__", context)
    name = getattr(node.args[0], "value", None) if called in _IMPORTING and node.args else None
    if isinstance(name, str):
        last = name.lstrip(".")
        yield ast.ImportFrom(last, [ast.alias("*")], len(name) - len(last))


def _called(node: Any) -> str:
    """Return the name of the function that an expression calls, "" where it is none."""
    called = getattr(node, "func", None)
    return getattr(called, "id", getattr(called, "attr", "")) if called is not None else ""


def _passed_on(parts: list[Any]) -> Iterator[ast.AST]:
    """Yield the `__dict__` of what a text names alone: whoever has it may take any attribute."""
    owners = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
    owners |= {id(part.args[0]) for part in parts if _called(part) in _OF_ATTRIBUTE and part.args}
    for part in parts:
        if isinstance(part, ast.Name) and id(part) not in owners:
            yield ast.Attribute(part, "__dict__", ast.Load())


def _bound_by(node: ast.Import | ast.ImportFrom) -> Iterable[tuple[str, str]]:
    """Return the names that an import binds, and what each stands for outside of the project."""
    of = f"{node.module}." if isinstance(node, ast.ImportFrom) and not node.level else ""
    for alias in node.names if of or isinstance(node, ast.Import) else ():
        top = alias.name.partition(".")[0]
        yield alias.asname or top, of + alias.name if of or alias.asname else top


def _imports(node: ast.AST) -> bool:
    called = getattr(node, "id", getattr(node, "attr", ""))
    return isinstance(node, ast.Import | ast.ImportFrom) or called in _IMPORTING


def _is_read(node: Any) -> bool:
    """Whether an expression reads an environment variable."""
    reading = isinstance(node, ast.Subscript) or getattr(node, "attr", "") == "get"
    whole = getattr(getattr(node, "value", None), "attr", "") == "environ"
    return whole and reading and isinstance(node.ctx, ast.Load)


def _stored(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return frozenset().union(*bindings(ast.Module([node], [])))

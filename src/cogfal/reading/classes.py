"""The author's classes, made by Python's own machinery, and the annotations that they stand in."""

from __future__ import annotations

import ast
import dataclasses
import enum
import re
import sys
import types
import typing
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cogfal.reading.functions import Function
from cogfal.reading.scopes import UNTOLD, Scope, bindings, own_nodes
from cogfal.reading.source import parsed
from cogfal.reading.standins import Deferred, OutsideType
from cogfal.reading.unknown import (
    Part,
    Touched,
    Unknown,
    Unresolved,
    Value,
    contained,
    known,
    reached,
)
from cogfal.reading.versions import differs, docstring

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter
    from cogfal.reading.source import Module

MAX_TEXT: Final = 20_000
NOWHERE: Final = " "
"""Stands for the module in which a class was made by a call."""
_IMPLICIT: Final[dict[str, Callable[..., Any]]] = {
    "__init_subclass__": classmethod,
    "__class_getitem__": classmethod,
    "__new__": staticmethod,
}
HIDING: Final = frozenset({"__class__", "__getattribute__"})
_NEXT: Final = "_generate_next_value_"
_EnumNames: Final = type(enum.EnumMeta.__prepare__("", (enum.Enum,)))
_MARKS: Final[dict[str, Value]] = {
    "typing.ClassVar": typing.ClassVar,
    "dataclasses.InitVar": dataclasses.InitVar,
    "dataclasses.KW_ONLY": dataclasses.KW_ONLY,
}


class Outside:
    """Stands for a base class that is not part of the project; `unknown` says which."""

    unknown: Unknown

    def __init_subclass__(cls, **named: Any) -> None:
        following = super().__init_subclass__
        # It takes what is told of a class, unless another base of the author's does.
        following(**named if hasattr(following, "__func__") else {})

    def __copy__(self, *_: Any) -> NoReturn:
        raise Touched(self.unknown)

    __deepcopy__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __copy__
    __bool__ = __len__ = __iter__ = __contains__ = __copy__
    __hash__ = object.__hash__


def outside_base(cls: type) -> Unknown | None:
    """Return what is not known of a class's bases, None where all are known."""
    found = next((c for c in cls.__mro__ if Outside in c.__bases__), None)
    return None if found is None else vars(found)["unknown"]


class Classes(Part):
    """Makes classes, and annotations."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._bases: dict[str, type] = {}
        self.nodes: dict[type, tuple[ast.ClassDef, Module] | None] = {}
        """The classes of the author's, and where each is written, if it is by a statement."""
        self.made: list[type] = []
        """Classes that a metaclass of the author's has made."""
        self.opened: set[type] = set()
        """Classes that a decorator from outside may have changed."""
        self._later: Scope | None = None
        """Where the annotation that is being evaluated is asked for the meaning of texts."""
        self.of_text = False
        """Whether it is a text that is being evaluated."""

    def annotation(self, node: ast.expr, scope: Scope, later: Scope) -> Value:
        """Return an annotation as Python keeps it when it comes to a definition.

        What is text in it is asked for in the scope `later`.
        """
        if scope.module.postponed:
            return Deferred(partial(self._asked, node, later), ast.unparse(node))
        before, self._later = self._later, later
        try:
            return self.meaning(node, scope)
        finally:
            self._later = before

    def _asked(self, node: ast.expr, scope: Scope) -> Value:
        """Return what a text stands for, in which every version of Python may write new types."""
        before, self.of_text = self.of_text, True
        try:
            return self.meaning(node, scope)
        finally:
            self.of_text = before

    def meaning(self, node: ast.expr, scope: Scope) -> Value:
        """Return what an expression of types stands for."""
        return self.typed(self._world.evaluate(node, scope), scope)

    def typed(self, value: Value, scope: Scope) -> Value:
        """Return a value in a form in which Python's typing constructs can hold it."""
        if isinstance(value, str):
            return self._text(value, self._later or scope)
        if not isinstance(value, Unknown):
            return value
        if value.members:
            members = value.members
            return Deferred(
                lambda: self._world.types.union(*(self.typed(m, scope) for m in members)), ""
            )
        return OutsideType(value) if value.dotted else Deferred(partial(known, value), "?")

    def _text(self, text: str, scope: Scope) -> Value:
        def resolve() -> Value:
            try:
                tree = parsed(text.strip()[:MAX_TEXT], "eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise Unresolved(f"the annotation {text[:80]!r} is not an expression") from error
            return self._world.settled(partial(self._asked, tree.body, scope))

        return Deferred(resolve, text[:200])

    def _base(self, value: Value) -> Value:
        """Return a base class; something outside the project gets a stand-in."""
        if not isinstance(value, Unknown):
            return value
        if not value.dotted and _alters(value):
            raise Touched(value)
        key = value.dotted or f"{value.reason}{id(value)}"
        if key not in self._bases:
            self._bases[key] = type("Outside", (Outside,), {"unknown": value})
        return self._bases[key]

    def define(self, node: ast.ClassDef, scope: Scope) -> Value:
        """Return the class that a statement defines, before its decorators are applied."""
        world, module = self._world, scope.module
        bases = tuple(map(self._base, world.expressions.elements(node.bases, scope)))
        keywords = world.expressions.keywords(node.keywords, scope)
        meta = keywords.get("metaclass")
        if isinstance(meta, Unknown):
            if any(isinstance(each, type) for each in meta.about):
                raise Touched(meta)
            del keywords["metaclass"]
        # Names are looked up in a module's class as in the module: what binds them is no matter.
        names = bindings(node, declared=scope.kind == "module")
        body = Scope(module, "class", scope, names, node.name.lstrip("_"))
        body.qualified = f"{scope.qualified}{node.name}."
        fresh = scope.kind in ("module", "class")
        try:
            with self.registered(module):
                resolved = types.resolve_bases(bases)
                meta, namespace, keywords = types.prepare_class(node.name, resolved, keywords)
                body.names = _first_names(namespace, node, body, world.version)
                world.run(node.body, body, fresh=fresh)
                if resolved is not bases:
                    body.names["__orig_bases__"] = bases
                _fill(namespace, body)
                cls = meta(node.name, tuple(resolved), namespace, **keywords)
                if isinstance(namespace, _EnumNames):
                    if differs(world.version) and _is_special(cls, namespace, body, node):
                        known(Unknown("what such an Enum is depends on Python's version"))
                    vars(namespace)["_cogfal_finished"] = True
        except Touched as error:
            why = error.unknown.at(node, module)
            reason = f"the class {node.name} depends on it: {why.reason}"
            held = (*why.about, *bases, *keywords.values(), *body.names.values())
            cls = Unknown(reason, why.node, why.module, about=held)
        if isinstance(cls, type):
            self.nodes[cls] = (node, module)
        body.owner = cls
        return cls

    @contextmanager
    def registered(self, module: Module) -> Iterator[None]:
        """Let Python's own code find the module of a class that it makes."""
        there = module.name in sys.modules
        sys.modules.setdefault(module.name, types.ModuleType(module.name))
        try:
            yield
        finally:
            if not there:
                del sys.modules[module.name]

    def harden(self) -> None:
        """Leave no text among the annotations of classes, which Python would evaluate itself."""
        for cls in [*self.nodes, *self.made]:
            held: Value = vars(cls).get("__annotations__")
            for name, value in list(held.items()) if isinstance(held, dict) else ():
                if isinstance(value, str | typing.ForwardRef):
                    why = Unknown("an annotation that is put there as text is not evaluated")
                    held[name] = Deferred(partial(known, why), "?")

    def note(self, scope: Scope, name: str, annotation: ast.expr) -> None:
        """Keep the annotation of a name in a class or module body."""
        held = scope.names.get("__annotations__")
        if not isinstance(held, dict):
            held = {}
            self._world.journal.bind(scope.names, "__annotations__", held)
        names = ChainMap({}, scope.top.names, scope.names)  # as `typing` does: the module's first
        later = Scope(scope.module, "function", scope.top, names=names)
        told = self.annotation(annotation, scope, later)
        self._world.journal.fill(held, name)
        held[name] = self._marked(told, scope.top) if isinstance(told, Deferred) else told

    def _marked(self, told: Deferred, scope: Scope) -> Value:
        """Return what `dataclasses` takes an annotation for, by how its text begins."""
        head = re.match(r"(?:\s*(\w+)\s*\.)?\s*(\w+)", repr(told))
        owner, name = ("", "") if head is None else head.groups()
        try:
            found = self._world.names.get(scope, owner or name)
        except (NameError, Touched):
            return told
        if owner:
            dotted = f"{found.dotted}.{name}" if isinstance(found, Unknown) else ""
            return _MARKS.get(dotted, told)
        return next((mark for mark in _MARKS.values() if mark is found), told)


def _is_special(cls: Value, namespace: Any, body: Scope, node: ast.ClassDef) -> bool:
    """Whether versions of Python take different members from the body of an Enum."""
    names, values = list(body.names), list(body.names.values())
    inner = any(isinstance(v, type | partial) for v in values)
    private = any(name.startswith(f"_{body.private}__") for name in names)
    last = namespace._last_values  # noqa: SLF001 - what `auto()` counts on from
    plain = all(isinstance(v, int) for v in last) and last == sorted(last)
    counted = namespace._auto_called and not plain  # noqa: SLF001
    grouped = (part.elts for part in ast.walk(node) if isinstance(part, ast.Tuple))
    counted |= any(isinstance(e, ast.Call) and not e.args for part in grouped for e in part)
    usual = getattr(cls, _NEXT, None) is getattr(enum.Enum, _NEXT)
    flag = isinstance(cls, type) and issubclass(cls, enum.Flag)
    return inner or private or flag or (usual and counted)


def _first_names(namespace: Any, node: ast.ClassDef, body: Scope, version: tuple[int, int]) -> Any:
    """Return the names that a class body begins with."""
    if type(namespace) is not dict and not isinstance(namespace, _EnumNames):
        raise Touched(Unknown("a class body with such names is not evaluated"))
    names = dict(namespace) if type(namespace) is dict else namespace
    names["__module__"] = body.module.name
    names["__qualname__"] = body.qualified.removesuffix(".")
    if (told := docstring(node, version)) is not None:
        names["__doc__"] = told
    own = own_nodes(node.body, expressions=False)
    if any(isinstance(part, ast.AnnAssign) for part in own):
        names["__annotations__"] = {}
    return names


def _fill(namespace: Any, body: Scope) -> None:
    """Give the class that is made the names that its body has bound, if all of them are told."""
    known(body.names.get(UNTOLD))
    if body.names.keys() & HIDING:
        known(Unknown("a class that answers for each attribute is not evaluated"))
    if isinstance(namespace, _EnumNames):
        known(vars(namespace).get("_cogfal_disordered"))
    if namespace is body.names:
        return
    implied(body.names)
    namespace.clear()
    namespace.update(body.names)


def implied(names: MutableMapping[str, Value]) -> None:
    """Make class and static methods of functions that are so without a decorator."""
    for name in names.keys() & _IMPLICIT.keys():
        if isinstance(names[name], Function):
            names[name] = _IMPLICIT[name](names[name])


def _alters(base: Value) -> bool:
    """Whether a base class may change what its subclass defines, or what may hold or be one."""
    return any(map(_makes, reached([base], _may_be)))


def _may_be(value: Value) -> Iterable[Value]:
    """Return what a base class may be, or be taken from."""
    if isinstance(value, Unknown):
        return () if value.dotted else value.about
    return value.values() if isinstance(value, dict) else contained(value)


def _makes(value: Value) -> bool:
    """Whether a class has a say in what its subclasses are."""
    if isinstance(value, Unknown):
        return value.standard
    begun = getattr(value, "__init_subclass__", None)
    return isinstance(value, type) and (
        isinstance(begun, types.MethodType) or type(value) is not type
    )


_NAMES: Final[dict[str, Any]] = vars(typing)
_ALIAS: Final[type] = type(_NAMES["List"][int])
_ALIASES: Final = (_ALIAS, types.GenericAlias)
_SPECIAL: Final[tuple[type, ...]] = tuple(
    type(_NAMES[name]) for name in ("Union", "List", "Tuple", "Callable", "Literal", "Optional")
)
_KINDS: Final = (
    type, types.GenericAlias, types.UnionType, _ALIAS, typing.TypeVar, typing.NewType, *_SPECIAL,
    Deferred, OutsideType,
)  # fmt: skip
_PLAIN: Final = frozenset({"builtins", "collections", "collections.abc"})
_OF_PYTHON: Final = frozenset({"typing", "collections.abc", "builtins"})


class Typings(Part):
    """Makes typing constructs."""

    def is_type(self, *values: Value) -> bool:
        """Whether `|` between two values makes a union of types."""
        kinds = [value for value in values if _is_kind(value)]
        return bool(kinds) and all(
            _is_kind(value) or value is None or isinstance(value, str) for value in values
        )

    def is_alias(self, value: Value) -> bool:
        """Whether a value is a class with arguments, such as `Registry[int]`."""
        origin = typing.get_origin(value) if isinstance(value, _ALIASES) else None
        return isinstance(origin, type)

    def union(self, left: Value, right: Value) -> Value:
        """Return `left | right` of types."""
        if self._world.version < (3, 10) and not self._world.classes.of_text:
            raise TypeError("unsupported operand type(s) for |, before Python 3.10")
        if isinstance(left, str) or isinstance(right, str):
            if isinstance(left, type | str) and isinstance(right, type | str | None):
                raise TypeError("unsupported operand type(s) for |: 'type' and 'str'")
        return typing.Union[left, right]  # noqa: UP007

    def is_generic(self, value: Value) -> bool:
        """Whether a value may be subscripted with types."""
        if isinstance(value, type):
            found = getattr(value, "__class_getitem__", None)
            authored = isinstance(getattr(found, "__func__", None), Function)
            return not hasattr(type(value), "__getitem__") and found is not None and not authored
        return isinstance(value, (*_ALIASES, *_SPECIAL, Deferred))

    def subscripted(self, base: Value, key: Value, scope: Scope) -> Value:
        """Return a generic type with its arguments."""
        arguments = key if isinstance(key, tuple) else (key,)
        base = base.__supertype__ if isinstance(base, Deferred) else base
        if base is typing.Literal:
            return typing.Literal[tuple(map(known, arguments))]
        if base is typing.Annotated:
            first, *rest = arguments
            marks = ("unknown" if isinstance(each, Unknown) else each for each in rest)
            return typing.Annotated[(self._world.classes.typed(first, scope), *marks)]
        plain = isinstance(base, type) and base.__module__ in _PLAIN
        if plain and self._world.version < (3, 9) and not self._world.classes.of_text:
            raise TypeError("'type' object is not subscriptable, before Python 3.9")
        typed = tuple(self._argument(argument, scope) for argument in arguments)
        own = isinstance(base, type) and base.__module__ not in _OF_PYTHON
        return base[typed if (len(typed) > 1 if own else key is arguments) else typed[0]]

    def _argument(self, value: Value, scope: Scope) -> Value:
        if isinstance(value, list):
            return [self._argument(item, scope) for item in value]
        return self._world.classes.typed(value, scope)


def _is_kind(value: Any) -> bool:
    if isinstance(value, Unknown):
        return False
    return isinstance(value, _KINDS)

"""Names as Python's own functions reach them: the environment, `globals()`, `super()`, `exec()`."""

from __future__ import annotations

import ast
import builtins
import importlib
import os
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from cogfal.reading.journal import attributes_of, is_namespace
from cogfal.reading.listed import public_names
from cogfal.reading.scopes import UNTOLD, Scope, first_parameter
from cogfal.reading.source import parsed
from cogfal.reading.standins import Known
from cogfal.reading.unknown import (
    ABSENT,
    Named,
    Part,
    Possible,
    Touched,
    Unknown,
    Value,
    Values,
    known,
    may_be_absent,
    refused,
    require_known,
)
from cogfal.reading.versions import SINCE, lacks

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter

OF_SCOPE: Final = frozenset(
    f"builtins.{name}" for name in "super locals globals vars dir exec eval".split()
)
"""Functions that look at the scope that they are called from."""

_WITHIN: Final = (
    ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
"""What has names of its own, and finds those around it as Python's version has it."""


class Names(Part):
    """Reads and changes names."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self.stars: defaultdict[Scope, list[str]] = defaultdict(list)
        """By scope: the modules outside of the project whose names it has all taken."""

    def get(self, scope: Scope, name: str) -> Value:
        """Return what a name stands for."""
        world, value = self._world, scope.look_up(name)
        if value is ABSENT:
            return self.builtin(name, scope)
        value = world.there(world.known(value))
        if may_be_absent(value) and scope.kind == "class":
            return value.holding((*value.about, scope.top.names.get(name)))
        return value

    def put(self, scope: Scope, name: str, value: Value) -> None:
        """Bind a name in the scope that it belongs to."""
        self._world.journal.bind(scope.target(name), name, value)

    def delete(self, scope: Scope, name: str) -> None:
        """Carry out `del name`."""
        names = scope.target(name)
        if name not in names:
            raise NameError(f"name {name!r} is not defined")
        self._world.there(names[name])
        self._world.journal.unbind(names, name)

    def take_all(self, origin: str, scope: Scope) -> None:
        """Take it as not known which names are bound by what comes from outside of the text."""
        self.stars[scope.top].append(origin)

    def give_up_stars(self, node: ast.AST, scope: Scope) -> None:
        """Take it as not known which names the star imports in a statement bind."""
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom) and part.names[0].name == "*":
                self.take_all(part.module or ".", scope)

    def starred(self, name: str, scope: Scope) -> Value:
        """Return what a name stands for that nothing binds but, perhaps, a star import.

        Raises:
            NameError: Nothing does.
        """
        found = self._of_star(name, scope)
        if found is not ABSENT:
            return self._world.there(found)
        foreign = [module for module in self.stars[scope.top] if not public_names(module)]
        if foreign:
            raise refused(f"it may come from {foreign[0]}, which is not part of the project")
        if f"builtins.{name}" in SINCE and not lacks(self._world.version, f"builtins.{name}"):
            raise refused("this Python has no such name")
        names = [name for inner in scope.outwards() for name in inner.names]
        raise NameError(f"name {name!r} is not defined{nearest(name, names)}")

    def _of_star(self, name: str, scope: Scope) -> Value:
        for module in reversed(self.stars[scope.top]):
            if name in public_names(module):
                return self._world.library.find(f"{module}.{name}")
        return self._world.library.replaced.get(f"builtins.{name}", ABSENT)

    def builtin(self, name: str, scope: Scope) -> Value:
        """Return what a name stands for that the text does not bind: one of Python's own, say."""
        there = name in vars(builtins) and not lacks(self._world.version, f"builtins.{name}")
        if there and self._of_star(name, scope) is ABSENT:
            return self._world.library.builtin(name)
        return self.starred(name, scope)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint at the name that was perhaps meant."""
    difflib = importlib.import_module("difflib")  # which no predictor needs that can be read
    near = difflib.get_close_matches(name, {*names} - {name}, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


class Lookup(Part, MutableMapping[Value, Value]):
    """A mapping whose single items are read and changed, and never all of them."""

    _harmless: ClassVar[frozenset[str]] = frozenset()
    """Methods through which nothing in it is changed or reached."""

    def __iter__(self) -> Iterator[Value]:
        self._as_a_whole()

    def _as_a_whole(self, *_: Value) -> NoReturn:
        raise refused("such a mapping is not read as a whole")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    __or__ = __ror__ = _as_a_whole

    def __contains__(self, name: Value) -> bool:
        try:
            known(self[name])
        except KeyError:
            return False
        return True

    def attribute(self, name: str) -> Value:
        """Return a method."""
        if name in ("items", "keys", "values") and isinstance(self, Held):
            return Known(name, getattr(self, name), self)
        if name not in ("get", "pop", "setdefault", "update"):
            why = Unknown(f"{name}() of such a mapping is not evaluated")
            if name not in self._harmless:
                self._world.effects.of_values([self], why)
            raise Touched(why)
        return Known(name, getattr(self, name), *([] if name == "get" else [self]))

    @abstractmethod
    def given_away(self, why: Unknown) -> Iterable[Value]:
        """Take everything in it as changed, and return what is reached through it."""


class Environment(Lookup):
    """Stands for `os.environ`."""

    _harmless = frozenset({"copy", "items", "keys", "values"})

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._own: dict[str, Value] = {}
        """What the text sets; None for what it removes. Under "", what may be all the others."""
        self.read: set[str] = set()
        """The variables that were asked for, and that the text does not set."""
        self.given: dict[str, str] = {}
        """Values that stand in for those of this machine."""

    def __getitem__(self, name: Value) -> Value:
        require_known(name)
        if not isinstance(name, str):
            raise TypeError(f"str expected, not {type(name).__name__}")
        if name not in self._own and "" not in self._own:
            if name in self._world.doubted:
                raise refused(f"the environment variable {name} may differ")
            self.read.add(name)
        others = self.given.get(name, os.environ.get(name))
        value = self._world.there(self._own.get(name, self._own.get("", others)))
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: Value, value: Value) -> None:
        require_known(name)
        if isinstance(value, Unknown):
            self._world.expressions.raising(value)  # where it is no text
        elif not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")
        if "=" in name or "\0" in name or (isinstance(value, str) and "\0" in value):
            raise ValueError("illegal environment variable")
        self._world.journal.bind(self._own, name, value)

    def __delitem__(self, name: Value) -> None:
        if name not in self:
            raise KeyError(name)
        self._world.journal.bind(self._own, name, None)

    def given_away(self, why: Unknown) -> Iterable[Value]:
        """Take every variable as changed."""
        for name in ("", *self._own):
            self._world.journal.bind(self._own, name, Possible.of(why, [why], absent=True))
        return ()


class Namespace(Lookup):
    """What `globals()` gives, and `locals()` outside of functions."""

    def __init__(self, world: Interpreter, scope: Scope) -> None:
        super().__init__(world)
        self._scope = scope

    def __getitem__(self, name: Value) -> Value:
        return self._world.known(self._scope.names[self._world.items.key(name)])

    def __setitem__(self, name: Value, value: Value) -> None:
        self._world.journal.bind(self._scope.names, name, value)

    def __delitem__(self, name: Value) -> None:
        self._world.journal.unbind(self._scope.names, name)

    def given_away(self, why: Unknown) -> Iterable[Value]:
        """Take every name of the module, or of the class's body, as changed."""
        if self._scope.kind == "module":
            self._world.names.take_all("globals()", self._scope)
            return [self._scope.module]
        return self._world.effects.of_names(self._scope.names, why)


class Held(Lookup):
    """What `vars(o)` gives, and `o.__dict__`, for an object of the author's."""

    def __init__(self, world: Interpreter, owner: Value) -> None:
        super().__init__(world)
        self._owner = owner
        self._held: Value = attributes_of(owner)
        if type(self._held) is not dict:
            raise refused("the attributes of such an object are not read as a whole", owner)

    def __getitem__(self, name: Value) -> Value:
        known(self._world.known(self._owner))
        return self._world.there(self._world.known(self._held[self._world.items.key(name)]))

    def __setitem__(self, name: Value, value: Value) -> None:
        if not isinstance(self._world.items.key(name), str):
            raise refused("an attribute that no text names is not evaluated", self._owner)
        self._world.journal.note(self._owner, name)
        self._held[name] = value

    def __delitem__(self, name: Value) -> None:
        self._world.journal.note(self._owner, self._world.items.key(name))
        del self._held[name]

    def __iter__(self) -> Iterator[Value]:
        held = self._whole()
        return (name for name in held if self._whole() is held)

    def _whole(self) -> dict[str, Value]:
        """Return all attributes of an object of which none is from outside."""
        known(self._world.known(self._owner))
        nodes, opened = self._world.classes.nodes, self._world.classes.opened
        own = {object, ABC, *nodes} - opened
        if not (is_namespace(self._owner) or own.issuperset(type(self._owner).__mro__)):
            self._as_a_whole()
        return known(self._world.known(self._held))  # type: ignore[no-any-return]

    def given_away(self, why: Unknown) -> Iterable[Value]:
        """Take the object as changed."""
        return [self._owner]


class OfScope(Part):
    """Calls the built-in functions that look at the scope that they are called from."""

    def __init__(self, world: Interpreter) -> None:
        super().__init__(world)
        self._listed: dict[Any, Value] = {}
        """What `locals()` has given in a function, by its scope."""

    def call(self, name: str, positional: Values, keywords: Named, scope: Scope) -> Value:
        """Return the result of a built-in function that looks at the scope it is called from."""
        name = name.removeprefix("builtins.")
        if name == "super":
            return self._super(positional, scope)
        told = len(positional) == 1 and not keywords and isinstance(positional[0], str)
        around = (None,) if name == "exec" and scope.kind == "function" else (None, scope.top)
        if name in ("exec", "eval") and told and scope.parent in around:
            text = positional[0]
            tree = parsed(text.strip(" \t") if name == "eval" else text, name)
            compile(tree, "<text>", name, dont_inherit=True)  # finds what else is no syntax
            inside = scope.kind != "module" and any(isinstance(e, _WITHIN) for e in ast.walk(tree))
            if not inside and not ((scope.private and "__" in text) or "__future__" in text):
                return self._executed(name, tree, scope)
        if name == "vars" and positional:
            return self._world.attributes.get(positional[0], "__dict__")
        if name == "dir":
            raise refused("dir() is not evaluated")
        if name in ("locals", "globals", "vars"):
            return self._names(name, scope)
        held = [value for each in scope.outwards() for value in each.names.values()]
        why = Unknown(f"{name}() may have changed it")
        for each in scope.outwards():
            if each.kind == "class":
                self._world.journal.bind(each.names, UNTOLD, why)
        self._world.effects.of_values([scope.module, *held], why)
        self._world.names.take_all(f"{name}()", scope)
        raise refused(f"{name}() of such a text is not evaluated here")

    def _super(self, positional: Values, scope: Scope) -> Value:
        if positional:
            return super(*map(known, positional))
        inner: Scope | None = scope
        while inner is not None and inner.kind == "comprehension":
            inner = inner.parent
        outer = inner
        while outer is not None and outer.kind != "class":
            outer = outer.parent
        first = "" if inner is None or inner.node is None else first_parameter(inner.node)
        if inner is None or outer is None or not isinstance(known(outer.owner), type):
            raise RuntimeError("super(): no arguments")
        if not _knows_class(inner) or first not in inner.names:
            raise RuntimeError("super(): __class__ cell not found, or arg[0] deleted")
        return super(outer.owner, known(inner.names[first]))

    def _names(self, name: str, scope: Scope) -> Value:
        """Return what `globals()`, `locals()` or `vars()` gives."""
        if name == "globals" or scope.kind in ("module", "class"):
            return Namespace(self._world, scope.top if name == "globals" else scope)
        around = any(e.kind == "function" for e in scope.outwards() if e is not scope)
        if around or scope.kind == "comprehension" or _knows_class(scope):
            raise refused("names that a function has from around it are not listed")
        if scope in self._listed and self._world.version < (3, 13):
            why = Unknown("locals() for a second time, which fills the first, is not evaluated")
            self._world.effects.of_values([self._listed[scope]], why)
            raise Touched(why)
        # Versions of Python list them in different orders.
        listed = dict(self._world.orders.arranged(list(scope.names.items())))
        self._world.journal.bind(self._listed, scope, listed)
        return listed

    def _executed(self, name: str, tree: Any, scope: Scope) -> Value:
        if name == "eval":
            if scope.kind == "function":  # whose names that are not bound yet are its module's
                scope = Scope(scope.module, "function", scope.top, names=dict(scope.names))
            return self._world.evaluate(tree.body, scope)
        self._world.run(tree.body, scope)
        return None


def _knows_class(scope: Scope) -> bool:
    """Whether Python lets a function know the class that it is written in."""
    names = () if scope.node is None else ast.walk(scope.node)
    return any(isinstance(e, ast.Name) and e.id in ("super", "__class__") for e in names)

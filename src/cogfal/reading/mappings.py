"""Python's own mappings of names: of the environment, of `globals()` and `locals()`, of objects."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from cogfal.reading.journal import attributes_of
from cogfal.reading.part import Part
from cogfal.reading.scopes import Scope
from cogfal.reading.standins import Known
from cogfal.reading.unknown import Possible, Touched, Unknown, Value, known, refused, require_known

if TYPE_CHECKING:
    from cogfal.reading.interpreter import Interpreter


class Lookup(Part, MutableMapping[Value, Value]):
    """A mapping whose single items are read and changed, and never all of them."""

    _harmless: ClassVar[frozenset[str]] = frozenset()
    """Methods through which nothing in it is changed or reached."""

    def __iter__(self) -> Iterator[Value]:
        self._as_a_whole()

    def _as_a_whole(self, *_: Value) -> NoReturn:
        raise refused("such a mapping is not read as a whole")

    __len__ = __or__ = __ror__ = _as_a_whole

    def __contains__(self, name: Value) -> bool:
        try:
            known(self[name])
        except KeyError:
            return False
        return True

    def attribute(self, name: str) -> Value:
        """Return a method."""
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
        if not isinstance(value, str | Unknown):
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
            self._world.modules.take_all("globals()", self._scope)
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

    def given_away(self, why: Unknown) -> Iterable[Value]:
        """Take the object as changed."""
        return [self._owner]

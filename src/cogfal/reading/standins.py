"""What stands for things from outside the project while a text is read."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, NoReturn

from cogfal.guest.annotations import is_class_variable
from cogfal.reading.functions import Function
from cogfal.reading.unknown import Atomic, Unknown, Value, known, refused

Handler = Callable[..., Value]


class Known(Atomic):
    """A function from outside the project that is evaluated; calling it is what the text does.

    `about` is what it calls and holds of the author's.
    """

    def __init__(self, name: str, handler: Handler, *about: Value) -> None:
        self.name, self.handler, self.about = name, handler, about

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *positional: Value, **keywords: Value) -> Value:
        try:
            self._signature.bind(*positional, **keywords)
        except TypeError:
            raise refused(f"{self.name}() is not evaluated with such arguments") from None
        return self.handler(*positional, **keywords)

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.handler)


class Cached(Known):
    """A function of the author's whose results are remembered."""

    def __get__(self, owner: Value, kind: type | None = None) -> Value:
        return self if owner is None else functools.partial(self, owner)


class Managed(Known):
    """A context manager that a generator function of the author's makes."""

    used = False


class Shown(Unknown):
    """A value that is not evaluated any further, but has the JSON form of `value`."""

    __slots__ = ("value",)

    def __init__(self, reason: str, *, value: Value, about: tuple[Value, ...] = ()) -> None:
        super().__init__(reason, about=about)
        self.value = value


@dataclass(eq=False, repr=False)
class Described:
    """What `Input()` was told."""

    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Mark:
    """A decorator of Cog's: `streaming`, `concurrent`, or the `input` of 2021, as it was called."""

    name: str
    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)

    def __call__(self, *positional: Value, **keywords: Value) -> Value:
        if len(positional) == 1 and not keywords and not isinstance(positional[0], str):
            return positional[0]
        return Mark(self.name, positional, keywords)


COG: Final[dict[str, Value]] = {
    "streaming": Mark("streaming"),
    "concurrent": Mark("concurrent"),
    "input": Mark("input"),
}


class ModelField:
    """Stands for what `pydantic.Field()` makes."""

    def __init__(self, default: Value = ..., **told: Value) -> None:
        self.default = default
        self.default_factory = told.get("default_factory")
        self.description = told.get("description")
        self.alias = told.get("serialization_alias") or told.get("alias")
        self.hint: Value = None
        """The annotation of the field."""
        self.checked = told.get("validate_default", False)

    def taken(self, value: Value) -> Value:
        """Return what becomes of a value that is given to a new object."""
        if type(value) is not self.hint or self.hint not in (bool, int, float, str) or self.alias:
            raise refused("what Pydantic makes of such a value is not evaluated")
        return value

    def made(self) -> Value:
        """Return the default of a new object."""
        if self.checked or (self.default is ... and self.default_factory is None):
            raise refused("what Pydantic makes of a default is not evaluated")
        if callable(self.default_factory):
            return known(self.default_factory())
        return copy.deepcopy(self.default)


_DATA: Final = (bool, int, float, str, list, dict, tuple)
"""What a model may hold under a name without an annotation: older Pydantic takes it for a field."""

_CHANGING: Final = ("validate_", "str_", "alias_")
"""How settings of a model begin that have a say in what becomes of values."""


class Model:
    """Stands for `pydantic.BaseModel`: what it does with values is not evaluated."""

    model_fields: ClassVar[dict[str, ModelField]] = {}
    model_config: ClassVar[dict[str, Value]] = {}

    def __init__(self, **values: Value) -> None:
        if values.keys() - self.model_fields.keys() or any(map(_validates, type(self).__mro__)):
            raise refused("an object of such a Pydantic model is not evaluated")
        for name, told in self.model_fields.items():
            taken = told.taken(values[name]) if name in values else told.made()
            object.__setattr__(self, name, taken)

    def __init_subclass__(cls, **config: Value) -> None:
        super().__init_subclass__()
        if config:
            cls.model_config = config
        found = dict(cls.model_fields)
        for name, hint in inspect.get_annotations(cls).items():
            if name.startswith("_") or is_class_variable(name, hint):
                continue
            value = vars(cls).get(name, ...)
            found[name] = value if isinstance(value, ModelField) else ModelField(value)
            found[name].hint = hint
            if name in vars(cls):
                delattr(cls, name)
        cls.model_fields = found

    def __setattr__(self, name: str, value: Value) -> None:
        bases = type(self).__mro__
        if any(vars(base).get("model_config") or _validates(base) for base in bases):
            raise refused("what Pydantic makes of a value is not evaluated")
        if name not in self.model_fields:
            raise refused("what is no field of a Pydantic model is not set")
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        raise refused("objects of a Pydantic model are not compared")

    def __iter__(self) -> NoReturn:
        raise refused("objects of a Pydantic model are not taken apart")

    def __hash__(self) -> int:
        if any(vars(base).get("model_config") for base in type(self).__mro__):
            raise refused("whether such a Pydantic model can be a key is not evaluated")
        raise TypeError(f"unhashable type: {type(self).__name__!r}")


def _validates(cls: type) -> bool:
    """Whether a class of a model has a say in what becomes of values."""
    held: dict[str, Value] = dict(vars(cls))
    config = held.get("model_config", {})
    lost = any(isinstance(each, Unknown) or _is_decorated(each) for each in held.values())
    checks = not isinstance(config, dict) or any(name.startswith(_CHANGING) for name in config)
    own = held.keys() - {"model_config", "model_fields", *inspect.get_annotations(cls)}
    plain = any(isinstance(held[name], _DATA) for name in own if not name.startswith("_"))
    return lost or checks or plain or "Config" in held or "model_post_init" in held


def _is_decorated(value: Value) -> bool:
    value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    decorators = value.decorators if isinstance(value, Function) else ()
    return any(isinstance(each, Unknown) for each in decorators)


PYDANTIC: Final[dict[str, Value]] = dict.fromkeys(
    ("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"), Model
)


class Deferred:
    """An annotation whose meaning is asked for later: a text, or something that is not known.

    The reader of types takes it for a `NewType` of what it means.
    """

    def __init__(self, resolve: Callable[[], Value], shown: str) -> None:
        self._resolve, self._shown = resolve, shown

    @property
    def __supertype__(self) -> Value:
        try:
            return self._resolve()
        except AttributeError as error:  # which would say that there is no `__supertype__`
            raise TypeError(str(error)) from error

    def __repr__(self) -> str:
        return self._shown

    def __call__(self) -> None:
        """Be callable, as Python wants a type to be."""


class OutsideType:
    """An annotation that names something outside the project."""

    def __init__(self, unknown: Unknown) -> None:
        self.unknown = unknown
        module, _, self.__qualname__ = unknown.dotted.rpartition(".")
        self.__module__ = module

    def __repr__(self) -> str:
        return self.unknown.dotted

    def __call__(self) -> None:
        """Be callable, as Python wants a type to be."""

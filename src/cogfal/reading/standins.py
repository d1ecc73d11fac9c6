"""What stands for things from outside the project while a text is read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from cogfal.reading.part import Atomic
from cogfal.reading.unknown import Unknown, Value, refused

Handler = Callable[..., Value]


class Known(Atomic):
    """A function from outside the project that is evaluated; calling it is what the text does.

    `about` is what it calls and holds of the author's.
    """

    def __init__(self, name: str, handler: Handler, *about: Value) -> None:
        self.name, self.handler, self.about = name, handler, about

    def __call__(self, *positional: Value, **keywords: Value) -> Value:
        try:
            inspect.signature(self.handler).bind(*positional, **keywords)
        except TypeError:
            raise refused(f"{self.name}() is not evaluated with such arguments") from None
        return self.handler(*positional, **keywords)


class Cached(Known):
    """A function of the author's whose results are remembered."""

    def __get__(self, owner: Value, kind: type | None = None) -> Value:
        return self if owner is None else functools.partial(self, owner)


@dataclass(eq=False, repr=False, slots=True)
class Shown(Unknown):
    """A value that is not evaluated any further, but has the JSON form of `value`."""

    value: Value = None


@dataclass(eq=False)
class Described:
    """What `Input()` was told."""

    positional: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False)
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


class FieldInfo:
    """Stands for what `pydantic.Field()` makes."""

    def __init__(self, default: Value = ..., **told: Value) -> None:
        self.default = default
        self.default_factory = told.get("default_factory")
        self.description = told.get("description")
        self.alias = told.get("serialization_alias") or told.get("alias")


class Model:
    """Stands for `pydantic.BaseModel`: what it does with values is not evaluated."""

    model_fields: ClassVar[dict[str, FieldInfo]] = {}

    def __init__(self, **values: Value) -> None:
        if values:
            raise refused("an object of a Pydantic model is not evaluated")

    def __init_subclass__(cls, **_: Any) -> None:
        super().__init_subclass__()
        found = dict(cls.model_fields)
        for name in inspect.get_annotations(cls):
            value = vars(cls).get(name, ...)
            found[name] = value if isinstance(value, FieldInfo) else FieldInfo(value)
        cls.model_fields = found


PYDANTIC: Final[dict[str, Value]] = dict.fromkeys(
    ("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"), Model
)

"""Replace the values of enum inputs by the members of the author's own Enum classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from inspect import isclass
from typing import Any, NamedTuple, get_args, get_type_hints

from cogfal.spec import DictType, EnumType, ListType, OptionalType, PredictorSpec, Type


class Members(NamedTuple):
    """The inputs that hold enum values, by name, with their types, and the Enum classes."""

    inputs: Mapping[str, Type]
    classes: Mapping[str, type[Enum]]

    def fill(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the inputs with members in place of values."""
        if not self.inputs:
            return values
        filled = dict(values)
        for name, kind in self.inputs.items():
            if name in filled:
                filled[name] = self._member(filled[name], kind)
        return filled

    def _member(self, value: Any, kind: Type) -> Any:
        match kind:
            case EnumType(name) if value is not None and name in self.classes:
                return self.classes[name](value)
            case OptionalType(inner) if value is not None:
                return self._member(value, inner)
            case ListType(item) if isinstance(value, list):
                return [self._member(entry, item) for entry in value]
            case DictType(inner) if isinstance(value, dict):
                return {key: self._member(entry, inner) for key, entry in value.items()}
            case _:
                return value


def members_of(spec: PredictorSpec, method: Callable[..., Any]) -> Members:
    """Find the Enum classes that the method's annotations name."""
    inputs = {entry.name: entry.type for entry in spec.inputs if _holds_enum(entry.type)}
    if not inputs:
        return Members({}, {})
    hints = get_type_hints(method)
    classes = (found for name in inputs for found in _enums(hints.get(name)))
    return Members(inputs, {found.__name__: found for found in classes})


def _holds_enum(kind: Type) -> bool:
    match kind:
        case EnumType():
            return True
        case OptionalType(inner) | ListType(inner) | DictType(inner):
            return _holds_enum(inner)
        case _:
            return False


def _enums(annotation: Any) -> Iterator[type[Enum]]:
    if isclass(annotation) and issubclass(annotation, Enum):
        yield annotation
    for argument in get_args(annotation):
        yield from _enums(argument)

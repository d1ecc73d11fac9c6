"""Python's typing constructs, made of what the text says: subscripts and unions."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.classes import Deferred, OutsideType
from cogfal.reading.functions import Function
from cogfal.reading.part import Part
from cogfal.reading.unknown import Unknown, Value, known

if TYPE_CHECKING:
    from cogfal.reading.scopes import Scope

_NAMES: Final[dict[str, Any]] = vars(typing)
_ALIAS: Final[type] = type(_NAMES["List"][int])
_SPECIAL: Final[tuple[type, ...]] = tuple(
    type(_NAMES[name]) for name in ("Union", "List", "Tuple", "Callable", "Literal", "Optional")
)
_KINDS: Final = (
    type, types.GenericAlias, types.UnionType, _ALIAS, typing.TypeVar, *_SPECIAL, Deferred,
    OutsideType,
)  # fmt: skip
_OF_PYTHON: Final = frozenset({"typing", "collections.abc", "builtins"})


class Typings(Part):
    """Makes typing constructs."""

    def is_type(self, *values: Value) -> bool:
        """Whether `|` between two values makes a union of types."""
        kinds = [value for value in values if _is_kind(value)]
        return bool(kinds) and all(
            _is_kind(value) or value is None or isinstance(value, str) for value in values
        )

    def union(self, left: Value, right: Value) -> Value:
        """Return `left | right` of types."""
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
        return isinstance(value, (_ALIAS, types.GenericAlias, *_SPECIAL))

    def subscripted(self, base: Value, key: Value, scope: Scope) -> Value:
        """Return a generic type with its arguments."""
        arguments = key if isinstance(key, tuple) else (key,)
        if base is typing.Literal:
            return typing.Literal[tuple(map(known, arguments))]
        if base is typing.Annotated:
            first, *rest = arguments
            marks = ("unknown" if isinstance(each, Unknown) else each for each in rest)
            return typing.Annotated[(self._world.classes.typed(first, scope), *marks)]
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
    return isinstance(value, _KINDS) or hasattr(value, "__supertype__")

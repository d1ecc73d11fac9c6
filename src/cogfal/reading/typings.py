"""Python's typing constructs, made of what the text says: subscripts and unions."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, Final

from cogfal.reading.classes import Deferred, OutsideType
from cogfal.reading.functions import Function
from cogfal.reading.part import Part
from cogfal.reading.unknown import Touched, Unknown, Value

if TYPE_CHECKING:
    from cogfal.reading.scopes import Scope

_NAMES: Final[dict[str, Any]] = vars(typing)
_ALIAS: Final[type] = type(_NAMES["List"][int])
_SPECIAL: Final[tuple[type, ...]] = tuple(
    type(_NAMES[name]) for name in ("Union", "List", "Tuple", "Callable", "Literal", "Optional")
)
_KINDS: Final = (type, types.GenericAlias, types.UnionType, _ALIAS, typing.TypeVar, *_SPECIAL)


class Typings(Part):
    """Makes typing constructs."""

    def is_type(self, *values: Value) -> bool:
        """Whether `|` between two values makes a union of types."""
        kinds = [self._is_kind(value) for value in values]
        return any(kinds) and all(
            kind or value is None or isinstance(value, str | Deferred | OutsideType)
            for kind, value in zip(kinds, values, strict=True)
        )

    def _is_kind(self, value: Value) -> bool:
        return isinstance(value, (*_KINDS, Deferred, OutsideType)) or _is_new_type(value)

    def union(self, left: Value, right: Value) -> Value:
        """Return `left | right` of types."""
        if isinstance(left, str) or isinstance(right, str):
            plain = isinstance(left, type | str) and isinstance(right, type | str | None)
            if plain:
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
        if base is typing.Literal:
            return self._literal(key)
        arguments = key if isinstance(key, tuple) else (key,)
        if base is typing.Annotated:
            if any(isinstance(a, Unknown) for a in arguments[1:]):
                arguments = (arguments[0], *(_plain(a) for a in arguments[1:]))
            first = self._world.classes.typed(arguments[0], scope)
            return typing.Annotated[(first, *arguments[1:])]
        typed = [self._argument(argument, scope) for argument in arguments]
        if isinstance(base, type) and not _is_of_typing(base):
            return base[tuple(typed)] if len(typed) > 1 else base[typed[0]]  # type: ignore[index]
        return base[tuple(typed)] if isinstance(key, tuple) else base[typed[0]]

    def _argument(self, value: Value, scope: Scope) -> Value:
        if isinstance(value, list):
            return [self._argument(item, scope) for item in value]
        return self._world.classes.typed(value, scope)

    def _literal(self, key: Value) -> Value:
        values = key if isinstance(key, tuple) else (key,)
        for value in values:
            if isinstance(value, Unknown):
                raise Touched(value)
        return typing.Literal[key]


def _plain(value: Value) -> Value:
    return "unknown" if isinstance(value, Unknown) else value


def _is_new_type(value: Any) -> bool:
    return hasattr(value, "__supertype__") and not isinstance(value, Unknown)


def _is_of_typing(cls: type) -> bool:
    return cls.__module__ in ("typing", "collections.abc", "builtins")

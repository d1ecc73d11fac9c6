"""Walk through lists and objects, nested to any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Loc: TypeAlias = "tuple[str | int, ...]"
"""The way to a value: names of fields and numbers of items."""


def map_leaves(
    value: Any, change: Callable[[Any], Any], is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """Return a value with what `change` makes of each leaf: what is neither a list nor an object.

    What `is_leaf` says so of is one, too.
    """
    if is_leaf is not None and is_leaf(value):
        return change(value)
    if isinstance(value, Mapping):
        return {name: map_leaves(one, change, is_leaf) for name, one in value.items()}
    if _is_list(value):
        return [map_leaves(one, change, is_leaf) for one in value]
    return change(value)


def leaves(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Yield each leaf of a value, and the way to it."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from leaves(one, (*loc, name))
    elif _is_list(value):
        for index, one in enumerate(value):
            yield from leaves(one, (*loc, index))
    else:
        yield loc, value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)

"""Combine types into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogfal.spec import IteratorType, ListType, NullType, OptionalType, Type, UnionType

if TYPE_CHECKING:
    from collections.abc import Sequence


def optional(inner: Type) -> Type:
    """Return `Optional[inner]`, flat."""
    return inner if isinstance(inner, (OptionalType, NullType)) else OptionalType(inner)


def union(members: Sequence[Type]) -> Type:
    """Return the union of types, flat, without repetition, None as `OptionalType`."""
    flat: list[Type] = []
    nullable = False
    for member in members:
        nullable = nullable or isinstance(member, (NullType, OptionalType))
        inner = member.inner if isinstance(member, OptionalType) else member
        parts = inner.members if isinstance(inner, UnionType) else (inner,)
        flat.extend(p for p in parts if p not in flat and not isinstance(p, NullType))
    if not flat:
        return NullType()
    whole = flat[0] if len(flat) == 1 else UnionType(tuple(flat))
    return OptionalType(whole) if nullable else whole


def yielded(declared: Type) -> Type:
    """Return what a generator gives, whatever its author declared.

    One that is annotated as `list[T]` yields the items of that list, one after the other: a `T`
    each, as Cog collects and describes them.
    """
    if isinstance(declared, IteratorType):
        return declared
    whole = declared.inner if isinstance(declared, OptionalType) else declared
    return IteratorType(whole.item if isinstance(whole, ListType) else declared)

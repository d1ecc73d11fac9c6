"""Tell from an output's type what its values can hold."""

from __future__ import annotations

from cogfal.spec import (
    AnyType,
    DictType,
    FileType,
    IteratorType,
    ListType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    Type,
    UnionType,
)


def may_hold_file(kind: Type) -> bool:
    """Whether a value of this type can be a file, or have one among its parts."""
    match kind:
        case PathType() | FileType() | AnyType() | OpaqueType():
            return True
        case OptionalType(inner) | ListType(inner) | DictType(inner) | IteratorType(inner):
            return may_hold_file(inner)
        case UnionType(members):
            return any(may_hold_file(member) for member in members)
        case ObjectType():
            return any(may_hold_file(field.type) for field in kind.fields)
        case _:
            return False

"""Tell from an output's type what its values can hold."""

from __future__ import annotations

from cogfal.spec import AnyType, FileType, OpaqueType, PathType, Type, holds


def may_hold_file(kind: Type) -> bool:
    """Whether a value of this type can be a file, or have one among its parts."""
    return holds(kind, PathType, FileType, AnyType, OpaqueType)

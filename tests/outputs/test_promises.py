"""What a declared output can hold."""

from __future__ import annotations

import pytest

from cogfal.outputs import may_hold_file
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    FileType,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)


def an_object(*kinds: Type) -> ObjectType:
    """Make an object type with a field of each kind."""
    return ObjectType("Output", tuple(FieldSpec(f"f{i}", kind) for i, kind in enumerate(kinds)))


@pytest.mark.parametrize(
    "kind",
    [
        PathType(),
        FileType(),
        AnyType(),
        OpaqueType(),
        ListType(PathType()),
        DictType(AnyType()),
        OptionalType(FileType()),
        IteratorType(PathType()),
        UnionType((StringType(), PathType())),
        an_object(StringType(), an_object(ListType(PathType()))),
    ],
    ids=repr,
)
def test_files_may_be_among_it(kind: Type) -> None:
    """Where a file is declared, at any depth, and where nothing is."""
    assert may_hold_file(kind)


@pytest.mark.parametrize(
    "kind",
    [
        StringType(),
        LiteralType(("a",)),
        ListType(IntegerType()),
        DictType(StringType()),
        OptionalType(IntegerType()),
        IteratorType(StringType(), concatenate=True),
        UnionType((StringType(), IntegerType())),
        an_object(StringType(), an_object(IntegerType())),
    ],
    ids=repr,
)
def test_no_file_is_among_it(kind: Type) -> None:
    """Text and numbers, however they are put together."""
    assert not may_hold_file(kind)

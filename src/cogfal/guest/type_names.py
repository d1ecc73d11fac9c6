"""Know the names of types outside the project, and combine types into one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cogfal.spec import (
    AnyType,
    BooleanType,
    DictType,
    FileType,
    FloatType,
    IntegerType,
    IteratorType,
    ListType,
    NullType,
    OptionalType,
    PathType,
    Role,
    SecretType,
    StringType,
    Type,
    UnionType,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COG_ROOTS = frozenset({"cog", "cogfal"})
COG_BASES = frozenset({"BasePredictor", "BaseRunner", "Model", "Predictor"})
"""What the base class of predictors is called in Cog, today and before."""

METHODS = {Role.PREDICT: ("run", "predict"), Role.TRAIN: ("train", "run", "predict")}
"""What the author's function is called in a class, the preferred name first."""

_TYPING = frozenset({"typing", "typing_extensions", "collections.abc", "builtins", "cog"})

_PLAIN: dict[str, Type] = {
    "builtins.str": StringType(),
    "typing.Text": StringType(),
    "builtins.int": IntegerType(),
    "builtins.float": FloatType(),
    "numpy.float64": FloatType(),
    "builtins.bool": BooleanType(),
    "builtins.object": AnyType(),
    "typing.Any": AnyType(),
    "typing_extensions.Any": AnyType(),
    "types.NoneType": NullType(),
    "cog.File": FileType(),
    "cog.URLFile": FileType(),
    "cog.Secret": SecretType(),
    "pydantic.SecretStr": SecretType(),
    "pydantic.types.SecretStr": SecretType(),
    "cog.Path": PathType(),
    "cog.URLPath": PathType(),
    "os.PathLike": PathType(),
    "pathlib.Path": PathType(),
    "pathlib.PosixPath": PathType(),
    "pathlib.PurePath": PathType(),
    "pathlib.PurePosixPath": PathType(),
    "pydantic.FilePath": PathType(),
}

_CONTAINERS: dict[str, str] = {
    "Optional": "Optional",
    "Union": "Union",
    "Literal": "Literal",
    "Annotated": "Annotated",
    **dict.fromkeys(
        ("Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar"), "transparent"
    ),
    **dict.fromkeys(("list", "List", "Sequence", "MutableSequence", "Collection"), "list"),
    **dict.fromkeys(("set", "Set", "frozenset", "FrozenSet", "AbstractSet"), "list"),
    **dict.fromkeys(("tuple", "Tuple"), "tuple"),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping"), "dict"),
    **dict.fromkeys(("OrderedDict", "DefaultDict"), "dict"),
    **dict.fromkeys(("Iterator", "Iterable", "Generator"), "iterator"),
    **dict.fromkeys(("AsyncIterator", "AsyncIterable", "AsyncGenerator"), "iterator"),
    **dict.fromkeys(("ConcatenateIterator", "AsyncConcatenateIterator"), "concatenate"),
}

_OTHER_CONTAINERS = {
    "collections.OrderedDict": "dict",
    "collections.defaultdict": "dict",
    "os.PathLike": "path",
    "dataclasses.InitVar": "transparent",
}

_BARE: dict[str, Type] = {
    "list": ListType(AnyType()),
    "tuple": ListType(AnyType()),
    "dict": DictType(AnyType()),
    "iterator": IteratorType(AnyType()),
    "concatenate": IteratorType(StringType(), concatenate=True),
}


_STANDARD = frozenset({"cog", *getattr(sys, "stdlib_module_names", ())})
"""Packages whose names are known; older Pythons cannot tell all of theirs."""


class Unservable(Exception):
    """Say that a type or value has no counterpart; `foreign` where it is merely not known."""

    def __init__(self, reason: str, *, foreign: bool = False) -> None:
        self.reason = reason
        self.foreign = foreign
        super().__init__(reason)


def container(name: str) -> str:
    """Return which kind of container a canonical name means, empty where it means none."""
    if name in _OTHER_CONTAINERS:
        return _OTHER_CONTAINERS[name]
    module, _, last = name.rpartition(".")
    return _CONTAINERS.get(last, "") if module in _TYPING else ""


def is_plain(name: str) -> bool:
    """Whether a canonical name means a type by itself."""
    return name in _PLAIN or container(name) in _BARE


def plain_type(name: str) -> Type:
    """Return the type that a canonical name means by itself.

    Raises:
        Unservable: It means none, or is not known here.
    """
    found = _PLAIN.get(name) or _BARE.get(container(name))
    if found is not None:
        return found
    shown = name[len("builtins.") :] if name.startswith("builtins.") else name
    if name.partition(".")[0] in _STANDARD:
        raise Unservable(f"{shown} is not a type that travels as JSON or as a file")
    raise Unservable(f"{shown} is not part of the project", foreign=True)


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

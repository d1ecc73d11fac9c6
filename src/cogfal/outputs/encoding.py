"""Turn any value into JSON, setting its files aside.

Whatever has no JSON form is an error that names the place; nothing becomes null on the way.
"""

from __future__ import annotations

import dataclasses
import io
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from cogfal.errors import OutputError
from cogfal.outputs.labels import Loc, label
from cogfal.spec import (
    JSON,
    AnyType,
    DictType,
    FileType,
    IteratorType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)

_MAX_DEPTH = 100
_MAX_BITS = 14_000  # some 4,200 digits; sys.int_info.default_max_str_digits is 4,300
_BYTES = (bytes, bytearray, memoryview)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class FoundFile:
    """A file inside an output: `source` is a path, a URL, a file object, bytes or an image."""

    loc: Loc
    source: Any


class Encoder:
    """Encode one value; `files` are the files found in it, each in the result at its place."""

    def __init__(self) -> None:
        self.files: list[FoundFile] = []
        self._open: set[int] = set()

    def encode(self, value: Any, kind: Type, loc: Loc = ()) -> JSON:
        """Return the JSON form of `value`, declared as `kind`; raise `OutputError` if it has none.

        JSON has no NaN and no infinity, so they are errors. Sets become lists, sorted where their
        elements can be; arrays and tensors become nested lists; bytes have to be UTF-8 text.
        """
        kind = _unwrapped(kind, value)
        if is_file(value, kind):
            self.files.append(FoundFile(loc, value))
            return self.files[-1]
        scalar = _scalar(value, loc)
        if scalar is not _NOT_A_SCALAR:
            return scalar
        with self._inside(value, loc):
            return self._container(value, kind, loc)

    def _container(self, value: Any, kind: Type, loc: Loc) -> JSON:
        if callable(getattr(value, "get_secret_value", None)):
            return str(value)
        fields = _fields(value, loc)
        if fields is not None:
            return self._mapping(fields, kind, loc)
        if isinstance(value, list | tuple | set | frozenset | range):
            return self._sequence(_ordered(value), kind, loc)
        if _is_array(value):
            return self.encode(_plain(value, loc), kind, loc)
        if isinstance(value, Iterator):
            raise OutputError(f"{label(loc)} is a generator; yield from predict, or return a list")
        return _by_pydantic(value, loc)

    def _mapping(self, fields: Mapping[Any, Any], kind: Type, loc: Loc) -> JSON:
        declared = {f.name: f.type for f in kind.fields} if isinstance(kind, ObjectType) else {}
        other = kind.value if isinstance(kind, DictType) else AnyType()
        encoded = {}
        for key, element in fields.items():
            name = _key(key, loc)
            encoded[name] = self.encode(element, declared.get(name, other), (*loc, name))
        return encoded

    def _sequence(self, elements: Iterable[Any], kind: Type, loc: Loc) -> JSON:
        item = kind.item if isinstance(kind, ListType) else AnyType()
        return [self.encode(element, item, (*loc, i)) for i, element in enumerate(elements)]

    @contextmanager
    def _inside(self, value: Any, loc: Loc) -> Iterator[None]:
        if id(value) in self._open:
            raise OutputError(f"{label(loc)} contains itself")
        if len(loc) > _MAX_DEPTH:
            raise OutputError(f"{label(loc[:3])}... is nested more than {_MAX_DEPTH} levels deep")
        self._open.add(id(value))
        try:
            yield
        finally:
            self._open.remove(id(value))


def filled(encoded: JSON, results: Mapping[FoundFile, JSON]) -> JSON:
    """Copy an encoder's result with what became of each file in its place."""
    match encoded:
        case FoundFile():
            return results[encoded]
        case list():
            return [filled(element, results) for element in encoded]
        case dict():
            return {key: filled(element, results) for key, element in encoded.items()}
        case _:
            return encoded


def is_file(value: Any, kind: Type) -> bool:
    """Tell whether `value` is to be delivered as a file; text and bytes only where declared."""
    if isinstance(kind, PathType | FileType) and isinstance(value, (str, *_BYTES)):
        return True
    return isinstance(value, PurePath | io.IOBase) or is_file_object(value) or is_image(value)


def is_file_object(value: Any) -> bool:
    """Tell whether `value` reads and closes as files do (temporary files are no `IOBase`)."""
    return callable(getattr(value, "read", None)) and callable(getattr(value, "close", None))


def is_image(value: Any) -> bool:
    """Tell whether `value` is a Pillow image; Pillow is not imported to find out."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


class _NotAScalar(Enum):
    NOT_A_SCALAR = 0


_NOT_A_SCALAR = _NotAScalar.NOT_A_SCALAR


def _scalar(value: Any, loc: Loc) -> JSON | _NotAScalar:
    """Encode a value without parts."""
    match value:
        case None | bool():
            return value
        case Enum():
            return _scalar(value.value, loc)
        case str() | int():
            return _unicode(value) if isinstance(value, str) else _writable(int(value), loc)
        case float():
            return _finite(value, loc)
        case bytes() | bytearray() | memoryview():
            return _text(bytes(value), loc)
        case _:
            return _NOT_A_SCALAR


def _unicode(value: str) -> str:
    """Return a text with `?` for what is no Unicode: half of a surrogate pair."""
    if value.isascii():
        return str(value)
    return value.encode("utf-8", "replace").decode()


def _writable(value: int, loc: Loc) -> int:
    """Refuse what Python itself neither writes nor reads as a decimal number."""
    if value.bit_length() > _MAX_BITS:
        raise OutputError(f"{label(loc)} is an integer of thousands of digits; return a text")
    return value


def _finite(value: float, loc: Loc) -> float:
    if not math.isfinite(value):
        raise OutputError(f"{label(loc)} is {value}, which JSON cannot say; return None or a text")
    return float(value)


def _text(value: bytes, loc: Loc) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputError(
            f"{label(loc)} is bytes that are no text; write them to a file and return its Path"
        ) from error


def _is_array(value: Any) -> bool:
    """Tell whether it is an array, a tensor or one of their scalars."""
    return hasattr(value, "tolist") and hasattr(value, "dtype")


def _plain(value: Any, loc: Loc) -> Any:
    """Return the values of an array as Python's own; numpy's longdouble, for one, has none."""
    plain = value.tolist()
    if _is_array(plain):
        raise OutputError(f"{label(loc)} is a {type(value).__name__}, which has no JSON form")
    return plain


def _fields(value: Any, loc: Loc) -> Mapping[Any, Any] | None:
    """Return the fields of an object or the items of a mapping, one level deep."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if dump is None or isinstance(value, type):
        return None
    try:
        dumped: dict[str, Any] = dump(warnings=False)
    except (ValueError, PydanticSerializationError) as error:
        raise OutputError(f"{label(loc)} cannot be written as JSON: {error}") from error
    return dumped


def _ordered(value: Any) -> Iterable[Any]:
    if not isinstance(value, set | frozenset):
        return value  # type: ignore[no-any-return]  # a list, tuple or range
    try:
        return sorted(value)
    except TypeError:
        return value


def _key(key: Any, loc: Loc) -> str:
    """Write a dictionary's key as `json.dumps` does."""
    match key:
        case Enum():
            return _key(key.value, loc)
        case str():
            return _unicode(key)
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case _:
            kind = type(key).__name__
            raise OutputError(f"{label(loc)} has a key of type {kind}; JSON objects have text keys")


def _by_pydantic(value: Any, loc: Loc) -> JSON:
    """Encode dates, UUIDs, decimals and the like."""
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError) as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise OutputError(
            f"{label(loc)} is a {kind}, which has no JSON form; return its parts, or a file's Path"
        ) from error


def _unwrapped(kind: Type, value: Any) -> Type:
    """Return the kind that `value` itself has in an optional, a union or an iterator."""
    match kind:
        case OptionalType(inner):
            return _unwrapped(inner, value)
        case IteratorType(item):
            return _unwrapped(item, value)
        case UnionType(members):
            return next((m for m in members if _fits(m, value)), AnyType())
        case _:
            return kind


def _fits(kind: Type, value: Any) -> bool:
    match kind:
        case StringType():
            return isinstance(value, str)
        case PathType() | FileType():
            return is_file(value, kind)
        case ListType():
            return isinstance(value, list | tuple | set | frozenset)
        case DictType():
            return isinstance(value, dict)
        case ObjectType(name=name):
            return type(value).__name__ == name
        case _:
            return False

"""Write what the author's code returned as JSON text, with its files set aside.

Whatever has no JSON form is an error that names the place; nothing becomes null on the way.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

from cogfal.cog.metrics import MOST_BITS
from cogfal.guest.saving import FileReference, Saver, Unfit, is_file, label
from cogfal.spec import (
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
    holds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cogfal.guest.saving import Loc


_MAX_DEPTH = 100
_SHOWN = 60
"""Characters of a key that stand in the name of a place."""
MOST_BYTES = 1024 * 1024 * 1024
"""Bytes that a result may have, the addresses of its files with it."""
MOST_FILES = 10_000
"""Files that a result may have: each is judged, stored and told of by itself."""
_BYTES = (bytes, bytearray, memoryview)
_SEQUENCES = (list, tuple, set, frozenset, range, deque)
_TOGETHER = 4096
"""Elements that are written at once; the interpreter is not left to others meanwhile."""
_JOINED = 32
"""Texts, each of so many elements at most, that are joined at once."""
_SIMPLE = frozenset({str, int, float, bool, type(None)})
_write = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


class Encoded(NamedTuple):
    """A result as JSON text in UTF-8, and the files that belong between its parts.

    The text is `parts[0]`, what became of `files[0]` as JSON, `parts[1]`, and so on: there is one
    part more than there are files.
    """

    parts: tuple[bytes, ...]
    files: tuple[FileReference, ...] = ()


def encode(
    value: Any,
    kind: Type,
    workspace: str,
    keep: Callable[[Any], object] = lambda _: None,
    do: Callable[[Callable[[], None]], object] = lambda job: job(),
) -> Encoded:
    """Return the JSON form of `value`, declared as `kind`.

    JSON has no NaN and no infinity, so they are errors. Sets become lists, sorted where their
    elements can be; arrays and tensors become nested lists; bytes have to be UTF-8 text; half a
    surrogate pair becomes a question mark. Relative paths are taken from the working directory.

    Args:
        value: What was returned, or one piece of it.
        kind: What its annotation says.
        workspace: The prediction's directory, made where a file has to be written.
        keep: Called with each file object that has to stay open until its file is delivered.
        do: Called with what copies a file object, to be done before the files are delivered; it may
            have no end, and raises `Unfit`.

    Raises:
        Unfit: It has none, or a file in it cannot be read.
    """
    if type(value) in _SIMPLE and (
        type(value) is not str
        or isinstance(kind, StringType)
        or not holds(kind, PathType, FileType)
    ):
        return Encoded((str(_scalar(value, ())).encode("utf-8", "replace"),))
    writer = _Writer(Saver(workspace, keep, do))
    writer.write(value, kind, ())
    return writer.encoded()


def as_read(value: Any) -> Any:
    """Return a text, a number or None as it is once it was written as JSON and read again.

    Raises:
        Unfit: It has no JSON form.
    """
    if type(value) is not str:
        _scalar(value, ())
        return value
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


class _Writer:
    """Writes one value; its text is gathered until a file comes in between."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver
        self._text: list[str] = []
        self._parts: list[bytes] = []
        self._files: list[FileReference] = []
        self._open: set[int] = set()

    def encoded(self) -> Encoded:
        """Return what was written, unless it is too large to be handed over."""
        self._end_part()
        urls = (len((file.url or "").encode("utf-8", "replace")) for file in self._files)
        if sum(map(len, self._parts)) + sum(urls) > MOST_BYTES:
            raise Unfit(f"output is larger than {MOST_BYTES} bytes of JSON; yield or return files")
        return Encoded(tuple(self._parts), tuple(self._files))

    def _end_part(self) -> None:
        texts = self._text
        some = ("".join(texts[at : at + _JOINED]) for at in range(0, len(texts), _JOINED))
        # Python joins large bytes, and no large texts, without keeping other threads waiting.
        self._parts.append(b"".join(each.encode("utf-8", "replace") for each in some))
        texts.clear()

    def write(self, value: Any, kind: Type, loc: Loc) -> None:
        kind = _unwrapped(kind, value)
        if is_file(value, kind):
            self._end_part()
            if len(self._files) >= MOST_FILES:
                raise Unfit(f"output has more than {MOST_FILES} files; return an archive of them")
            self._files.append(self._saver.reference(value, loc))
            return
        scalar = _scalar(value, loc)
        if scalar is not None:
            self._text.append(scalar)
            return
        if isinstance(value, Enum):
            self.write(value.value, kind, loc)
            return
        if id(value) in self._open:
            raise Unfit(f"{label(loc)} contains itself")
        if len(loc) > _MAX_DEPTH:
            raise Unfit(f"{label(loc[:3])}... is nested more than {_MAX_DEPTH} levels deep")
        self._open.add(id(value))
        self._write_container(value, kind, loc)
        self._open.remove(id(value))

    def _write_container(self, value: Any, kind: Type, loc: Loc) -> None:
        if callable(getattr(value, "get_secret_value", None)):
            self.write(str(value), StringType(), loc)
        elif isinstance(value, Mapping):
            self._write_mapping(value, kind, loc)
        elif isinstance(value, _SEQUENCES):
            self._write_sequence(_ordered(value), kind, loc)
        elif isinstance(value, Iterator):
            raise Unfit(f"{label(loc)} is a generator; yield from predict, or return a list")
        else:
            self.write(_simpler(value, loc), kind, loc)

    def _write_mapping(self, items: Mapping[Any, Any], kind: Type, loc: Loc) -> None:
        declared = {f.name: f.type for f in kind.fields} if isinstance(kind, ObjectType) else {}
        other = kind.value if isinstance(kind, DictType) else AnyType()
        named = {_key(key, loc): element for key, element in items.items()}
        before = "{"
        for name, element in named.items():
            self._text.append(f"{before}{encode_basestring(name)}:")
            self.write(element, declared.get(name, other), (*loc, name[:_SHOWN]))
            before = ","
        self._text.append("{}" if before == "{" else "}")

    def _write_sequence(self, elements: Sequence[Any], kind: Type, loc: Loc) -> None:
        item = kind.item if isinstance(kind, ListType) else AnyType()
        texts = not holds(item, PathType, FileType)
        self._text.append("[")
        for start in range(0, len(elements), _TOGETHER):
            if start:
                self._text.append(",")
            some = list(elements[start : start + _TOGETHER])
            written = _written_at_once(some) if texts else None
            if written is not None:
                self._text.append(written)
                continue
            for index, element in enumerate(some, start):
                if index > start:
                    self._text.append(",")
                self.write(element, item, (*loc, index))
        self._text.append("]")


def _written_at_once(elements: Sequence[Any]) -> str | None:
    """Write elements without parts in one go; None where each has to be looked at."""
    if not _SIMPLE.issuperset(map(type, elements)):
        return None
    try:
        text = _write(elements)
    except ValueError:  # NaN, or an integer that is not written: found and named one by one
        return None
    if len(text) > MOST_BITS // 4 and any(type(e) is int and _is_endless(e) for e in elements):
        return None
    return text[1:-1]


def _scalar(value: Any, loc: Loc) -> str | None:
    """Write a value without parts; None where it is something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return None
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, int):
        if _is_endless(value):
            raise Unfit(f"{label(loc)} is an integer of thousands of digits; return a text")
        return int.__repr__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            shown = float(value)
            raise Unfit(f"{label(loc)} is {shown}, which JSON cannot say; return None or a text")
        return float.__repr__(value)
    return encode_basestring(_decoded(bytes(value), loc)) if isinstance(value, _BYTES) else None


def _is_endless(value: int) -> bool:
    """Tell of what Python itself neither writes nor reads as a decimal number."""
    return int.bit_length(value) > MOST_BITS


def _decoded(value: bytes, loc: Loc) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unfit(
            f"{label(loc)} is bytes that are no text; write them to a file and return its Path"
        ) from error


def _simpler(value: Any, loc: Loc) -> Any:
    """Return an object as something that is made of plainer parts.

    Raises:
        Unfit: It is none that is known.
    """
    if isinstance(value, type):
        raise Unfit(_without_form(value, loc))
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump") or (hasattr(value, "__fields__") and hasattr(value, "dict")):
        return _dumped(value, loc)
    if hasattr(value, "dtype"):
        return _of_array(value, loc)
    found = standard_form(value)
    if found is None:
        raise Unfit(_without_form(value, loc))
    return found


def _dumped(value: Any, loc: Loc) -> Any:
    """Return the fields of a model of Pydantic 2 or 1, or what a root model holds."""
    try:
        if hasattr(value, "model_dump"):
            return value.model_dump(warnings=False)
        fields = value.dict()
    except ValueError as error:
        raise Unfit(f"{label(loc)} cannot be written as JSON: {error}") from error
    return fields["__root__"] if set(fields) == {"__root__"} else fields


def _of_array(value: Any, loc: Loc) -> Any:
    """Return an array, a tensor or one of their scalars as Python's own numbers and lists."""
    if not hasattr(value, "tolist") and callable(getattr(value, "numpy", None)):
        value = value.numpy()
    plain = value.tolist() if hasattr(value, "tolist") else value
    if hasattr(plain, "dtype"):
        raise Unfit(f"{label(loc)} is a {type(value).__name__}, which has no JSON form")
    return plain


def _without_form(value: Any, loc: Loc) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return f"{label(loc)} is a {kind}, which has no JSON form; return its parts, or a file's Path"


def _ordered(value: Iterable[Any]) -> Sequence[Any]:
    if isinstance(value, (list, tuple, range)):
        return value
    if isinstance(value, deque):
        return list(value)
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def _key(key: Any, loc: Loc) -> str:
    """Write a dictionary's key as `json.dumps` does."""
    if isinstance(key, Enum):
        return _key(key.value, loc)
    if isinstance(key, str):
        return key
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (int, float)):
        return str(key)
    kind = type(key).__name__
    raise Unfit(f"{label(loc)} has a key of type {kind}; JSON objects have text keys")


def _unwrapped(kind: Type, value: Any) -> Type:
    """Return the kind that `value` itself has in an optional, a union or an iterator."""
    if isinstance(kind, OptionalType):
        return _unwrapped(kind.inner, value)
    if isinstance(kind, IteratorType):
        return _unwrapped(kind.item, value)
    if isinstance(kind, UnionType):
        return next((m for m in kind.members if _fits(m, value)), AnyType())
    return kind


def _fits(kind: Type, value: Any) -> bool:
    if isinstance(kind, StringType):
        return isinstance(value, str)
    if isinstance(kind, (PathType, FileType)):
        return is_file(value, kind)
    if isinstance(kind, ListType):
        return isinstance(value, (list, tuple, set, frozenset))
    if isinstance(kind, DictType):
        return isinstance(value, dict)
    return isinstance(kind, ObjectType) and type(value).__name__ == kind.name


_AS_TEXT = frozenset(
    {
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        *(
            f"ipaddress.IPv{n}{what}"
            for n in (4, 6)
            for what in ("Address", "Interface", "Network")
        ),
    }
)
_PATTERNS = frozenset({"re.Pattern", "_sre.SRE_Pattern"})


def standard_form(value: Any) -> str | None:
    """Return the text for such a value, None where it is none of them."""
    if isinstance(value, (dt.date, dt.time)):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, complex):
        return str(value).strip("()")
    names = {f"{base.__module__}.{base.__qualname__}" for base in type(value).__mro__}
    if names & _AS_TEXT:
        return str(value)
    return str(value.pattern) if names & _PATTERNS else None


def _duration(value: dt.timedelta) -> str:
    """Write a duration as ISO 8601 does, a year being 365 days."""
    sign = "-" if value < dt.timedelta(0) else ""
    value = abs(value)
    years, days = divmod(value.days, 365)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{value.microseconds:06}".rstrip("0.") if value.microseconds else ""
    date = (f"{years}Y" if years else "") + (f"{days}D" if days else "")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}" + (f"T{time}" if time else "")

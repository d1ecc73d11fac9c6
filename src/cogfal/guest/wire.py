"""Frames on the socket between the two sides, events as messages, and predictors as JSON.

A frame is a header in JSON and JSON text that passes as bytes, behind the lengths of both (four
bytes each, big-endian). The header is a list of messages; a message is a list of plain values, of
which the first says what it is. The bytes belong to the last message of the frame. Nothing is ever
unpickled, and the server's side trusts nothing that it reads.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from math import isfinite
from typing import Any, cast

from cogfal.guest.encoding import MOST_BYTES, Encoded
from cogfal.guest.events import (
    RAISED,
    RETURNED,
    SEVERAL,
    YIELDED,
    Done,
    Failure,
    Flush,
    Measured,
    Piece,
    Printed,
)
from cogfal.guest.faults import Fault, checked_answer
from cogfal.guest.saving import FileReference
from cogfal.spec import (
    JSON,
    MISSING,
    FieldSpec,
    InputSpec,
    Location,
    ObjectFlavour,
    PredictorSpec,
    Role,
    SetupSpec,
    Shape,
    Type,
)

HEAD = struct.Struct("!II")
MOST_OF_HEADER = 64 * 1024 * 1024
"""Bytes that a header may have; the author's side sends far smaller ones."""
MOST_OF_BODY = MOST_BYTES
"""Bytes that a result may have."""
SHORT = 4096
"""Bytes of a result that goes within its message, and of an address that does."""

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Printed, Flush, Measured, Piece, Done)}
_TYPES: dict[str, tuple[Any, ...]] = {
    "Printed": (int, str, str),
    "Flush": (int, str),
    "Measured": (int, str, object, str),
    "Piece": (int, str, object, bool, bool, bool),
    "Done": (int, object, object),
}

_PLAIN = {str, int, float, bool, type(None)}

# The author's code may put something else into the module `json`; a wire that breaks says nothing.
encoded = json.JSONEncoder(separators=(",", ":")).encode
_DECODE = json.JSONDecoder().decode


class Garbage(Exception):
    """Report bytes that are no frame."""


def decoded(text: bytes) -> Any:
    """Return what JSON text says."""
    return _DECODE(text.decode())


def pack(messages: list[Any], *body: bytes) -> list[bytes]:
    """Make a frame, in the pieces that its body has; large ones are not copied."""
    return framed(map(encoded, messages), *body)


def framed(messages: Iterable[str], *body: bytes) -> list[bytes]:
    """Make a frame of messages that are encoded; see `pack`."""
    header = "[{}]".format(",".join(messages)).encode()
    return [HEAD.pack(len(header), sum(map(len, body))) + header, *filter(None, body)]


class Unpacker:
    """Takes bytes as they come and gives the messages in them, each with the bytes it came with.

    Args:
        most_of_header: Bytes that the other side's headers may have.
    """

    def __init__(self, most_of_header: int = MOST_OF_HEADER) -> None:
        self._most_of_header = most_of_header
        self._buffer = bytearray()
        self._header = b""
        self._body = io.BytesIO()  # it grows where it lies, and is given away without a copy
        self._missing = 0

    def feed(self, data: bytes) -> Iterator[tuple[list[Any], bytes]]:
        """Take bytes.

        Raises:
            Garbage: They are no frame.
        """
        if self._missing:
            part, data = data[: self._missing], data[self._missing :]
            self._body.write(part)
            self._missing -= len(part)
            if self._missing:
                return
            whole, self._body = self._body.getvalue(), io.BytesIO()
            yield from _messages(self._header, whole)
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            header, body = HEAD.unpack_from(self._buffer)
            if header > self._most_of_header or body > MOST_OF_BODY:
                raise Garbage(f"a frame of {header} and {body} bytes")
            start, end = HEAD.size + header, HEAD.size + header + body
            if len(self._buffer) < start:
                return
            text, rest = bytes(self._buffer[HEAD.size : start]), bytes(self._buffer[start:end])
            if len(self._buffer) < end:
                self._header, self._missing = text, body - len(rest)
                self._body.write(rest)
                self._buffer.clear()
                return
            del self._buffer[:end]
            yield from _messages(text, rest)


def _messages(header: bytes, body: bytes) -> Iterator[tuple[list[Any], bytes]]:
    try:
        messages = decoded(header)
    except ValueError as error:  # UnicodeDecodeError is one
        raise Garbage(f"a header that is no JSON: {error}") from error
    if not isinstance(messages, list) or not all(isinstance(m, list) and m for m in messages):
        raise Garbage("a header that is no list of messages")
    for message in messages[:-1]:
        yield message, b""
    if messages:
        yield messages[-1], body


def message_of(event: Any) -> tuple[list[Any], bytes]:
    """Return an event as a message and the bytes that go with it."""
    values, body = list(event), b""
    if isinstance(event, Piece) and event.kind in (RETURNED, YIELDED):
        values[2], body = written(event.value)
    elif isinstance(event, Piece) and event.kind == RAISED:
        values[2] = event.value[:-1]  # all but the exception itself
    elif isinstance(event, Done) and event.failure is not None:
        fault = event.failure.fault
        values[2] = event.failure._replace(fault=fault and fault[:-1])
    return [type(event).__name__, *values], body


def event_of(message: list[Any], body: bytes) -> Any:
    """Return the event that a message and its bytes are.

    Raises:
        ValueError: It is none.
    """
    name, values = message[0], message[1:]
    types = _TYPES.get(name) if isinstance(name, str) else None
    if types is None or len(types) != len(values):
        raise ValueError(f"{name!r:.50} with {len(values)} values")
    if not all(map(isinstance, values, types)):
        raise ValueError(f"a {name} with values of other types")
    if name == "Piece":
        call, kind, value, rests, ignored, closes = values
        if kind == SEVERAL and (rests or not _are_plain(value)):
            raise ValueError("pieces that cannot come together")
        return Piece(call, kind, _value(kind, value, body), rests, ignored, closes)
    event = _KINDS[name](*values)
    if isinstance(event, Done) and event.failure is not None:
        return event._replace(failure=_failure(event.failure))
    return event


def _value(kind: str, value: Any, body: bytes) -> Any:
    """Return what a piece of a kind hands over."""
    if kind in (RETURNED, YIELDED):
        return read(value, body)
    return _fault(value) if kind == RAISED else value


def _are_plain(values: Any) -> bool:
    """Tell a list of texts and numbers that JSON can say."""
    kinds = set(map(type, values)) if isinstance(values, list) else {list}
    return kinds <= _PLAIN and not (
        float in kinds and any(type(each) is float and not isfinite(each) for each in values)
    )


def _failure(values: Any) -> Failure:
    text, remedy, mismatch, fault = _unpacked(values, 4)
    return Failure(str(text), remedy and str(remedy), bool(mismatch), fault and _fault(fault))


def _fault(values: Any) -> Fault:
    text, traceback, device, broken, cancellation, kind, fal = _unpacked(values, 7)
    flags = (bool(device), bool(broken), bool(cancellation))
    return Fault(str(text), str(traceback), *flags, str(kind), fal and checked_answer(fal))


def _unpacked(values: Any, count: int) -> list[Any]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError("a description of a failure that is none")
    return values


def written(value: Encoded) -> tuple[Any, bytes]:
    """Return what stands for an encoded result in a message, and its bytes, none if short."""
    files: list[list[Any]] = [list(file) for file in value.files]
    urls = [_set_aside(file) for file in files if file[2] is not None and len(file[2]) > SHORT]
    if not urls and sum(map(len, value.parts)) <= SHORT:
        return [[part.decode() for part in value.parts], files], b""
    return [[len(part) for part in value.parts], files], b"".join([*value.parts, *urls])


def _set_aside(file: list[Any]) -> bytes:
    """Put its length in the place of a long address, which goes behind the result's text."""
    url: bytes = file[2].encode("utf-8", "replace")
    file[2] = len(url)
    return url


def read(value: Any, body: bytes) -> Encoded:
    """Return an encoded result.

    Raises:
        ValueError: It is none.
    """
    try:
        lengths = [*value[0], *(file[2] for file in value[1] if isinstance(file[2], int))]
        pieces = _pieces(lengths, body)
        parts = tuple(islice(pieces, len(value[0])))
        if value[1] == [] and len(parts) == 1:  # nearly always
            return Encoded(parts)
        files = tuple(_file(file, pieces) for file in value[1])
    except (TypeError, LookupError) as error:
        raise ValueError(f"a result that is none: {error}") from error
    if len(parts) != len(files) + 1:
        raise ValueError("a result whose parts do not fit")
    return Encoded(parts, files)


def _file(values: Any, pieces: Iterator[bytes]) -> FileReference:
    loc, path, url, made = values
    if isinstance(url, int):
        url = next(pieces).decode()
    return FileReference(tuple(loc), path, url, made)


def _pieces(pieces: list[Any], body: bytes) -> Iterator[bytes]:
    """Yield texts as they are, and of the body as many bytes as each length says."""
    if sum(max(each, 0) for each in pieces if isinstance(each, int)) != len(body):
        raise ValueError("a result whose parts do not fit")
    start = 0
    for piece in pieces:
        if isinstance(piece, str):
            yield piece.encode()
        else:
            end = start + max(int(piece), 0)
            yield body[start:end]
            start = end


_ENUMS: dict[str, type[Enum]] = {"flavour": ObjectFlavour, "shape": Shape, "role": Role}
"""What the fields are members of that travel as a member's value."""

_CLASSES: dict[str, Any] = {
    each.__name__: each
    for each in (*Type.__args__, FieldSpec, InputSpec, SetupSpec, Location, PredictorSpec)  # type: ignore[attr-defined]  # a Union has them
}


def to_plain(spec: PredictorSpec) -> JSON:
    """Return a predictor as JSON, from which `from_plain` makes an equal one.

    A default that is no finite number is written as Python's `json` does: `NaN`, `Infinity`.
    """
    return _as_plain(spec)


def from_plain(plain: JSON) -> PredictorSpec:
    """Return the predictor that `to_plain` wrote.

    Raises:
        ValueError: It did not write this.
    """
    try:
        spec = _made(plain)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this describes no predictor: {error!r}") from error
    if not isinstance(spec, PredictorSpec):
        raise ValueError(f"this describes no predictor: {str(plain)[:100]}")  # noqa: TRY004 - no misuse
    return spec


def _as_plain(value: Any) -> JSON:
    if isinstance(value, Enum):
        return value.value
    kind = type(value).__name__
    if kind in _CLASSES:
        told = {name: getattr(value, name) for name in _names(type(value))}
        plain = {name: _as_plain(each) for name, each in told.items() if name != "default"}
        if told.get("default", MISSING) is not MISSING:
            plain["default"] = told["default"]
        return {"is": kind, **plain}
    return [_as_plain(each) for each in value] if isinstance(value, tuple) else value


def _made(plain: JSON) -> Any:
    if isinstance(plain, list):
        return tuple(_made(each) for each in plain)
    if not isinstance(plain, dict):
        return plain
    given = dict(plain)
    cls = _CLASSES[given.pop("is")]
    return cls(**{name: _part(name, value) for name, value in given.items()})


def _part(name: str, plain: JSON) -> Any:
    """Return a field's value; a default is JSON itself."""
    if name == "default":
        return plain
    return _ENUMS[name](plain) if name in _ENUMS else _made(plain)


def _names(cls: Any) -> tuple[str, ...]:
    if is_dataclass(cls):
        return tuple(field.name for field in fields(cls))
    return cast("tuple[str, ...]", getattr(cls, "_fields", ()))

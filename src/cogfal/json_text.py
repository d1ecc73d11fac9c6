"""Write JSON in slices, so that a large answer never holds up everybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final

from cogfal.spec import JSON

SLICE: Final = 64 * 1024
"""Bytes in a slice, more or less."""

_ROOM: Final = 16 * 1024
"""Characters, about, of what is written at once by the encoder in C."""

_STEP: Final = 1024 * 1024
"""Bytes of written text that are read at once."""

_NUMBER: Final = 24
"""Characters that a number, a boolean or null has at most, with the comma."""

_PLAIN: Final = frozenset({str, int})
_SCALARS: Final = frozenset({int, float, bool, type(None)})

_AS_IT_IS: Final = bytes(each for each in range(0x20, 0x80) if each not in b'"\\')
"""The ASCII that JSON has no escape for."""

_BREAKS: Final = (
    ("\x85".encode(), b"\\u0085"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)
"""What some readers of event streams take for the end of a line, beside what JSON escapes."""

# Where the author's code runs in this process, it may put something else into the module `json`.
_encode: Final[Callable[[Any], str]] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":")
).encode
_decode: Final = json.JSONDecoder().decode
_encode_line: Final = json.JSONEncoder().encode


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON value that is written already: UTF-8, as whoever makes one has seen to."""

    data: bytes

    def value(self) -> JSON:
        """Return the value itself; it takes as long as parsing does."""
        return _decode(self.data.decode())


def slices(value: JSON) -> Iterator[bytes]:
    """Write a JSON value, which may be or hold `JsonText`, in slices of `SLICE` bytes or so.

    No slice takes more than some milliseconds. Text that is no Unicode (half a surrogate pair) is
    written as `?`, and what some reader might take for the end of a line is escaped.
    """
    short = at_once(value)
    if short is not None:
        yield short
    else:
        yield from gathered(_pieces(value))


def at_once(value: JSON) -> bytes | None:
    """Write a JSON value that is short; None for one that has to be written in slices."""
    if isinstance(value, dict) and (text := _flat(value)) is not None:
        return _bytes(text)
    return _bytes(_encode(value)) if _left(_ROOM, value) >= 0 else None


def plain(value: JSON) -> JSON:
    """Return an object, or any value that is written, with nothing in it left as text."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value.value() if isinstance(value, JsonText) else value


def is_object(value: JSON) -> bool:
    """Tell whether a JSON value is an object."""
    return isinstance(value, dict) or (isinstance(value, JsonText) and value.data[:1] == b"{")


def with_fields(value: JSON, more: Mapping[str, JSON]) -> JSON:
    """Return an object with more fields, after those that it has; one that is written stays so."""
    if isinstance(value, dict):
        return {**value, **more}
    assert isinstance(value, JsonText)
    if not more:
        return value
    inner, added = value.data[1:-1], written(dict(more))
    return JsonText(b"{%b%b%b" % (inner, b"," if inner.strip() else b"", added[1:]))


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Put small pieces together to slices."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= SLICE:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)


def written(value: JSON) -> bytes:
    """Write a JSON value at once; see `slices` for what may be large."""
    return b"".join(slices(value))


def line_of(value: JSON) -> str:
    """Write a JSON value as a line of a log, in ASCII."""
    return _encode_line(value)


async def written_in_turn(value: JSON) -> list[bytes]:
    """Write a JSON value, and let others on the loop have their turn between its slices."""
    found: list[bytes] = []
    for piece in slices(value):
        if found:
            await asyncio.sleep(0)
        found.append(piece)
    return found


async def in_turn(pieces: Iterable[bytes], give: Callable[[bytes], Awaitable[object]]) -> None:
    """Give the slices of a value, and let others on the loop have their turn between them.

    An asynchronous generator of them would cost three times as much where there is one only.
    """
    for count, piece in enumerate(pieces):
        if count:
            await asyncio.sleep(0)
        await give(piece)


async def read_text(data: bytes) -> str:
    """Return the text that written JSON says, and let others have their turn while it is read.

    Raises:
        ValueError: It says no text.
    """
    text, at, end = "", 1, len(data) - 1
    while at < end:
        cut = _end_of_piece(data, at, end)
        text += _decode(f'"{data[at:cut].decode()}"')  # not joined: it grows where it lies
        at = cut
        await asyncio.sleep(0)
    return text


def _end_of_piece(data: bytes, at: int, end: int) -> int:
    """Return where some written text may be cut: inside of no character and no escape."""
    cut = at + _STEP
    if cut >= end:
        return end
    cut = _beginning(data, cut)
    slash = data.rfind(b"\\", cut - 6, cut)
    before = data[at : slash + 1]
    return slash if slash >= 0 and (len(before) - len(before.rstrip(b"\\"))) % 2 else cut


def _bytes(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return data if text.isascii() else _escaped(data)


def _escaped(data: bytes) -> bytes:
    for character, escape in _BREAKS:
        data = data.replace(character, escape)
    return data


def _flat(entries: dict[str, Any]) -> str | None:
    """Write an object of short texts and whole numbers, in a third of the encoder's time.

    Most events of streams are such objects; None for others.
    """
    written_entries: list[str] = []
    room = _ROOM
    for name, item in entries.items():
        kind = type(item)
        room -= len(name) + (len(item) if kind is str else _NUMBER)
        if room < 0 or kind not in _PLAIN:
            return None
        text = encode_basestring(item) if kind is str else repr(item)
        written_entries.append(f"{encode_basestring(name)}:{text}")
    return f"{{{','.join(written_entries)}}}"


def _left(room: int, value: JSON) -> int:
    """Return what writing `value` leaves of so many characters; less than 0 where it is too much.

    It stops looking as soon as that is clear. Text that is written already is always too much.
    """
    kind = type(value)
    if kind in _SCALARS:
        return room - _NUMBER
    if kind is str:
        return room - len(value) - 3
    room -= 3
    if isinstance(value, dict):
        for name, item in value.items():
            room = _left(room - len(name) - 4, item)
            if room < 0:
                break
    elif isinstance(value, list | tuple):
        for item in value:
            room = _left(room, item)
            if room < 0:
                break
    elif isinstance(value, JsonText):
        return -1
    return room


def _pieces(value: JSON) -> Iterator[bytes]:
    """Write what is too much for the encoder in C to do at once."""
    match value:
        case JsonText(data):
            yield from _cut(data)
        case str():
            yield b'"'
            for at in range(0, len(value), SLICE):
                yield _long(value[at : at + SLICE])
            yield b'"'
        case dict():
            yield from _entries(value.items(), b"{}", named=True)
        case list() | tuple():
            yield from _entries(value, b"[]", named=False)
        case _:
            yield _bytes(_encode(value))


def _long(text: str) -> bytes:
    """Write a part of a text: as it is, if there is nothing to escape, as in every data URL."""
    if text.isascii():
        data = text.encode()
        if not data.translate(None, _AS_IT_IS):  # in a sixth of the encoder's time
            return data
    return _bytes(_encode(text)[1:-1])


def _cut(data: bytes) -> Iterator[bytes]:
    """Cut written text, never inside of a character."""
    at = 0
    while at < len(data):
        end = _beginning(data, at + SLICE)
        yield _escaped(data[at:end])
        at = end


def _beginning(data: bytes, at: int) -> int:
    """Return where the character begins that is at `at`."""
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _entries(entries: Collection[Any], around: bytes, *, named: bool) -> Iterator[bytes]:
    """Write a list's items or a dict's pairs: small ones by the hundred, each large one alone."""
    if not entries:
        yield around
        return
    before = around[:1]
    batch: list[Any] = []
    room = _ROOM
    for entry in entries:
        left = _left(room, entry)
        if left < 0 and batch:
            yield before + _inside(batch, named=named)
            before, batch, left = b",", [], _left(_ROOM, entry)
        if left >= 0:
            batch.append(entry)
            room = left
            continue
        yield before
        yield from _large(entry, named=named)
        before, room = b",", _ROOM
    if batch:
        yield before + _inside(batch, named=named)
    yield around[1:]


def _inside(batch: list[Any], *, named: bool) -> bytes:
    return _bytes(_encode(dict(batch) if named else batch)[1:-1])


def _large(entry: Any, *, named: bool) -> Iterator[bytes]:
    if named:
        name, entry = entry
        yield from _pieces(name)
        yield b":"
    yield from _pieces(entry)

"""Decode a JSON body, refusing what JSON leaves open: duplicates, NaN, endless nesting.

Python's decoder keeps the interpreter to itself for as long as it works. What is large is therefore
decoded in steps of some milliseconds, so that on a thread it holds nobody up.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Collection
from typing import Any, AnyStr, Final, NoReturn

from cogfal.concurrency import TURNS
from cogfal.errors import InvalidInput, Problem
from cogfal.spec import JSON

MAX_DEPTH: Final = 128
"""Deepest nesting of lists and objects in a body."""

LARGE: Final = 128 * 1024
"""Bytes from which on a body may take long to decode and check, twice that where it is simple."""

STEP: Final = 64 * 1024
"""Characters that Python's decoder gets at once; its longest number is four times as long."""

_UTF8_STEP: Final = 1024 * 1024
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]|"', re.DOTALL)
_NESTED: Final = re.compile(r'["\[\]{}]')
_SCALAR: Final = re.compile(r"[-+.\w]*")
_LONGEST_NUMBER: Final = 4 * STEP
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_LONE: Final = re.compile("[\ud800-\udfff]")


def decode(body: bytes | list[bytes], step: int = STEP) -> JSON:
    """Return the JSON value of a body, decoded at most `step` characters at once.

    Texts are decoded by 16 steps, because they take less time. Of a body in chunks nothing is left:
    each is forgotten as soon as it is read.

    Raises:
        InvalidInput: No JSON in UTF-8, a key given twice, NaN or infinity, an integer of
            thousands of digits, half a surrogate pair, or nesting beyond `MAX_DEPTH`.
    """
    chunks = [body] if isinstance(body, bytes) else body
    try:
        if sum(map(len, chunks)) <= step or (step == STEP and is_quick(chunks)):
            text = b"".join(chunks).decode("utf-8")
            chunks.clear()
            return _decoded(text, 0)
        return _SteppedDecoder(_text(chunks), step).whole()
    except (ValueError, RecursionError) as error:
        raise InvalidInput([_problem(str(error))]) from error


def is_quick(chunks: Collection[bytes]) -> bool:
    """Tell a body, in chunks, that is decoded and checked in no time; others belong on a thread.

    A picture of some size in a data URL is one: a long text is simple, many lists are not.
    """
    size = sum(map(len, chunks))
    if size <= LARGE:
        return True
    return size <= 2 * LARGE and sum(_brackets(each, b"[", b"{") for each in chunks) <= MAX_DEPTH


def _brackets(text: AnyStr, *kinds: AnyStr) -> int:
    """Count brackets, up to one more than `MAX_DEPTH`: to find the next is 30 times as quick."""
    found = 0
    for kind in kinds:
        at = text.find(kind)
        while at >= 0 and found <= MAX_DEPTH:
            found += 1
            at = text.find(kind, at + 1)
    return found


def _problem(reason: str) -> Problem:
    return Problem(
        loc=(), message=f"Invalid JSON: {reason}", type="json_invalid", context={"error": reason}
    )


def _text(chunks: list[bytes]) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = ""
    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        for at in range(0, len(chunk), _UTF8_STEP):
            text += decoder.decode(chunk[at : at + _UTF8_STEP])  # not joined: see `_string`
        TURNS.pass_on()
    return text + decoder.decode(b"", final=True)


def _decoded(text: str, depth: int) -> JSON:
    """Decode a text at once; `depth` is that around it."""
    if depth + _brackets(text, "[", "{") > MAX_DEPTH:
        _refuse_depth(text, depth)  # first: the decoder recurses, as deep as the text says
    value = _DECODER.decode(text)
    if "\\" in text and "\\u" in text:  # one character is sought a hundred times as quickly as two
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_depth(text: str, depth: int) -> None:
    """Refuse a text that is nested too deeply; `depth` is that around it."""
    for token in _TOKEN.finditer(text):
        bracket = token.group()
        if bracket == '"':
            return  # a text without an end, at which the decoder stops as well
        depth += (bracket in "[{") - (bracket in "]}")
        _refuse_deep(depth)


def _refuse_deep(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


class _SteppedDecoder:
    """Decodes a long text piece by piece, each in a time that is bounded."""

    def __init__(self, text: str, step: int) -> None:
        self._text = text
        self._step = step
        self._text_step = 16 * step
        self._long: set[int] = set()

    def whole(self) -> JSON:
        """Return the only value of the text."""
        value, end = self._value(self._skip(0), 0)
        if self._skip(end) < len(self._text):
            self._refuse("Extra data", end)
        return value

    def _value(self, at: int, depth: int) -> tuple[JSON, int]:
        """Return the value that begins at `at`, and where it ends."""
        match self._text[at : at + 1]:
            case '"':
                return self._string(at)
            case "[":
                return self._container(at, depth + 1, named=False)
            case "{":
                return self._container(at, depth + 1, named=True)
            case _:
                return self._scalar(at)

    def _scalar(self, at: int) -> tuple[JSON, int]:
        found = _SCALAR.match(self._text, at)
        assert found is not None
        if found.end() - at > _LONGEST_NUMBER:
            self._refuse("A number of too many digits", at)
        try:
            return _DECODER.decode(found.group()), found.end()
        except json.JSONDecodeError as error:
            self._refuse(error.msg, at + error.pos)

    def _container(self, at: int, depth: int, *, named: bool) -> tuple[JSON, int]:
        """Decode a list or an object: many short parts at once, each long one alone."""
        _refuse_deep(depth)
        opening, closing = ("{", "}") if named else ("[", "]")
        items: list[Any] = []
        found: dict[str, Any] = {}
        at = start = at + 1
        while True:
            TURNS.pass_on()
            cut, closed = self._cut(at, depth)
            if cut > at or closed:
                piece = self._text[at:cut]
                if not piece.strip(" \t\n\r") and not (closed and at == start):
                    self._refuse("Expecting value", at)
                part = self._part(opening + piece + closing, at, depth)
                at = cut + 1
            else:
                part, at = self._large(self._skip(at), depth, named=named)
                at, closed = self._after(at, closing)
            if named:
                _join(found, part)
            else:
                items += part
            if closed:
                if self._text[at - 1] != closing:
                    self._refuse(f"Expecting ',' or '{closing}'", at - 1)
                return (found if named else items), at

    def _cut(self, at: int, around: int) -> tuple[int, bool]:
        """Return where short parts end, at a comma or bracket, and whether the container does too.

        It is `at` where not even one part ends within a step.
        """
        end = min(at + self._step, len(self._text))
        if _NESTED.search(self._text, at, end) is None:
            return max(at, self._text.rfind(",", at, end)), False
        opened: list[int] = []
        cut = at
        for token in _TOKEN.finditer(self._text, at, end):
            place = token.start()
            character = self._text[place]
            if character == "," and not opened:
                cut = place
            elif character in "[{":
                if not opened and place in self._long:
                    break
                opened.append(place)
                _refuse_deep(around + len(opened))
            elif character in "]}":
                if not opened:
                    return place, True
                opened.pop()
            elif character == '"' and token.end() == place + 1:
                break  # a text that does not end here
        # None of these ends within a step, so that nobody has to look once more.
        self._long.update(opened)
        return cut, False

    def _part(self, text: str, at: int, depth: int) -> Any:
        try:
            return _decoded(text, depth - 1)
        except json.JSONDecodeError as error:
            self._refuse(error.msg, at + error.pos - 1)

    def _large(self, at: int, depth: int, *, named: bool) -> tuple[Any, int]:
        """Return one long item, or one pair of a name and a value, as a part of its container."""
        if not named:
            value, at = self._value(at, depth)
            return [value], at
        if self._text[at : at + 1] != '"':
            self._refuse("Expecting property name enclosed in double quotes", at)
        name, at = self._string(at)
        at = self._skip(at)
        if self._text[at : at + 1] != ":":
            self._refuse("Expecting ':' delimiter", at)
        value, at = self._value(self._skip(at + 1), depth)
        return {name: value}, at

    def _after(self, at: int, closing: str) -> tuple[int, bool]:
        """Pass what follows an item: a comma, or the container's end."""
        at = self._skip(at)
        character = self._text[at : at + 1]
        if character not in (",", closing):
            self._refuse("Expecting ',' delimiter", at)
        return at + 1, character == closing

    def _string(self, at: int) -> tuple[str, int]:
        at = start = at + 1
        end = self._closing_quote(at)
        # Half a surrogate pair is never in UTF-8: it comes from an escape.
        halves = self._text.find("\\u", start, end) >= 0
        text, half = "", ""
        while at < end:
            until = end
            if at + self._text_step < end:
                until = self._between_escapes(at, at + self._text_step)
            try:
                piece = _DECODER.decode(f'"{self._text[at:until]}"')
            except json.JSONDecodeError as error:
                self._refuse(error.msg, at + error.pos - 1)
            at = until
            if halves:
                piece, half = _whole(half + piece, to_be_continued=at < end)
            # It grows where it lies, step by step. To join sixty megabytes of pieces took 0.2 s,
            # for new memory, in which nobody else had the interpreter.
            text += piece
            TURNS.pass_on()
        return text, end + 1

    def _closing_quote(self, at: int) -> int:
        start = at
        while True:
            found = self._text.find('"', at)
            if found < 0:
                self._refuse("Unterminated string starting", start - 1)
            if self._slashes(at, found) % 2 == 0:
                return found
            at = found + 1

    def _between_escapes(self, at: int, end: int) -> int:
        """Return `end`, or a place little before it that lies inside of no escape."""
        slash = self._text.rfind("\\", max(at, end - 6), end)
        if slash < 0:
            return end
        return slash if self._slashes(at, slash + 1) % 2 else end

    def _slashes(self, at: int, end: int) -> int:
        """Count the backslashes just before `end`, without copying what is before them."""
        width = 16
        while True:
            before = self._text[max(at, end - width) : end]
            count = len(before) - len(before.rstrip("\\"))
            if count < width:
                return count
            width *= 16

    def _skip(self, at: int) -> int:
        """Pass blanks."""
        found = _BLANK.match(self._text, at)
        assert found is not None
        return found.end()

    def _refuse(self, reason: str, at: int) -> NoReturn:
        raise ValueError(f"{reason}: char {at}")


def _whole(text: str, *, to_be_continued: bool) -> tuple[str, str]:
    """Return a text with its surrogate pairs joined, and the half of one that ends later."""
    if _LONE.search(text) is None:
        return text, ""
    end = len(text) - (to_be_continued and "\ud800" <= text[-1] < "\udc00")
    return text[:end].encode("utf-16", "surrogatepass").decode("utf-16"), text[end:]


def _join(found: dict[str, Any], part: dict[str, Any]) -> None:
    before = len(found)
    found.update(part)
    if len(found) < before + len(part):
        raise ValueError("a key is given twice")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice[:100]!r} is given twice")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:100]} is out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse_constant
)

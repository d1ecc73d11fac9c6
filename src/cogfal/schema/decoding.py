"""Decode a JSON body, refusing what JSON leaves open: duplicates, NaN, endless nesting."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from cogfal.errors import InvalidInput, Problem
from cogfal.spec import JSON

MAX_DEPTH: Final = 128
"""Deepest nesting of lists and objects in a body."""


def decode(body: bytes) -> JSON:
    """Return the JSON value of a body.

    Raises:
        InvalidInput: No JSON in UTF-8, a key given twice, NaN or infinity, an integer of
            thousands of digits, half a surrogate pair, or nesting beyond `MAX_DEPTH`.
    """
    try:
        text = body.decode("utf-8")
        if _opened(body, b"[") + _opened(body, b"{") > MAX_DEPTH:
            _refuse_depth(text)
        value = _DECODER.decode(text)
        if b"\\" in body and "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput([_problem(str(error))]) from error
    return value


def _problem(reason: str) -> Problem:
    return Problem(
        loc=(),
        message=f"Invalid JSON: {reason}",
        type="json_invalid",
        context={"error": reason},
    )


def _opened(body: bytes, bracket: bytes) -> int:
    """Count a bracket, no further than `MAX_DEPTH` is passed: a large body is mostly one text."""
    at = -1
    for count in range(MAX_DEPTH + 1):
        at = body.find(bracket, at + 1)
        if at < 0:
            return count
    return MAX_DEPTH + 1


def _refuse_depth(text: str) -> None:
    """Refuse deep nesting before the decoder recurses into it."""
    depth = deepest = 0
    for character in _outside_strings(text):
        depth += 1 if character in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _outside_strings(text: str) -> Iterable[str]:
    """Yield the brackets and braces that are not inside of a string."""
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == '"':
            quoted = not quoted
        elif quoted:
            escaped = character == "\\"
        elif character in "[]{}":
            yield character


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

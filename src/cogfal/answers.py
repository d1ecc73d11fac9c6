"""What an answer of fal's endpoint holds: the output, and what is told beside it.

One rule for all who write or read answers: the server, the command line, the client, the gateway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cogfal.errors import Problem
from cogfal.json_text import is_object, with_fields
from cogfal.nested import map_leaves
from cogfal.spec import JSON

BESIDE: Final = frozenset({"timings", "logs", "completed", "index"})
"""What the app may add to an answer."""

OUTPUT: Final = "output"
STREAM: Final = "/stream"
"""The path at which an app gives its output piece by piece."""
MEDIA_NAMES: Final = frozenset(
    {"image", "images", "video", "videos", "audio", "audios", "audio_file", "file", "files"}
)
"""Names that an App may give to its output, and under which fal's Playground shows media."""


def answer_of(output: JSON, name: str, more: Mapping[str, JSON], *, own_fields: bool) -> JSON:
    """Return the answer that holds an output, with what is told beside it.

    The answer is the output itself where that is an object with fields of its own, else an object
    of one field called `name`.
    """
    if own_fields and is_object(output):
        return with_fields(output, more)
    return {name: output, **more}


def fields_of(document: JSON) -> frozenset[str]:
    """Return the fields of an app's output where it is an object of its own, by its document."""
    fields = _at(document, "components", "schemas", "Output", "properties")
    return frozenset(fields) if isinstance(fields, Mapping) else frozenset()


def streaming(document: JSON) -> tuple[bool, bool]:
    """Tell from an app's document whether it streams, and whether the pieces are one text."""
    display = _at(document, "components", "schemas", "Output", "x-cog-array-display")
    return _at(document, "paths", STREAM) is not None, display == "concatenate"


def _at(document: JSON, *names: str) -> JSON:
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def output_of(answer: JSON, fields: frozenset[str] = frozenset()) -> JSON:
    """Return what the predictor returned, taken out of an answer.

    An object of the predictor's own, whose `fields` its document names, is the answer itself.
    Otherwise the output is the one field that is not told beside it. Where no document was read,
    that is so for `output` and for media under a media name; any other answer is an object.
    """
    if not isinstance(answer, Mapping):
        return answer
    own = {name: value for name, value in answer.items() if name in fields or name not in BESIDE}
    if fields or len(own) != 1:
        return own
    ((name, value),) = own.items()
    return value if name == OUTPUT or (name in MEDIA_NAMES and _is_media(value)) else own


def named_output(answer: Mapping[str, JSON], fields: frozenset[str]) -> JSON:
    """Return the output of an answer whose document was read: under any name where it is lone."""
    found = output_of(answer, fields)
    if fields or not isinstance(found, dict) or len(found) != 1:
        return found
    return next(iter(found.values()))


def is_piece(event: JSON) -> bool:
    """Tell whether an event of an app's stream holds a piece; the last one repeats the whole."""
    numbered = isinstance(event, Mapping) and isinstance(event.get("index"), int)
    return numbered and not event.get("completed")


def map_media(value: JSON, change: Callable[[JSON], Any]) -> Any:
    """Return a value with what `change` makes of each file in it, at any depth."""
    return map_leaves(value, lambda each: change(each) if _is_file(each) else each, _is_file)


def _is_media(value: JSON) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_media, value))
    return _is_file(value)


def _is_file(value: JSON) -> bool:
    """Tell whether a value describes a file as fal does."""
    return (
        isinstance(value, Mapping) and isinstance(value.get("url"), str) and "content_type" in value
    )


def detail_of(answer: JSON) -> JSON:
    """Return what an answer that is an error says: fal's `detail`, Cog's `error`, or its text.

    `answer` is its body, as text or read already; it comes from whoever answers at an address.
    """
    read = answer
    if isinstance(answer, str):
        try:
            read = json.loads(answer)
        except (ValueError, RecursionError):
            return answer
    said = (_at(read, "detail"), _at(read, "error"))
    whole = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return next((each for each in said if each is not None), whole)


def printable(text: str) -> str:
    """Return a text of somebody else's without what a terminal would obey."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )


def refusal(detail: JSON) -> str:
    """Return what an app says is wrong as one line; `detail` is that of its answer."""
    return "; ".join(map(str, problems_of(detail))) or str(detail)


def problems_of(detail: JSON) -> list[Problem]:
    """Return the problems that the `detail` of an answer lists, as FastAPI's and fal's do.

    There is none where it is anything else: it comes from whoever answers at an address.
    """
    entries = detail if isinstance(detail, list) else []
    return [_problem(each) for each in entries if isinstance(each, Mapping)]


def _problem(entry: Mapping[str, JSON]) -> Problem:
    loc = entry.get("loc")
    place = tuple(part for part in loc if part != "body") if isinstance(loc, list) else ()
    message, kind = str(entry.get("msg", dict(entry))), str(entry.get("type", ""))
    return Problem(place, message, kind, entry.get("ctx"), entry.get("input"))

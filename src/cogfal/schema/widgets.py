"""Choose what fal's Playground shows for an input: an upload, a slider, a text area, a dice.

The hints are those of fal's page "Handle inputs and outputs": `ui.field` in a property's schema.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from cogfal.spec import (
    FileType,
    InputSpec,
    IntegerType,
    ListType,
    OptionalType,
    PathType,
    StringType,
    Type,
)


class MediaKind(Enum):
    """What kind of media a file holds, as far as its declaration tells."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


_NAMES: Final = {
    MediaKind.IMAGE: "image images img imgs picture pictures photo photos mask masks face portrait"
    " frame frames selfie garment sketch thumbnail",
    MediaKind.VIDEO: "video videos movie clip clips footage mp4",
    MediaKind.AUDIO: "audio audios song songs voice speech sound sounds music melody wav mp3 "
    "vocals",
    MediaKind.FILE: "zip tar archive weights checkpoint lora csv json pdf",
}
"""Words in a name that say what a file holds."""

_DESCRIBED: Final = {
    MediaKind.IMAGE: "image images picture photo photograph mask",
    MediaKind.VIDEO: "video videos movie footage",
    MediaKind.AUDIO: "audio speech song music sound wav mp3",
    MediaKind.FILE: _NAMES[MediaKind.FILE],
}
"""The same in a description, which speaks of more than its file."""

_TEXT_AREAS: Final = "prompt prompts text lyrics caption instructions instruction message messages"


def media_kind_of_name(name: str) -> MediaKind | None:
    """Return the kind of media that a field's name states: `mask_image` an image, `weights` none.

    The last word decides, so that `video_mask` is an image and `image_archive` is not.
    """
    return _first(reversed(_words(name)), _NAMES)


def media_kind(each: InputSpec) -> MediaKind:
    """Return what kind of media a file input takes: by `accept`, by name, by description."""
    return (
        _accepted(each.accept)
        or media_kind_of_name(each.name)
        or _first(_words(each.description or ""), _DESCRIBED)
        or MediaKind.FILE
    )


def widget(each: InputSpec) -> str | None:
    """Return the Playground's `ui.field` of an input; None leaves the choice to its type."""
    match _scalar(each.type):
        case PathType() | FileType():
            return media_kind(each).value
        case IntegerType() if each.choices is None and _words(each.name)[-1:] == ["seed"]:
            return "seed"
        case StringType() if each.choices is None and _is_prose(each):
            return "textarea"
        case _:
            return None


def _is_prose(each: InputSpec) -> bool:
    words = _words(each.name)
    return bool(words) and (words[-1] in _TEXT_AREAS.split() or words[0] in ("prompt", "lyrics"))


def _scalar(kind: Type) -> Type:
    match kind:
        case OptionalType(inner):
            return _scalar(inner)
        case ListType(PathType() | FileType() as item):
            return item
        case _:
            return kind


def _accepted(accept: str | None) -> MediaKind | None:
    """Return the one kind of media that an HTML `accept` list allows."""
    if not accept:
        return None
    kinds = {_kind_of_media_type(part.strip().lower()) for part in accept.split(",")}
    return kinds.pop() if len(kinds) == 1 else MediaKind.FILE


def _kind_of_media_type(part: str) -> MediaKind:
    media_type = (mimetypes.guess_type(f"name{part}")[0] or "") if part[:1] == "." else part
    try:
        return MediaKind(media_type.partition("/")[0])
    except ValueError:
        return MediaKind.FILE


def _first(words: Iterable[str], said: Mapping[MediaKind, str]) -> MediaKind | None:
    """Return the kind of media that the first word which says one speaks of."""
    kinds = {word: kind for kind, names in said.items() for word in names.split()}
    return next((kinds[word] for word in words if word in kinds), None)


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [word.rstrip("0123456789") for word in re.findall(r"[A-Za-z0-9]+", spaced.lower())]

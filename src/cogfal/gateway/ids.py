"""Make the ids of predictions, and read them back.

An id of something on fal's queue says all that is needed to ask for it there, so that every gateway
with the same models can answer: p or t for prediction or training, then 24 characters of base 32
for the version's mark, the second it was made and a tag of its caller, then fal's request id.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from datetime import datetime, timezone
from enum import Enum
from typing import Final, NamedTuple

from cogfal.gateway.callers import Caller
from cogfal.gateway.catalogue import Version

_ID: Final = re.compile(r"(?P<kind>[pt])(?P<head>[a-z2-7]{24})(?P<request>[A-Za-z0-9_-]{1,64})")
_DIRECT: Final = re.compile(r"[qu][a-z2-7]{26}")


class Kind(Enum):
    """What a request is for; the value is the word in its address, here and at the app."""

    PREDICTION = "predictions"
    TRAINING = "trainings"


_LETTERS: Final = {Kind.PREDICTION: "p", Kind.TRAINING: "t"}
_KINDS: Final = {letter: kind for kind, letter in _LETTERS.items()}


class Queued(NamedTuple):
    """What the id of something on fal's queue says; `mark` is its version's."""

    kind: Kind
    mark: bytes
    created_at: datetime
    request_id: str


def queued_id(kind: Kind, version: Version, request_id: str, caller: Caller) -> str:
    """Return the id of something that was put on fal's queue just now."""
    return _written(kind, version.mark + int(time.time()).to_bytes(5, "big"), request_id, caller)


def _written(kind: Kind, head: bytes, request_id: str, caller: Caller) -> str:
    letter = _LETTERS[kind]
    tag = caller.tag(letter.encode() + head + request_id.encode())
    return letter + base64.b32encode(head + tag).decode().lower() + request_id


def read_id(text: str, caller: Caller) -> Queued | None:
    """Return what an id says; None where it is none, or none of this caller's."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    head = base64.b32decode(found["head"].upper())[:10]
    kind, request_id = _KINDS[found["kind"]], found["request"]
    if not secrets.compare_digest(_written(kind, head, request_id, caller), text):
        return None
    seconds = int.from_bytes(head[5:], "big")
    if seconds > time.time() + 24 * 3600:
        return None
    return Queued(kind, head[:5], datetime.fromtimestamp(seconds, timezone.utc), request_id)


def direct_id(kind: Kind) -> str:
    """Return the id of something whose state this gateway alone has."""
    letter = "q" if kind is Kind.PREDICTION else "u"
    return letter + base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip("=")


def is_direct(text: str) -> bool:
    """Tell whether an id can be of something whose state one gateway alone has."""
    return _DIRECT.fullmatch(text) is not None

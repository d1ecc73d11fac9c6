"""Say what a prediction's id may look like, and make new ones.

An id is a name for callers only: it is compared, never parsed and never part of a path.
"""

from __future__ import annotations

import re
import secrets
from base64 import b32encode
from typing import Final

LONGEST: Final = 256
_ID: Final = re.compile(rf"[A-Za-z0-9._~:=+@-]{{1,{LONGEST}}}")
RULE: Final = f"an id has 1 to {LONGEST} letters, digits and characters of ._~:=+@-"


def is_id(text: str) -> bool:
    """Tell whether `text` can be an id."""
    return _ID.fullmatch(text) is not None


def new_id() -> str:
    """Return a random id in the form that Cog recommends: 26 characters of base 32."""
    return b32encode(secrets.token_bytes(16)).decode("ascii").lower().rstrip("=")

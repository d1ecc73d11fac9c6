"""What Cog's types answer when an author's own Pydantic model has a field of them.

Pydantic's core schemas are plain dictionaries, so Pydantic need not be imported to write one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def core_schema(validate: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a core schema that validates with `validate` and serialises with `str`."""
    return {
        "type": "function-plain",
        "function": {"type": "no-info", "function": validate},
        "serialization": {"type": "to-string"},
    }


def json_schema(format: str, **marks: Any) -> dict[str, Any]:  # noqa: A002 - JSON schema's word
    """Return the JSON schema of a string in a certain format."""
    return {"type": "string", "format": format, **marks}

"""OpenAPI documents of models, as small as they can be."""

from __future__ import annotations

from typing import Any

PLAIN: dict[str, Any] = {"type": "string"}


def document(
    inputs: dict[str, Any], output: Any = PLAIN, *, required: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """Return the document of a model with these inputs and output; `more` are other components."""
    taken = {"type": "object", "properties": inputs, "required": list(required)}
    return {"components": {"schemas": {"Input": taken, "Output": output, **more}}}

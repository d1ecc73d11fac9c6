"""Carry results between the two sides as long as both are still today's values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cogfal.guest.encoding import Encoded
from cogfal.spec import JSON


def decoded(value: Any) -> JSON:
    """Return a result with a path in place of each file."""
    if not isinstance(value, Encoded):
        return value

    marked = [json.dumps(f"\0{number}").encode() for number in range(len(value.files))]
    text = b"".join(part for pair in zip(value.parts, [*marked, b""], strict=True) for part in pair)
    files = {f"\0{n}": Path(f.path) if f.path else f.url for n, f in enumerate(value.files)}
    return _filled(json.loads(text), files)


def _filled(value: Any, files: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return files.get(value, value)
    if isinstance(value, list):
        return [_filled(each, files) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, files) for name, each in value.items()}
    return value

"""Carry inputs and results between the two sides as long as both are still today's values."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from cogfal.cog.types import Secret
from cogfal.guest.encoding import Encoded
from cogfal.spec import JSON


def plain(values: Any) -> Any:
    """Return inputs as JSON: of a file its path, of a secret its text."""
    if isinstance(values, Mapping):
        return {name: plain(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    if isinstance(values, PurePath):
        return str(values)
    if isinstance(values, Secret):
        return values.get_secret_value()
    if isinstance(values, io.IOBase):
        return str(values.name)  # type: ignore[attr-defined]  # a file on disk has one
    return values


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

"""What model authors import from `cog`: Cog's predictor API, spelled as in old and new Cog.

Its modules carry the names that they have there, so that `cogfal.cog.alias` can put the whole
package under the name `cog`.
"""

from __future__ import annotations

import sys
from typing import Any

from . import types as _types
from .coder import Coder
from .exceptions import CancelationException
from .input import FieldInfo, Input
from .model import BaseModel
from .predictor import BasePredictor, BaseRunner, concurrent, streaming
from .server.scope import current_scope
from .types import (
    AsyncConcatenateIterator,
    AsyncIterator,
    ConcatenateIterator,
    File,
    Opaque,
    Path,
    Secret,
    URLFile,
    URLPath,
)

__all__ = [
    "AsyncConcatenateIterator",
    "AsyncIterator",
    "BaseModel",
    "BasePredictor",
    "BaseRunner",
    "CancelationException",
    "Coder",
    "ConcatenateIterator",
    "ExperimentalFeatureWarning",
    "FieldInfo",
    "File",
    "Input",
    "Opaque",
    "Path",
    "Secret",
    "URLFile",
    "URLPath",
    "concurrent",
    "current_scope",
    "emit_metric",
    "streaming",
]

__version__ = "0.23.1"
"""The Cog release that this API follows."""


def _emit_metric(name: str, value: Any) -> None:
    """Record a metric of the running prediction."""
    current_scope().record_metric(name, value)


_DEPRECATED: dict[str, tuple[Any, str]] = {
    "ExperimentalFeatureWarning": (
        _types.ExperimentalFeatureWarning,
        "ExperimentalFeatureWarning is deprecated: remove it from your imports and filters.",
    ),
    "Model": (BasePredictor, "cog.Model is deprecated; use BaseRunner, as it is called today."),
    "Predictor": (
        BasePredictor,
        "cog.Predictor is deprecated; use BaseRunner, as it is called today.",
    ),
    "emit_metric": (
        _emit_metric,
        "emit_metric() is deprecated; use current_scope().record_metric(name, value).",
    ),
}


def __getattr__(name: str) -> Any:
    """Hand out a deprecated name, with one notice on stderr.

    The notice is written, not warned, so that the warning filters for which old code imports
    these names cannot hide it.
    """
    if name not in _DEPRECATED:
        raise AttributeError(f"module 'cog' has no attribute {name!r}")
    value, notice = _DEPRECATED[name]
    sys.stderr.write(f"cog: {notice}\n")
    globals()[name] = value
    return value

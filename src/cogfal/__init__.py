"""Serve an unedited Cog predictor on fal: the names for authors and for the app file.

    from cogfal import BasePredictor, Input, Path     # in predict.py, as from cog
    import cogfal                                     # in app.py: cogfal.App, cogfal.wrap

The authoring names cost about what `import pydantic` costs; fal is imported when `App` or `wrap`
is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from cogfal.cog import (
    AsyncConcatenateIterator,
    AsyncIterator,
    BaseModel,
    BasePredictor,
    BaseRunner,
    CancelationException,
    Coder,
    ConcatenateIterator,
    File,
    Input,
    Opaque,
    Path,
    Secret,
    URLFile,
    URLPath,
    concurrent,
    current_scope,
    streaming,
)

if TYPE_CHECKING:
    from cogfal.app import App, wrap
    from cogfal.cog import ExperimentalFeatureWarning, emit_metric
    from cogfal.spec import PredictorSpec

__version__ = "0.1.0"

__all__ = [
    "App",
    "AsyncConcatenateIterator",
    "AsyncIterator",
    "BaseModel",
    "BasePredictor",
    "BaseRunner",
    "CancelationException",
    "Coder",
    "ConcatenateIterator",
    "ExperimentalFeatureWarning",
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
    "inspect_predictor",
    "streaming",
    "wrap",
]

_LAZY = {
    "App": "cogfal.app",
    "ExperimentalFeatureWarning": "cogfal.cog",
    "emit_metric": "cogfal.cog",
    "wrap": "cogfal.app",
}


def inspect_predictor(ref: str, root: str | os.PathLike[str] = ".") -> PredictorSpec:
    """Read a predictor from its text, importing and running none of it.

    Args:
        ref: `path.py:Name`, the path relative to `root`.
        root: The project's directory.

    Raises:
        PredictorError: There is none, or it cannot be read or served; says where and why.
    """
    reading = importlib.import_module("cogfal.inspection")
    spec: PredictorSpec = reading.read_predictor(ref, Path(root))
    return spec


def __getattr__(name: str) -> Any:
    """Import what costs more when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy names too."""
    return sorted({*globals(), *__all__})

"""Serve an unedited Cog predictor on fal: the names for authors and for the app file.

    from cogfal import BasePredictor, Input, Path     # in predict.py, as from cog
    import cogfal                                     # in app.py: cogfal.App, cogfal.wrap

None of the names costs anything before it is used: a predictor's text is read without the
authoring names, and those without fal, which `App` and `wrap` import.
"""

from __future__ import annotations

import importlib
import os
import pathlib
from typing import TYPE_CHECKING, Any

from cogfal.version import __version__  # noqa: F401  # where everybody looks for it

if TYPE_CHECKING:
    from cogfal.app import App, wrap
    from cogfal.cog import (
        AsyncConcatenateIterator,
        AsyncIterator,
        BaseModel,
        BasePredictor,
        BaseRunner,
        CancelationException,
        Coder,
        ConcatenateIterator,
        ExperimentalFeatureWarning,
        File,
        Input,
        Opaque,
        Path,
        Secret,
        URLFile,
        URLPath,
        concurrent,
        current_scope,
        emit_metric,
        streaming,
    )
    from cogfal.spec import PredictorSpec

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

_OF_FAL = ("App", "wrap")


def inspect_predictor(ref: str, root: str | os.PathLike[str] = ".") -> PredictorSpec:
    """Read a predictor from its text, importing and running none of it.

    Args:
        ref: `path.py:Name`, the path relative to `root`.
        root: The project's directory; the Python that is meant is that of its cog.yaml.

    Raises:
        PredictorError: There is none, or it cannot be read or served; says where and why.
        ConfigError: The project's cog.yaml is wrong.
    """
    reading = importlib.import_module("cogfal.reading")
    config = pathlib.Path(root, "cog.yaml")
    version = None
    if config.is_file():
        project = importlib.import_module("cogfal.project.config_reader")
        version = project.read_config(config).build.python_version
    spec: PredictorSpec = reading.read_predictor(ref, pathlib.Path(root), python_version=version)
    return spec


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module("cogfal.app" if name in _OF_FAL else "cogfal.cog")
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names that were not used yet, too."""
    return sorted({*globals(), *__all__})

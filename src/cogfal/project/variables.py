"""Return the environment variables of a project: cog.yaml's, those of tracing, those of caches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cogfal.project.config import CogConfig
from cogfal.project.plan_settings import TRACING_REQUIREMENTS

IN_IMAGES: Final = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
"""What an image knows before cog.yaml adds to it."""

_TRACING: Final = ("OTEL_", "COG_TRACE_", "COG_OBSERVABILITY_")
_REFERENCE: Final = re.compile(
    r"\\\$|\$(?P<name>[A-Za-z_]\w*)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}"
)
_CACHES: Final = {
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "XDG_CACHE_HOME": "",
    "MODELSCOPE_CACHE": "modelscope",
    "NLTK_DATA": "nltk",
    "TFHUB_CACHE_DIR": "tfhub",
    "KERAS_HOME": "keras",
    "U2NET_HOME": "u2net",
    "YOLO_CONFIG_DIR": "ultralytics",
    "EASYOCR_MODULE_PATH": "easyocr",
    "COGFAL_DOWNLOADS": "downloads",
}


def variables(
    config: CogConfig, known: Mapping[str, str] = IN_IMAGES
) -> tuple[tuple[str, str], ...]:
    """Return the variables of cog.yaml, those of the build first, with what they refer to put in.

    Before them stand those by which Cog hands on what is traced.

    A value in quotes is what stands between them. `$NAME`, `${NAME}`, `${NAME:-other}` and
    `${NAME:+other}` are looked up among `known` and the variables before; what is nowhere is empty.
    """
    found = dict(known)
    names = []
    told = config.observability.variables() if config.observability is not None else ()
    for name, value in (*told, *config.build.environment, *config.environment):
        found[name] = _expanded(value, found)
        names.append(name)
    return tuple((name, found[name]) for name in dict.fromkeys(names))


def traces(config: CogConfig) -> bool:
    """Whether cog.yaml enables tracing."""
    return config.observability is not None and config.observability.enabled


def tracing_requirements(config: CogConfig) -> tuple[str, ...]:
    """Return what sends the spans of fal's process; nothing where cog.yaml enables no tracing."""
    return TRACING_REQUIREMENTS if traces(config) else ()


def tracing_variables(config: CogConfig) -> tuple[tuple[str, str], ...]:
    """Return the variables that tell a process how to trace: those of Cog, and OpenTelemetry's."""
    told = config.observability.variables() if config.observability is not None else ()
    given = [(name, value) for name, value in variables(config) if name.startswith(_TRACING)]
    return tuple(dict([*told, *given]).items())


def _expanded(value: str, known: Mapping[str, str]) -> str:
    quote = value[:1]
    if len(value) > 1 and quote in ("'", '"') and value.endswith(quote):
        value = value[1:-1]
        if quote == "'":
            return value

    def put_in(match: re.Match[str]) -> str:
        name = match["name"] or match["braced"]
        if name is None:
            return "$"
        text, word = known.get(name, ""), match["word"] or ""
        if match["operator"] == "-":
            return text or word
        return (word if text else "") if match["operator"] == "+" else text

    return _REFERENCE.sub(put_in, value)


def cache_variables(directory: str | None) -> tuple[tuple[str, str], ...]:
    """Return the variables that make libraries download into `directory`; none for None.

    `COGFAL_DOWNLOADS` is read by cogfal's own `pget`.
    """
    if directory is None:
        return ()
    base = directory.rstrip("/")
    return tuple((name, f"{base}/{part}".rstrip("/")) for name, part in _CACHES.items())

"""Read single values of a YAML document, with errors that name the key, its line and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, TypeVar

from cogfal.errors import ConfigError
from cogfal.project.yaml_document import Scalar, Sequence, Table, Value
from cogfal.spec import Location

T = TypeVar("T")

TOP_KEYS: Final = (
    "build",
    "concurrency",
    "environment",
    "image",
    "model",
    "observability",
    "predict",
    "run",
    "sdk_version",
    "tests",
    "train",
    "weights",
)
BUILD_KEYS: Final = (
    "cog_runtime",
    "cuda",
    "cudnn",
    "environment",
    "fast",
    "gpu",
    "pre_install",
    "python_overrides",
    "python_packages",
    "python_requirements",
    "python_version",
    "run",
    "sdk_version",
    "system_packages",
)
_RENAMED: Final = {"pip_packages": "python_packages", "apt": "system_packages"}


class Fields:
    """Reads the values of one document, remembering where each key stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.locations: dict[str, Location] = {}

    def keys(self, table: Table, known: tuple[str, ...], prefix: str) -> dict[str, Value]:
        """Refuse unknown keys and leave out those that are null."""
        for key in table.items:
            if key not in known:
                raise ConfigError(
                    f"unknown key {prefix + key!r}",
                    where=table.keys[key],
                    remedy=_suggestion(key, known, prefix),
                )
            self.locations[prefix + key] = table.keys[key]
        return {
            key: value
            for key, value in table.items.items()
            if not (isinstance(value, Scalar) and value.kind == "null")
        }

    def get(
        self,
        known: Mapping[str, Value],
        key: str,
        read: Callable[[Value, str], T],
        prefix: str = "",
    ) -> T | None:
        """Return what `read` makes of a key, None where it is absent."""
        value = known.get(key)
        return read(value, prefix + key) if value is not None else None

    def table(self, known: Mapping[str, Value], key: str) -> Table | None:
        """Return a key's mapping, None where it is absent."""
        value = known.get(key)
        if value is None or isinstance(value, Table):
            return value
        raise wrong(key, "a mapping", value)

    def text(self, value: Value, key: str) -> str:
        """Return a text as it was written; numbers and dates keep their spelling."""
        if isinstance(value, Scalar) and value.kind in ("str", "int", "float", "timestamp"):
            text = value.text
            if not text.strip():
                raise ConfigError(
                    f"{key!r} is empty", where=value.where, remedy="give a value or remove the key"
                )
            if "\x00" in text:
                raise ConfigError(
                    f"{key!r} holds a NUL character", where=value.where, remedy="remove it"
                )
            return text
        raise wrong(key, "a text", value)

    def number(self, value: Value, key: str) -> str:
        """Return a number as it was written."""
        if isinstance(value, Scalar) and value.kind in ("int", "float"):
            return value.text
        raise wrong(key, "a number", value)

    def texts(self, value: Value, key: str) -> tuple[str, ...]:
        """Return a list of texts, remembering the line of each."""
        if not isinstance(value, Sequence):
            raise wrong(key, "a list", value)
        return tuple(self.item(item, f"{key}[{i}]") for i, item in enumerate(value.items))

    def item(self, value: Value, key: str) -> str:
        """Return one text of a list, remembering its line."""
        self.locations[key] = value.where
        return self.text(value, key)

    def boolean(self, value: Value, key: str) -> bool:
        """Return a boolean; a quoted one is taken for what it says."""
        if isinstance(value, Scalar):
            if value.kind == "bool":
                return value.truth
            if value.text.lower() in ("true", "false"):
                return value.text.lower() == "true"
        raise wrong(key, "true or false", value)


def _suggestion(key: str, known: tuple[str, ...], prefix: str) -> str:
    renamed = _RENAMED.get(key)
    near = [renamed] if renamed in known else get_close_matches(key, known, n=1)
    if near:
        return f"did you mean {prefix + str(near[0])!r}?"
    if not prefix and key in BUILD_KEYS:
        return f"it belongs under `build`, as 'build.{key}'"
    if prefix and key in TOP_KEYS:
        return f"it stands at the top level, outside `{prefix.rstrip('.')}`"
    return f"the keys here are {', '.join(known)}"


def wrong(key: str, wanted: str, value: Value) -> ConfigError:
    """Return the error for a value of the wrong type."""
    match value:
        case Scalar():
            found = f"{value.kind} {value.text!r}"
        case Sequence():
            found = "a list"
        case Table():
            found = "a mapping"
    remedy = f"write `{key.rpartition('.')[2]}:` with {wanted}"
    return ConfigError(f"{key!r} is {found}, not {wanted}", where=value.where, remedy=remedy)

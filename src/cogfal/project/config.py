"""Read cog.yaml into a `CogConfig`: every key that Cog documents or documented, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeVar

from cogfal.errors import ConfigError
from cogfal.project.document import Scalar, Sequence, Table, Value, read_document
from cogfal.spec import Location

T = TypeVar("T")

_TOP_KEYS: Final = (
    "build",
    "concurrency",
    "environment",
    "image",
    "predict",
    "run",
    "sdk_version",
    "tests",
    "train",
    "weights",
)
_BUILD_KEYS: Final = (
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
_RENAMED: Final = {"model": "predict", "pip_packages": "python_packages", "apt": "system_packages"}
_REFERENCE: Final = re.compile(r"[^:\x00-\x1f]+\.py:[^\W\d]\w*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOUNT_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RESERVED: Final = (
    "PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PYTHONUNBUFFERED",
    "LIBRARY_PATH",
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A build secret named `id` that a command reads as the file `target`."""

    id: str
    target: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `build.run` or `build.pre_install`."""

    command: str
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightSource:
    """One entry of `weights`: what is fetched from `source` to `target` in the project."""

    source: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """The `build` stanza; None or empty where a key is absent."""

    gpu: bool = False
    cuda: str | None = None
    cudnn: str | None = None
    python_version: str | None = None
    python_packages: tuple[str, ...] = ()
    python_requirements: str | None = None
    python_overrides: str | None = None
    system_packages: tuple[str, ...] = ()
    run: tuple[Command, ...] = ()
    pre_install: tuple[Command, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    fast: bool = False
    cog_runtime: bool = False


@dataclass(frozen=True, slots=True)
class CogConfig:
    """A whole cog.yaml.

    `predict` is the reference under `predict` or its newer spelling `run`. `locations` maps a
    dotted key, `build.run[2]`, to its line, for messages about it.
    """

    build: Build = field(default_factory=Build)
    predict: str | None = None
    train: str | None = None
    image: str | None = None
    max_concurrency: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    weights: tuple[WeightSource, ...] = ()
    sdk_version: str | None = None
    tests: bool = False
    name: str = "cog.yaml"
    locations: Mapping[str, Location] = field(default_factory=dict, compare=False)

    def where(self, key: str) -> Location | str:
        """Return the line of a dotted key, or the file's name where the key is absent."""
        return self.locations.get(key, self.name)


def read_config(path: Path) -> CogConfig:
    """Read and check a cog.yaml.

    Raises:
        ConfigError: The file cannot be read, or says something that Cog would not accept; the
            error names the line and the remedy.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            remedy="give the path of a cog.yaml",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "is not UTF-8 text", where=str(path), remedy="save it as UTF-8"
        ) from error
    return parse_config(text, path.name)


def parse_config(text: str, name: str = "cog.yaml") -> CogConfig:
    """Check the text of a cog.yaml; `name` is the file's name in messages. Raises ConfigError."""
    document = read_document(text, name)
    if document is None:
        return CogConfig(name=name)
    if isinstance(document, Scalar) and document.kind == "null":
        return CogConfig(name=name)
    if not isinstance(document, Table):
        raise ConfigError(
            "is not a mapping of keys",
            where=document.where,
            remedy='write keys such as `predict: "predict.py:Predictor"`',
        )
    return _Reader(name).config(document)


class _Reader:
    """Reads one document, remembering where each key stands."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._locations: dict[str, Location] = {}

    def config(self, table: Table) -> CogConfig:
        known = self._keys(table, _TOP_KEYS, "")
        if "predict" in known and "run" in known:
            raise ConfigError(
                "`predict` and `run` are two spellings of one key",
                where=table.keys["run"],
                remedy="keep one",
            )
        build_table = self._table(known, "build")
        sdk = self._get(known, "sdk_version", self._text)
        build, build_sdk = self._build(build_table)
        return CogConfig(
            build=build,
            predict=self._get(known, "predict", self._reference)
            or self._get(known, "run", self._reference),
            train=self._get(known, "train", self._reference),
            image=self._get(known, "image", self._text),
            max_concurrency=self._concurrency(known),
            environment=self._get(known, "environment", self._environment) or (),
            weights=self._get(known, "weights", self._weights) or (),
            sdk_version=sdk or build_sdk,
            tests="tests" in known,
            name=self._name,
            locations=self._locations,
        )

    def _build(self, table: Table | None) -> tuple[Build, str | None]:
        known = self._keys(table, _BUILD_KEYS, "build.") if table else {}
        if "python_packages" in known and "python_requirements" in known:
            raise ConfigError(
                "`python_packages` and `python_requirements` exclude each other",
                where=self._locations["build.python_packages"],
                remedy="move the packages into the requirements file and remove `python_packages`",
            )
        build = Build(
            gpu=self._get(known, "gpu", self._boolean, "build.") or False,
            cuda=self._get(known, "cuda", self._version, "build."),
            cudnn=self._get(known, "cudnn", self._version, "build."),
            python_version=self._get(known, "python_version", self._python_version, "build."),
            python_packages=self._get(known, "python_packages", self._texts, "build.") or (),
            python_requirements=self._get(known, "python_requirements", self._text, "build."),
            python_overrides=self._get(known, "python_overrides", self._text, "build."),
            system_packages=self._get(known, "system_packages", self._texts, "build.") or (),
            run=self._get(known, "run", self._commands, "build.") or (),
            pre_install=self._get(known, "pre_install", self._commands, "build.") or (),
            environment=self._get(known, "environment", self._environment, "build.") or (),
            fast=self._get(known, "fast", self._boolean, "build.") or False,
            cog_runtime=self._get(known, "cog_runtime", self._boolean, "build.") or False,
        )
        return build, self._get(known, "sdk_version", self._text, "build.")

    def _keys(self, table: Table, known: tuple[str, ...], prefix: str) -> dict[str, Value]:
        """Refuse unknown keys and leave out those that are null."""
        for key in table.items:
            if key not in known:
                raise ConfigError(
                    f"unknown key {prefix + key!r}",
                    where=table.keys[key],
                    remedy=_suggestion(key, known, prefix),
                )
            self._locations[prefix + key] = table.keys[key]
        return {
            key: value
            for key, value in table.items.items()
            if not (isinstance(value, Scalar) and value.kind == "null")
        }

    def _get(
        self,
        known: Mapping[str, Value],
        key: str,
        read: Callable[[Value, str], T],
        prefix: str = "",
    ) -> T | None:
        value = known.get(key)
        return read(value, prefix + key) if value is not None else None

    def _table(self, known: Mapping[str, Value], key: str) -> Table | None:
        value = known.get(key)
        if value is None or isinstance(value, Table):
            return value
        raise _wrong(key, "a mapping", value)

    def _text(self, value: Value, key: str) -> str:
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
        raise _wrong(key, "a text", value)

    def _texts(self, value: Value, key: str) -> tuple[str, ...]:
        if not isinstance(value, Sequence):
            raise _wrong(key, "a list", value)
        return tuple(self._item(item, f"{key}[{i}]") for i, item in enumerate(value.items))

    def _item(self, value: Value, key: str) -> str:
        self._locations[key] = value.where
        return self._text(value, key)

    def _boolean(self, value: Value, key: str) -> bool:
        if isinstance(value, Scalar):
            if value.kind == "bool":
                return value.truth
            if value.text.lower() in ("true", "false"):
                return value.text.lower() == "true"
        raise _wrong(key, "true or false", value)

    def _reference(self, value: Value, key: str) -> str:
        text = self._text(value, key)
        if _REFERENCE.fullmatch(text):
            return text
        raise ConfigError(
            f"{key!r} is not a reference: {text!r}",
            where=value.where,
            remedy=f'write it as `{key}: "predict.py:Predictor"`',
        )

    def _version(self, value: Value, key: str) -> str:
        text = self._text(value, key).strip()
        form = r"\d+(\.\d+){0,3}" if key.endswith("cudnn") else r"\d+\.\d+(\.\d+)?"
        if re.fullmatch(form, text, re.ASCII):
            return text
        raise ConfigError(
            f"{key!r} is not a version: {text!r}",
            where=value.where,
            remedy='write it as "12.4" or "12.4.1"',
        )

    def _python_version(self, value: Value, key: str) -> str:
        text = self._text(value, key).strip()
        match = re.fullmatch(r"3\.(\d{1,2})(\.\d{1,2})?", text, re.ASCII)
        if match is None:
            raise ConfigError(
                f"{text!r} is not a Python version",
                where=value.where,
                remedy='write it as "3.11" or "3.11.9"',
            )
        if match[1] == "1":
            raise ConfigError(
                "Python 3.1 is what remains of an unquoted 3.10, which YAML takes for a number",
                where=value.where,
                remedy='write python_version: "3.10", with the quotes',
            )
        if int(match[1]) < 7:
            raise ConfigError(
                f"Python {text} is older than anything Cog or fal runs",
                where=value.where,
                remedy="use 3.10 or newer",
            )
        return text

    def _concurrency(self, known: Mapping[str, Value]) -> int | None:
        table = self._table(known, "concurrency")
        if table is None:
            return None
        inner = self._keys(table, ("default_target", "max"), "concurrency.")
        value = inner.get("max")
        if value is None:
            raise ConfigError(
                "`concurrency` has no `max`",
                where=table.where,
                remedy="add `max`, or remove `concurrency`",
            )
        if isinstance(value, Scalar) and re.fullmatch(r"[1-9]\d{0,5}", value.text, re.ASCII):
            return int(value.text)
        raise _wrong("concurrency.max", "a whole number of at least 1", value)

    def _environment(self, value: Value, key: str) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for name, text, where in self._assignments(value, key):
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name!r} is not a name for an environment variable",
                    where=where,
                    remedy="write NAME=value, the name in letters, digits and underscores",
                )
            if name in _RESERVED or name in found:
                what = "is given twice" if name in found else "belongs to the runner"
                raise ConfigError(
                    f"the environment variable {name} {what}", where=where, remedy="remove it"
                )
            found[name] = text
            self._locations[f"{key}.{name}"] = where
        return tuple(found.items())

    def _assignments(self, value: Value, key: str) -> list[tuple[str, str, Location]]:
        """Cog's list of NAME=value, and the mapping that people write instead."""
        if isinstance(value, Table):
            return [
                (name, item.text, value.keys[name])
                for name, item in value.items.items()
                if isinstance(item, Scalar)
            ]
        found = []
        for text, item in zip(self._texts(value, key), value.items, strict=True):  # type: ignore[union-attr]
            name, equals, rest = text.partition("=")
            if not equals:
                raise ConfigError(
                    f"{text!r} is not an assignment", where=item.where, remedy="write NAME=value"
                )
            found.append((name, rest, item.where))
        return found

    def _commands(self, value: Value, key: str) -> tuple[Command, ...]:
        if not isinstance(value, Sequence):
            raise _wrong(key, "a list of commands", value)
        found = []
        for i, item in enumerate(value.items):
            self._locations[f"{key}[{i}]"] = item.where
            if isinstance(item, Table):
                found.append(self._command_table(item, f"{key}[{i}]"))
            else:
                found.append(Command(self._text(item, f"{key}[{i}]")))
        return tuple(found)

    def _command_table(self, table: Table, key: str) -> Command:
        inner = self._keys(table, ("command", "mounts"), f"{key}.")
        if "command" not in inner:
            raise ConfigError(f"{key!r} has no `command`", where=table.where, remedy="add it")
        mounts = inner.get("mounts", Sequence((), table.where))
        if not isinstance(mounts, Sequence):
            raise _wrong(f"{key}.mounts", "a list", mounts)
        return Command(
            self._text(inner["command"], f"{key}.command"),
            tuple(self._mount(item, f"{key}.mounts[{i}]") for i, item in enumerate(mounts.items)),
        )

    def _mount(self, value: Value, key: str) -> Mount:
        if not isinstance(value, Table):
            raise _wrong(key, "a mapping of type, id and target", value)
        inner = self._keys(value, ("id", "target", "type"), f"{key}.")
        missing = [name for name in ("type", "id", "target") if name not in inner]
        if missing:
            raise ConfigError(f"{key!r} has no `{missing[0]}`", where=value.where, remedy="add it")
        kind, name, target = (
            self._text(inner[part], f"{key}.{part}") for part in ("type", "id", "target")
        )
        if kind != "secret":
            raise ConfigError(
                f"{key!r} is a mount of type {kind!r}",
                where=value.where,
                remedy="only `type: secret` exists",
            )
        if not _MOUNT_ID.fullmatch(name) or not target.startswith("/") or not target.isprintable():
            raise ConfigError(
                f"{key!r} needs a plain id and an absolute target",
                where=value.where,
                remedy="such as `id: pip` and `target: /etc/pip.conf`",
            )
        self._locations[key] = value.where
        return Mount(name, target)

    def _weights(self, value: Value, key: str) -> tuple[WeightSource, ...]:
        if not isinstance(value, Sequence):
            raise _wrong(key, "a list", value)
        return tuple(self._weight(item, f"{key}[{i}]") for i, item in enumerate(value.items))

    def _weight(self, value: Value, key: str) -> WeightSource:
        self._locations[key] = value.where
        if not isinstance(value, Table):
            return WeightSource(self._text(value, key))
        inner = self._keys(value, ("name", "source", "target"), f"{key}.")
        source = inner.get("source")
        if isinstance(source, Table):
            source = self._keys(source, ("exclude", "include", "uri"), f"{key}.source.").get("uri")
        if source is None:
            raise ConfigError(f"{key!r} has no `source`", where=value.where, remedy="add it")
        target = inner.get("target")
        return WeightSource(
            self._text(source, f"{key}.source"),
            self._text(target, f"{key}.target") if target is not None else None,
        )


def _suggestion(key: str, known: tuple[str, ...], prefix: str) -> str:
    renamed = _RENAMED.get(key)
    near = [renamed] if renamed in known else get_close_matches(key, known, n=1)
    if near:
        return f"did you mean {prefix + str(near[0])!r}?"
    if not prefix and key in _BUILD_KEYS:
        return f"it belongs under `build`, as 'build.{key}'"
    if prefix and key in _TOP_KEYS:
        return f"it stands at the top level, outside `{prefix.rstrip('.')}`"
    return f"the keys here are {', '.join(known)}"


def _wrong(key: str, wanted: str, value: Value) -> ConfigError:
    match value:
        case Scalar():
            found = f"{value.kind} {value.text!r}"
        case Sequence():
            found = "a list"
        case Table():
            found = "a mapping"
    remedy = f"write `{key.rpartition('.')[2]}:` with {wanted}"
    return ConfigError(f"{key!r} is {found}, not {wanted}", where=value.where, remedy=remedy)

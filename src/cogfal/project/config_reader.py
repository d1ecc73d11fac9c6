"""Read cog.yaml into a `CogConfig`: every key that Cog documents or documented, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.project.config import (
    TRACES,
    Build,
    CogConfig,
    Command,
    Mount,
    Observability,
    WeightSource,
)
from cogfal.project.place import read_text
from cogfal.project.yaml_document import (
    BUILD_KEYS,
    TOP_KEYS,
    Fields,
    Scalar,
    Sequence,
    Table,
    Value,
    read_document,
    wrong,
)
from cogfal.spec import Location

_REFERENCE: Final = re.compile(r"[^:\x00-\x1f]+\.py:[^\W\d]\w*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOUNT_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MOUNT_TARGET: Final = re.compile(r"(/[A-Za-z0-9_.@%+=:~-]+)+")
_SECRET_MOUNT: Final = re.compile(r"--mount=type=secret,(\S+)\s+")
_BUILD_SETTINGS: Final = frozenset(
    {"pre_install", "python_packages", "python_requirements", "python_version", "system_packages"}
)
_TRACE_KEYS: Final = ("config", "enabled", "header", "header_format", "sampler", "sampler_arg")
_SAMPLERS: Final = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_RESERVED: Final = frozenset(
    {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONUNBUFFERED", "LIBRARY_PATH"}
)


def read_config(path: Path) -> CogConfig:
    """Read and check a cog.yaml.

    Raises:
        ConfigError: The file cannot be read, or says something that Cog would not accept; the
            error names the line and the remedy.
    """
    return parse_config(read_text(path), path.name)


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
    return _ConfigReader(name).config(document)


class _ConfigReader(Fields):
    """Reads one cog.yaml."""

    def config(self, table: Table) -> CogConfig:
        known = self.keys(table, TOP_KEYS, "")
        if "predict" in known and "run" in known:
            raise ConfigError(
                "`predict` and `run` are two spellings of one key",
                where=table.keys["run"],
                remedy="keep one",
            )
        if "image" in known and "model" in known:
            raise ConfigError(
                "`image` and `model` are two names for the same",
                where=table.keys["model"],
                remedy="remove one of them",
            )
        build_table = self.table(known, "build")
        sdk = self.get(known, "sdk_version", self.text)
        build, build_sdk = self._build(build_table)
        return CogConfig(
            build=build,
            predict=self.get(known, "predict", self._reference)
            or self.get(known, "run", self._reference),
            train=self.get(known, "train", self._reference),
            image=self.get(known, "image", self.text) or self.get(known, "model", self._model),
            max_concurrency=self._concurrency(known),
            environment=self.get(known, "environment", self._environment) or (),
            weights=self.get(known, "weights", self._weights) or (),
            observability=self._observability(known),
            sdk_version=sdk or build_sdk,
            tests="tests" in known,
            name=self.name,
            locations=self.locations,
        )

    def _build(self, table: Table | None) -> tuple[Build, str | None]:
        known = self.keys(table, BUILD_KEYS, "build.") if table else {}
        build = Build(
            gpu=self.get(known, "gpu", self.boolean, "build.") or False,
            cuda=self.get(known, "cuda", self._version, "build."),
            cudnn=self.get(known, "cudnn", self._version, "build."),
            python_version=self.get(known, "python_version", self._python_version, "build."),
            python_packages=self.get(known, "python_packages", self.texts, "build.") or (),
            python_requirements=self.get(known, "python_requirements", self.text, "build."),
            python_overrides=self.get(known, "python_overrides", self.text, "build."),
            system_packages=self.get(known, "system_packages", self.texts, "build.") or (),
            run=self.get(known, "run", self._commands, "build.") or (),
            pre_install=self.get(known, "pre_install", self._commands, "build.") or (),
            environment=self.get(known, "environment", self._environment, "build.") or (),
            fast=self.get(known, "fast", self.boolean, "build.") or False,
            cog_runtime=self.get(known, "cog_runtime", self.boolean, "build.") or False,
        )
        if build.python_packages and build.python_requirements:
            raise ConfigError(
                "`python_packages` and `python_requirements` exclude each other",
                where=self.locations["build.python_packages"],
                remedy="move the packages into the requirements file and remove `python_packages`",
            )
        return build, self.get(known, "sdk_version", self.text, "build.")

    def _reference(self, value: Value, key: str) -> str:
        text = self.text(value, key)
        if _REFERENCE.fullmatch(text):
            return text
        raise ConfigError(
            f"{key!r} is not a reference: {text!r}",
            where=value.where,
            remedy=f'write it as `{key}: "predict.py:Predictor"`',
        )

    def _model(self, value: Value, key: str) -> str:
        text = self.text(value, key)
        if not _REFERENCE.fullmatch(text):
            return text
        raise ConfigError(
            f"{key!r} names where a model is pushed to, and this is a reference: {text!r}",
            where=value.where,
            remedy="did you mean 'predict'?",
        )

    def _version(self, value: Value, key: str) -> str:
        text = self.text(value, key).strip()
        form = r"\d+(\.\d+){0,3}" if key.endswith("cudnn") else r"\d+\.\d+(\.\d+)?"
        if re.fullmatch(form, text, re.ASCII):
            return text
        raise ConfigError(
            f"{key!r} is not a version: {text!r}",
            where=value.where,
            remedy='write it as "12.4" or "12.4.1"',
        )

    def _python_version(self, value: Value, key: str) -> str:
        text = self.text(value, key).strip()
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
                f"Python {text} is older than anything that can be served",
                where=value.where,
                remedy="use 3.8 or newer",
            )
        return text

    def _concurrency(self, known: Mapping[str, Value]) -> int | None:
        table = self.table(known, "concurrency")
        if table is None:
            return None
        inner = self.keys(table, ("default_target", "max"), "concurrency.")
        value = inner.get("max")
        if value is None:
            raise ConfigError(
                "`concurrency` has no `max`",
                where=table.where,
                remedy="add `max`, or remove `concurrency`",
            )
        if isinstance(value, Scalar) and re.fullmatch(r"[1-9]\d{0,5}", value.text, re.ASCII):
            return int(value.text)
        raise wrong("concurrency.max", "a whole number of at least 1", value)

    def _observability(self, known: Mapping[str, Value]) -> Observability | None:
        table = self.table(known, "observability")
        if table is None:
            return None
        # Cog's own reading of it is young: what is not known here stops nobody.
        name = next((name for name in TRACES if name in table.items), None)
        found = table if name is None else table.items[name]
        key = "observability" if name is None else f"observability.{name}"
        if not isinstance(found, Table):
            raise wrong(key, "a mapping", found)
        prefix = f"{key}."
        inner = {name: each for name, each in found.items.items() if name in _TRACE_KEYS}
        self.locations["observability"] = table.where
        self.locations.update({f"{prefix}{name}": found.keys[name] for name in inner})
        return Observability(
            enabled=self.get(inner, "enabled", self.boolean, prefix) is not False,
            sampler=self.get(inner, "sampler", self._sampler, prefix),
            sampler_arg=self.get(inner, "sampler_arg", self.number, prefix),
            header=self.get(inner, "header", self.text, prefix),
            header_format=self.get(inner, "header_format", self.text, prefix),
            config=self._telemetry(table) or self.get(inner, "config", self.text, prefix),
        )

    def _telemetry(self, table: Table) -> str | None:
        """Read the author's own provider where it is named above traces, as it is of more."""
        if "config" in table.items:
            self.locations["observability.config"] = table.keys["config"]
        return self.get(table.items, "config", self.text, "observability.")

    def _sampler(self, value: Value, key: str) -> str:
        text = self.text(value, key)
        if text in _SAMPLERS:
            return text
        raise wrong(key, f"one of {', '.join(_SAMPLERS)}", value)

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
            self.locations[f"{key}.{name}"] = where
        return tuple(found.items())

    def _assignments(self, value: Value, key: str) -> list[tuple[str, str, Location]]:
        """Cog's list of NAME=value, and the mapping that people write instead."""
        if isinstance(value, Table):
            _refuse_settings(value, key)
            return [
                (name, self._plain(item, f"{key}.{name}"), value.keys[name])
                for name, item in value.items.items()
            ]
        found = []
        for text, item in zip(self.texts(value, key), value.items, strict=True):  # type: ignore[union-attr]
            name, equals, rest = text.partition("=")
            if not equals:
                raise ConfigError(
                    f"{text!r} is not an assignment", where=item.where, remedy="write NAME=value"
                )
            found.append((name, rest, item.where))
        return found

    def _plain(self, value: Value, key: str) -> str:
        if isinstance(value, Scalar):
            return "" if value.kind == "null" else value.text
        raise wrong(key, "a text", value)

    def _commands(self, value: Value, key: str) -> tuple[Command, ...]:
        if not isinstance(value, Sequence):
            raise wrong(key, "a list of commands", value)
        found = []
        for i, item in enumerate(value.items):
            self.locations[f"{key}[{i}]"] = item.where
            if isinstance(item, Table):
                found.append(self._command_table(item, f"{key}[{i}]"))
            else:
                found.append(_with_secrets(Command(self.text(item, f"{key}[{i}]"))))
        return tuple(found)

    def _command_table(self, table: Table, key: str) -> Command:
        inner = self.keys(table, ("command", "mounts"), f"{key}.")
        if "command" not in inner:
            raise ConfigError(f"{key!r} has no `command`", where=table.where, remedy="add it")
        mounts = inner.get("mounts", Sequence((), table.where))
        if not isinstance(mounts, Sequence):
            raise wrong(f"{key}.mounts", "a list", mounts)
        return Command(
            self.text(inner["command"], f"{key}.command"),
            tuple(self._mount(item, f"{key}.mounts[{i}]") for i, item in enumerate(mounts.items)),
        )

    def _mount(self, value: Value, key: str) -> Mount:
        if not isinstance(value, Table):
            raise wrong(key, "a mapping of type, id and target", value)
        inner = self.keys(value, ("id", "target", "type"), f"{key}.")
        missing = [name for name in ("type", "id", "target") if name not in inner]
        if missing:
            raise ConfigError(f"{key!r} has no `{missing[0]}`", where=value.where, remedy="add it")
        kind, name, target = (
            self.text(inner[part], f"{key}.{part}") for part in ("type", "id", "target")
        )
        if kind != "secret":
            raise ConfigError(
                f"{key!r} is a mount of type {kind!r}",
                where=value.where,
                remedy="only `type: secret` exists",
            )
        if not _MOUNT_ID.fullmatch(name) or not _MOUNT_TARGET.fullmatch(target):
            raise ConfigError(
                f"{key!r} needs a plain id and an absolute target",
                where=value.where,
                remedy="such as `id: pip` and `target: /etc/pip.conf`",
            )
        self.locations[key] = value.where
        return Mount(name, target)

    def _weights(self, value: Value, key: str) -> tuple[WeightSource, ...]:
        if not isinstance(value, Sequence):
            raise wrong(key, "a list", value)
        return tuple(
            source
            for i, item in enumerate(value.items)
            for source in self._weight(item, f"{key}[{i}]")
        )

    def _weight(self, value: Value, key: str) -> list[WeightSource]:
        self.locations[key] = value.where
        if not isinstance(value, Table):
            return [WeightSource(self.text(value, key), key=key)]
        inner = self.keys(value, ("name", "source", "target"), f"{key}.")
        target = self.get(inner, "target", self.text, f"{key}.")
        source = inner.get("source")
        if source is None:
            raise ConfigError(f"{key!r} has no `source`", where=value.where, remedy="add it")
        if not isinstance(source, Sequence):
            return [self._source(source, f"{key}.source", target, key)]
        return [
            self._source(item, f"{key}.source[{i}]", target, key)
            for i, item in enumerate(source.items)
        ]

    def _source(self, value: Value, key: str, target: str | None, entry: str) -> WeightSource:
        if not isinstance(value, Table):
            return WeightSource(self.text(value, key), target, key=entry)
        inner = self.keys(value, ("exclude", "include", "uri"), f"{key}.")
        if "uri" not in inner:
            raise ConfigError(f"{key!r} has no `uri`", where=value.where, remedy="add it")
        return WeightSource(
            self.text(inner["uri"], f"{key}.uri"),
            target,
            self.get(inner, "include", self._patterns, f"{key}.") or (),
            self.get(inner, "exclude", self._patterns, f"{key}.") or (),
            entry,
        )

    def _patterns(self, value: Value, key: str) -> tuple[str, ...]:
        return self.texts(value, key) if isinstance(value, Sequence) else (self.text(value, key),)


def _with_secrets(command: Command) -> Command:
    """Take the secrets out of a command that begins with Docker's own `--mount=type=secret`."""
    mounts = []
    text = command.command.strip()
    while match := _SECRET_MOUNT.match(text):
        given = dict(part.split("=", 1) for part in match[1].split(",") if "=" in part)
        name = given.get("id", "")
        target = given.get("target") or given.get("dst") or f"/run/secrets/{name}"
        if not _MOUNT_ID.fullmatch(name) or not _MOUNT_TARGET.fullmatch(target):
            break
        mounts.append(Mount(name, target))
        text = text[match.end() :]
    return Command(text, tuple(mounts)) if mounts else command


def _refuse_settings(table: Table, key: str) -> None:
    """Refuse the first form of cog.yaml, where `environment` was what `build` is."""
    setting = next((name for name in table.items if name in _BUILD_SETTINGS), None)
    if setting is not None:
        raise ConfigError(
            f"{key!r} holds {setting!r}, which is no variable but a setting of the build",
            where=table.keys[setting],
            remedy="rename `environment`, as the first Cog called it, to `build`",
        )

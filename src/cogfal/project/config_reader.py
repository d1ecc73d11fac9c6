"""Read cog.yaml into a `CogConfig`: every key that Cog documents or documented, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from cogfal.errors import ConfigError
from cogfal.project.config import (
    COG_YAML,
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
    Scalar,
    Sequence,
    Table,
    Value,
    below,
    boolean,
    is_null,
    items,
    locations,
    mistake,
    number,
    read_document,
    section,
    several,
    text,
    texts,
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


def parse_config(content: str, name: str = COG_YAML) -> CogConfig:
    """Check the text of a cog.yaml; `name` is the file's name in messages. Raises ConfigError."""
    document = read_document(content, name)
    if document is None or is_null(document):
        return CogConfig(name=name)
    if not isinstance(document, Table):
        remedy = 'write keys such as `predict: "predict.py:Predictor"`'
        raise mistake(document, "is not a mapping of keys", remedy)
    top = section(document, "", TOP_KEYS, others=True)
    _refuse_both(document, "predict", "run", "are two spellings of one key", "keep one")
    _refuse_both(document, "image", "model", "are two names for the same", "remove one of them")
    sdk_version = top.get("sdk_version", text)
    build, build_sdk_version = top.get("build", _build) or (Build(), None)
    return CogConfig(
        build=build,
        predict=top.get("predict", _reference) or top.get("run", _reference),
        train=top.get("train", _reference),
        image=top.get("image", text) or top.get("model", _model),
        max_concurrency=top.get("concurrency", _concurrency),
        environment=top.get("environment", _environment) or (),
        weights=top.get("weights", _weights) or (),
        observability=top.get("observability", _observability),
        sdk_version=sdk_version or build_sdk_version,
        tests="tests" in top.values,
        unknown=(
            *_unknown(document, "", TOP_KEYS),
            *_unknown(document.items.get("build"), "build", BUILD_KEYS),
        ),
        name=name,
        locations=dict(locations(document)),
    )


def _unknown(value: Value | None, key: str, known: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Table):
        yield from (below(key, name) for name in value.items if name not in known)


def _refuse_both(table: Table, name: str, other: str, what: str, remedy: str) -> None:
    if not is_null(table.items.get(name)) and not is_null(table.items.get(other)):
        raise ConfigError(f"`{name}` and `{other}` {what}", where=table.keys[other], remedy=remedy)


def _build(value: Value, key: str) -> tuple[Build, str | None]:
    """Read the `build` stanza, and the version of Cog's SDK that may stand there."""
    keys = section(value, key, BUILD_KEYS, others=True)
    commands = several(_command, "a list of commands")
    build = Build(
        gpu=keys.get("gpu", boolean) or False,
        cuda=keys.get("cuda", _version),
        cudnn=keys.get("cudnn", _version),
        python_version=keys.get("python_version", _python_version),
        python_packages=keys.get("python_packages", texts) or (),
        python_requirements=keys.get("python_requirements", text),
        python_overrides=keys.get("python_overrides", text),
        system_packages=keys.get("system_packages", texts) or (),
        run=keys.get("run", commands) or (),
        pre_install=keys.get("pre_install", commands) or (),
        environment=keys.get("environment", _environment) or (),
        fast=keys.get("fast", boolean) or False,
        cog_runtime=keys.get("cog_runtime", boolean) or False,
    )
    if build.python_packages and build.python_requirements and isinstance(value, Table):
        raise ConfigError(
            "`python_packages` and `python_requirements` exclude each other",
            where=value.keys["python_packages"],
            remedy="move the packages into the requirements file and remove `python_packages`",
        )
    return build, keys.get("sdk_version", text)


def _reference(value: Value, key: str) -> str:
    example = '"train.py:train"' if key == "train" else '"predict.py:Predictor"'
    if not isinstance(value, Scalar):
        raise wrong(key, f"a reference such as {example}", value)
    given = text(value, key)
    if _REFERENCE.fullmatch(given):
        return given
    what = f"{key!r} is not a reference: {given!r}"
    raise mistake(value, what, f"write it as `{key}: {example}`")


def _model(value: Value, key: str) -> str:
    given = text(value, key)
    if not _REFERENCE.fullmatch(given):
        return given
    what = f"{key!r} names where a model is pushed to, and this is a reference: {given!r}"
    raise mistake(value, what, "did you mean 'predict'?")


def _version(value: Value, key: str) -> str:
    given = text(value, key).strip()
    form = r"\d+(\.\d+){0,3}" if key.endswith("cudnn") else r"\d+\.\d+(\.\d+)?"
    if re.fullmatch(form, given, re.ASCII):
        return given
    raise mistake(value, f"{key!r} is not a version: {given!r}", 'write it as "12.4" or "12.4.1"')


def _python_version(value: Value, key: str) -> str:
    given = text(value, key).strip()
    match = re.fullmatch(r"3\.(\d{1,2})(\.\d{1,2})?", given, re.ASCII)
    if match is None:
        what = f"{given!r} is not a Python version"
        remedy = 'write it as "3.11" or "3.11.9"'
    elif match[1] == "1":
        what = "Python 3.1 is what remains of an unquoted 3.10, which YAML takes for a number"
        remedy = 'write python_version: "3.10", with the quotes'
    elif int(match[1]) < 7:
        what = f"Python {given} is older than anything that can be served"
        remedy = "use 3.8 or newer"
    else:
        return given
    raise mistake(value, what, remedy)


def _concurrency(value: Value, key: str) -> int:
    keys = section(value, key, ("default_target", "max"))
    return keys.need("max", _at_least_one, "add `max`, or remove `concurrency`")


def _at_least_one(value: Value, key: str) -> int:
    if isinstance(value, Scalar) and re.fullmatch(r"[1-9]\d{0,5}", value.text, re.ASCII):
        return int(value.text)
    raise wrong(key, "a whole number of at least 1", value)


def _observability(value: Value, key: str) -> Observability:
    # Cog's own reading of it is young: what is not known here stops nobody.
    outer = section(value, key)
    traces = next((outer.need(name, section) for name in TRACES if name in outer.values), outer)
    return Observability(
        enabled=traces.get("enabled", boolean) is not False,
        sampler=traces.get("sampler", _sampler),
        sampler_arg=traces.get("sampler_arg", number),
        header=traces.get("header", text),
        header_format=traces.get("header_format", text),
        # The author's own provider may be named above traces, as it is of more.
        config=outer.get("config", text) or traces.get("config", text),
    )


def _sampler(value: Value, key: str) -> str:
    given = text(value, key)
    if given in _SAMPLERS:
        return given
    raise wrong(key, f"one of {', '.join(_SAMPLERS)}", value)


def _environment(value: Value, key: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for name, given, where in _assignments(value, key):
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
        found[name] = given
    return tuple(found.items())


def _assignments(value: Value, key: str) -> list[tuple[str, str, Location]]:
    """Cog's list of NAME=value, and the mapping that people write instead."""
    if isinstance(value, Table):
        _refuse_settings(value, key)
        return [
            (name, _plain(item, f"{key}.{name}"), value.keys[name])
            for name, item in value.items.items()
        ]
    found = []
    for item, place in items(value, key):
        name, equals, rest = text(item, place).partition("=")
        if not equals:
            raise mistake(item, f"{name!r} is not an assignment", "write NAME=value")
        found.append((name, rest, item.where))
    return found


def _refuse_settings(table: Table, key: str) -> None:
    """Refuse the first form of cog.yaml, where `environment` was what `build` is."""
    setting = next((name for name in table.items if name in _BUILD_SETTINGS), None)
    if setting is not None:
        raise ConfigError(
            f"{key!r} holds {setting!r}, which is no variable but a setting of the build",
            where=table.keys[setting],
            remedy="rename `environment`, as the first Cog called it, to `build`",
        )


def _plain(value: Value, key: str) -> str:
    if isinstance(value, Scalar):
        return "" if is_null(value) else value.text
    raise wrong(key, "a text", value)


def _command(value: Value, key: str) -> Command:
    if not isinstance(value, Table):
        return _with_secrets(Command(text(value, key)))
    keys = section(value, key, ("command", "mounts"))
    return Command(keys.need("command", text), keys.get("mounts", several(_mount)) or ())


def _mount(value: Value, key: str) -> Mount:
    keys = section(value, key, ("id", "target", "type"), "a mapping of type, id and target")
    kind, name, target = (keys.need(part, text) for part in ("type", "id", "target"))
    if kind != "secret":
        raise mistake(value, f"{key!r} is a mount of type {kind!r}", "only `type: secret` exists")
    if not _mountable(name, target):
        what = f"{key!r} needs a plain id and an absolute target"
        raise mistake(value, what, "such as `id: pip` and `target: /etc/pip.conf`")
    return Mount(name, target)


def _with_secrets(command: Command) -> Command:
    """Take the secrets out of a command that begins with Docker's own `--mount=type=secret`."""
    mounts = []
    rest = command.command.strip()
    while match := _SECRET_MOUNT.match(rest):
        given = dict(part.split("=", 1) for part in match[1].split(",") if "=" in part)
        name = given.get("id", "")
        target = given.get("target") or given.get("dst") or f"/run/secrets/{name}"
        if not _mountable(name, target):
            break
        mounts.append(Mount(name, target))
        rest = rest[match.end() :]
    return Command(rest, tuple(mounts)) if mounts else command


def _mountable(name: str, target: str) -> bool:
    return bool(_MOUNT_ID.fullmatch(name) and _MOUNT_TARGET.fullmatch(target))


def _weights(value: Value, key: str) -> tuple[WeightSource, ...]:
    return tuple(source for item, place in items(value, key) for source in _weight(item, place))


def _weight(value: Value, key: str) -> list[WeightSource]:
    if not isinstance(value, Table):
        return [WeightSource(text(value, key), key=key)]
    keys = section(value, key, ("name", "source", "target"))
    target = keys.get("target", text)
    return keys.need("source", partial(_sources, target=target, entry=key))


def _sources(value: Value, key: str, *, target: str | None, entry: str) -> list[WeightSource]:
    several = items(value, key) if isinstance(value, Sequence) else [(value, key)]
    return [_source(item, place, target, entry) for item, place in several]


def _source(value: Value, key: str, target: str | None, entry: str) -> WeightSource:
    if not isinstance(value, Table):
        return WeightSource(text(value, key), target, key=entry)
    keys = section(value, key, ("exclude", "include", "uri"))
    return WeightSource(
        keys.need("uri", text),
        target,
        keys.get("include", _patterns) or (),
        keys.get("exclude", _patterns) or (),
        entry,
    )


def _patterns(value: Value, key: str) -> tuple[str, ...]:
    return texts(value, key) if isinstance(value, Sequence) else (text(value, key),)

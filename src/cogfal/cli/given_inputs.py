"""Read a prediction's inputs as `cog predict` takes them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from cogfal.cli.console import CommandFailed, Sign, say
from cogfal.local.session import GIVEN
from cogfal.nested import map_leaves
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.spec import (
    FileType,
    ListType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
    holds,
)

STDIN: Final = ("-", "@-")


def read_inputs(arguments: argparse.Namespace, spec: PredictorSpec | None) -> dict[str, Any]:
    """Return the inputs by name; files are paths.

    With a spec, a list input takes one `-i` as its only item or as a JSON array, `@FILE` where no
    file is wanted is the file's text, and JSON is read where the input is no text either. Without,
    `@FILE` is a file and only lists and objects are read as JSON. As with Cog, a text in quotes
    loses them, and `~` in a file's path is the home directory.

    Raises:
        CommandFailed: An argument is malformed, names a file that cannot be read, or an input that
            the predictor does not have.
    """
    types = {each.name: each.type for each in spec.inputs} if spec is not None else {}
    values = _json_inputs(arguments.json_input, types) if arguments.json_input else {}
    for name, texts in _grouped(arguments.input, "-i").items():
        declared = types.get(name)
        for text in texts if declared is not None and _wants_file(declared) else ():
            if Path(text).is_file():
                raise CommandFailed(f"-i {name}={text}: to give the file, write -i {name}=@{text}")
        items = [_value(text, declared) for text in texts]
        alone = not isinstance(items[0], list) and _takes_lists(declared)
        values[name] = items if len(items) > 1 or alone else items[0]
    if spec is not None:
        _look_for_strangers(values, list(types), allowed=arguments.allow_unknown)
    return values


def refuse_missing(given: Collection[str], spec: PredictorSpec, otherwise: str = "") -> None:
    """Raise CommandFailed where a required input is not given; `otherwise` is a further remedy."""
    missing = [each.name for each in spec.inputs if each.required and each.name not in given]
    if missing:
        wanted = " ".join(f"-i {name}=..." for name in missing)
        raise CommandFailed(f"it needs {', '.join(missing)}; add {wanted}{otherwise}")


def validate(values: Mapping[str, Any], spec: PredictorSpec) -> None:
    """Raise InvalidInput where inputs do not fit; paths stand for files, wherever they are."""
    addressed = map_leaves(values, lambda each: GIVEN if isinstance(each, Path) else each)
    Validator(spec, Dialect.FAL).parse(addressed)


def read_variables(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the variables of `-e`; raises CommandFailed."""
    return {name: texts[-1] for name, texts in _grouped(arguments.env, "-e").items()}


def _look_for_strangers(values: Mapping[str, Any], names: list[str], *, allowed: bool) -> None:
    for stranger in (name for name in values if name not in names):
        near = get_close_matches(stranger, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
        if not allowed:
            raise CommandFailed(
                f"there is no input {stranger}; {hint} (--allow-unknown leaves it out)"
            )
        say(f"there is no input {stranger}, so it is left out; {hint}", Sign.NOTE)


def _grouped(pairs: list[str], option: str) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise CommandFailed(f"{option} {pair}: write it as NAME=VALUE")
        grouped.setdefault(name, []).append(text)
    return grouped


def _json_inputs(text: str, types: Mapping[str, Type]) -> dict[str, Any]:
    if text in STDIN:
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = _text_of(text[1:])
    try:
        values = json.loads(text)
    except ValueError as error:
        raise CommandFailed(
            f"--json is not JSON: {error}; write {{NAME: VALUE, ...}}, @FILE, or - for stdin"
        ) from error
    if not isinstance(values, dict):
        raise CommandFailed("--json is not an object; write the inputs as {NAME: VALUE, ...}")
    return {name: with_files(value, types.get(name)) for name, value in values.items()}


def with_files(value: Any, declared: Type | None, folder: Path = Path()) -> Any:
    """Put paths in place of "@FILE", relative to a folder, where files are wanted."""
    if declared is not None and not holds(declared, PathType, FileType):
        return value

    def placed(leaf: Any) -> Any:
        named = isinstance(leaf, str) and leaf.startswith("@")
        return _existing(leaf[1:], folder) if named else leaf

    return map_leaves(value, placed)


def _value(text: str, declared: Type | None) -> Any:
    if text.startswith("@"):
        if declared is None or _wants_file(declared):
            return _existing(text[1:])
        read = _text_of(text[1:])
        return read if _is_plain(declared) else _json_or_text(read)
    if declared is None:
        return _json_or_text(text) if text[:1] in {"{", "["} else _unquoted(text)
    if _takes_lists(declared) and text.startswith("["):
        return with_files(_json_or_text(text), declared)
    if _is_plain(declared):
        return _unquoted(text)
    return _json_or_text(text)


def _unquoted(text: str) -> str:
    """Take one pair of double quotes off, as Cog does."""
    in_quotes = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if in_quotes else text


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def item_type(kind: Type) -> Type:
    """Return the type of one value: of a list's item, and without what else may be None."""
    while isinstance(kind, (OptionalType, ListType)):
        kind = kind.inner if isinstance(kind, OptionalType) else kind.item
    return kind


def _wants_file(declared: Type | None) -> bool:
    match None if declared is None else item_type(declared):
        case None | PathType() | FileType():
            return True
        case UnionType(members):
            return any(map(_wants_file, members))
        case _:
            return False


def _is_plain(declared: Type) -> bool:
    """Whether a value is taken as the text it is."""
    return isinstance(item_type(declared), (StringType, SecretType, PathType, FileType))


def _takes_lists(declared: Type | None) -> bool:
    while isinstance(declared, OptionalType):
        declared = declared.inner
    return isinstance(declared, ListType)


def _existing(name: str, folder: Path = Path()) -> Path:
    path = folder / Path(name).expanduser()
    if not path.is_file():
        text = f"@{name}: there is no such file; the path is relative to {folder.resolve()}"
        raise CommandFailed(text)
    return path.resolve()


def _text_of(name: str) -> str:
    try:
        return _existing(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"@{name}: it cannot be read as text: {error}") from error

"""Read a prediction's inputs as `cog predict` takes them, and complete them in the shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from cogfal.cli.console import Sign, say
from cogfal.cli.options import BadArgument, add_variables
from cogfal.errors import CogfalError
from cogfal.local.session import LocalProject, find_project
from cogfal.spec import (
    BooleanType,
    EnumType,
    FileType,
    InputSpec,
    ListType,
    LiteralType,
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    SecretType,
    StringType,
    Type,
    UnionType,
    holds,
)

STDIN: Final = ("-", "@-")


def add_input_options(parser: argparse.ArgumentParser, role: Role = Role.PREDICT) -> None:
    """Declare `-i`, `--json` and `-e`."""
    add_inputs(parser, role)
    parser.add_argument(
        "--json",
        dest="json_input",
        metavar="JSON",
        help="all inputs as a JSON object: its text, @FILE, or - for stdin",
    )
    add_variables(parser)


def add_inputs(parser: argparse.ArgumentParser, role: Role = Role.PREDICT) -> None:
    """Declare `-i` alone."""
    option = parser.add_argument(
        "-i",
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an input; NAME=@FILE gives a file; repeat it for the items of a list",
    )
    parser.add_argument(
        "--allow-unknown",
        action="store_true",
        help="leave out inputs that the predictor does not have, instead of refusing them",
    )
    option.completer = InputCompleter(role)  # type: ignore[attr-defined]  # argcomplete's


def read_inputs(arguments: argparse.Namespace, spec: PredictorSpec | None) -> dict[str, Any]:
    """Return the inputs by name; files are paths.

    With a spec, a list input takes one `-i` as its only item or as a JSON array, `@FILE` for a text
    is the file's text, and JSON is read where the input is neither text nor file. Without one,
    `@FILE` is a file and only lists and objects are read as JSON. As with Cog, a text in quotes
    loses them, and `~` in a file's path is the home directory.

    Raises:
        BadArgument: An argument is malformed, names a file that cannot be read, or an input that
            the predictor does not have.
    """
    types = {each.name: each.type for each in spec.inputs} if spec is not None else {}
    values = _json_inputs(arguments.json_input, types) if arguments.json_input else {}
    for name, texts in _grouped(arguments.input, "-i").items():
        declared = types.get(name)
        _refuse_bare_path(name, texts, declared)
        items = [_value(text, declared) for text in texts]
        alone = not isinstance(items[0], list) and _takes_lists(declared)
        values[name] = items if len(items) > 1 or alone else items[0]
    if spec is not None:
        _look_for_strangers(values, list(types), allowed=arguments.allow_unknown)
    return values


def read_variables(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the variables of `-e`; raises BadArgument."""
    return {name: texts[-1] for name, texts in _grouped(arguments.env, "-e").items()}


def _refuse_bare_path(name: str, texts: list[str], declared: Type | None) -> None:
    for text in texts if declared is not None and _wants_file(declared) else ():
        if Path(text).is_file():
            raise BadArgument(f"-i {name}={text}: to give the file, write -i {name}=@{text}")


def _look_for_strangers(values: Mapping[str, Any], names: list[str], *, allowed: bool) -> None:
    for stranger in (name for name in values if name not in names):
        near = get_close_matches(stranger, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
        if not allowed:
            raise BadArgument(
                f"there is no input {stranger}; {hint} (--allow-unknown leaves it out)"
            )
        say(f"there is no input {stranger}, so it is left out; {hint}", Sign.NOTE)


def _grouped(pairs: list[str], option: str) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise BadArgument(f"{option} {pair}: write it as NAME=VALUE")
        grouped.setdefault(name, []).append(text)
    return grouped


def _json_inputs(text: str, types: Mapping[str, Type]) -> dict[str, Any]:
    source = _json_text(text)
    try:
        values = json.loads(source)
    except ValueError as error:
        raise BadArgument(
            f"--json is not JSON: {error}; write {{NAME: VALUE, ...}}, @FILE, or - for stdin"
        ) from error
    if not isinstance(values, dict):
        raise BadArgument("--json is not an object; write the inputs as {NAME: VALUE, ...}")
    return {name: _with_files(value, types.get(name)) for name, value in values.items()}


def _json_text(text: str) -> str:
    if text in STDIN:
        return sys.stdin.read()
    return _text_of(Path(text[1:])) if text.startswith("@") else text


def _with_files(value: Any, declared: Type | None) -> Any:
    """Put paths in place of "@FILE" where files are wanted."""
    if isinstance(value, list):
        return [_with_files(one, declared) for one in value]
    if isinstance(value, str) and value.startswith("@") and _wants_file(declared):
        return _existing(Path(value[1:]).expanduser())
    return value


def _value(text: str, declared: Type | None) -> Any:
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        return _existing(path) if _wants_file(declared) else _text_of(path)
    if declared is None:
        return _json_or_text(text) if text[:1] in {"{", "["} else _unquoted(text)
    if _takes_lists(declared) and text.startswith("["):
        return _with_files(_json_or_text(text), declared)
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


def _wants_file(declared: Type | None) -> bool:
    match declared:
        case None | PathType() | FileType():
            return True
        case OptionalType(inner) | ListType(inner):
            return _wants_file(inner)
        case UnionType(members):
            return any(map(_wants_file, members))
        case _:
            return False


def _is_plain(declared: Type) -> bool:
    """Whether a value is taken as the text it is."""
    match declared:
        case StringType() | SecretType() | PathType() | FileType():
            return True
        case OptionalType(inner) | ListType(inner):
            return _is_plain(inner)
        case _:
            return False


def _takes_lists(declared: Type | None) -> bool:
    match declared:
        case ListType():
            return True
        case OptionalType(inner):
            return _takes_lists(inner)
        case _:
            return False


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise BadArgument(f"@{path}: there is no such file; the path is relative to {Path.cwd()}")
    return path.resolve()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument(
            f"@{path}: it cannot be read as text: {error}; after @ comes the path of a file"
        ) from error


class InputCompleter:
    """Offers what may follow `-i`: `name=`, then the values that the input may have.

    The project is found as the command does, from `-C` and `--ref`, but no app.py is executed. In a
    project that cannot be read nothing is offered.
    """

    def __init__(self, role: Role = Role.PREDICT) -> None:
        self._role = role

    def __call__(self, prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        """Return the completions of `prefix`."""
        spec = self._spec(parsed_args)
        if spec is None:
            return []
        name, equals, value = prefix.partition("=")
        if not equals:
            return [f"{each.name}=" for each in spec.inputs if not each.deprecated]
        chosen = next((each for each in spec.inputs if each.name == name), None)
        return [] if chosen is None else [f"{name}={each}" for each in _values(chosen, value)]

    def _spec(self, arguments: argparse.Namespace) -> PredictorSpec | None:
        try:
            project = find_project(Path(getattr(arguments, "directory", None) or "."))
            return LocalProject(project.root, project.config, named=_named(arguments)).read(
                self._role
            )
        except CogfalError:
            return None  # the command itself tells what is wrong


def _named(arguments: argparse.Namespace) -> str | None:
    ref = getattr(arguments, "ref", None)
    return ref if ref and "::" not in ref else None


def _values(each: InputSpec, begun: str) -> list[str]:
    if holds(each.type, PathType, FileType):
        return _files(begun)
    return list(map(_shown, each.choices or _of(each.type)))


def _of(kind: Type) -> tuple[Any, ...]:
    """Return the values that a type has, where they can be listed."""
    match kind:
        case BooleanType():
            return (True, False)
        case LiteralType(values):
            return values
        case EnumType(_, members):
            return tuple(value for _, value in members)
        case OptionalType(inner) | ListType(inner):
            return _of(inner)
        case _:
            return ()


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _files(begun: str) -> list[str]:
    """Offer files, as `@path`."""
    path = begun.removeprefix("@")
    folder, slash, _ = path.rpartition("/")
    place = Path(f"{folder}/" if slash else ".")
    found = sorted(place.iterdir()) if place.is_dir() else []
    ends = [(each.name, "/" if each.is_dir() else "") for each in found if each.name[0] != "."]
    return [f"@{folder}{slash}{name}{end}" for name, end in ends]

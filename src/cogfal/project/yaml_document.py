"""Read YAML text into values that remember their lines, with errors that say where and what.

PyYAML's node graph is used instead of its constructors: a node keeps the text of a scalar, so that
an unquoted `3.10` is still "3.10", and its line. Tags other than YAML's own, deep nesting and
aliases that multiply are refused before anything is built from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import yaml

from cogfal.errors import ConfigError
from cogfal.project.config import Build
from cogfal.spec import Location

_MAX_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 20_000
_PREFIX: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset(
    {"str", "int", "float", "bool", "null", "timestamp", "binary", "value"}
)
_TRUE: Final = frozenset({"true", "yes", "on"})


class Scalar(NamedTuple):
    """A single value: `text` as it was written, `kind` what YAML takes it for, such as `int`."""

    text: str
    kind: str
    where: Location


class Sequence(NamedTuple):
    """A list of values."""

    items: tuple[Value, ...]
    where: Location


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with string keys; `keys` says where each key stands."""

    items: Mapping[str, Value]
    where: Location
    keys: Mapping[str, Location] = field(default_factory=dict)


Value: TypeAlias = Scalar | Sequence | Table


def read_document(text: str, name: str) -> Value | None:
    """Return the one document in `text`, or None for an empty one.

    Args:
        text: YAML.
        name: The file's name in error messages.

    Raises:
        ConfigError: The text is not YAML, or uses a feature that no cog.yaml needs.
    """
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise ConfigError(
            "the file is larger than 1 MiB", where=name, remedy="a cog.yaml is a few lines"
        )
    try:
        # Before nodes are composed, which recurses into whatever is nested.
        _refuse_bombs(text, name)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _line(name, mark) if mark is not None else name
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}",
            where=where,
            remedy="check the indentation and quotes on this line and the one before",
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"not valid YAML: {error}", where=name, remedy="save it as UTF-8 text"
        ) from error
    return _Builder(name).build(node) if node is not None else None


def _refuse_bombs(text: str, name: str) -> None:
    """Walk the flat event stream, so that nesting cannot exhaust the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise ConfigError(
                f"nested deeper than {_MAX_DEPTH} levels",
                where=_line(name, event.start_mark),
                remedy="no setting of cog.yaml needs that",
            )


class _Builder:
    """Turns nodes into values within one budget, which aliases use up like copies."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = _MAX_NODES
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Value:
        where = _line(self._name, node.start_mark)
        self._left -= 1
        if self._left < 0 or id(node) in self._open:
            raise ConfigError(
                "an alias refers to itself or multiplies without end",
                where=where,
                remedy="write the values out",
            )
        self._open.add(id(node))
        value = self._value(node, where)
        self._open.discard(id(node))
        return value

    def _value(self, node: yaml.Node, where: Location) -> Value:
        kind = node.tag.removeprefix(_PREFIX)
        if isinstance(node, yaml.ScalarNode) and kind in _SCALAR_TAGS:
            return Scalar(node.value, kind, where)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return Sequence(tuple(self.build(item) for item in node.value), where)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._table(node, where)
        what = f"the tag {node.tag!r} has no meaning in cog.yaml"
        raise ConfigError(what, where=where, remedy="remove the tag")

    def _table(self, node: yaml.MappingNode, where: Location) -> Table:
        items: dict[str, Value] = {}
        keys: dict[str, Location] = {}
        merged: list[Table] = []
        for name_node, value in node.value:
            if name_node.tag == f"{_PREFIX}merge":
                merged.extend(self._merged(value))
                continue
            key = self.build(name_node)
            if not isinstance(key, Scalar):
                raise mistake(key, "a key is not a name", "use a plain word")
            if key.text in items:
                remedy = f"remove one; the first is on line {keys[key.text].line}"
                raise mistake(key, f"{key.text!r} is given twice", remedy)
            items[key.text], keys[key.text] = self.build(value), key.where
        for table in merged:
            items = {**table.items, **items}
            keys = {**table.keys, **keys}
        return Table(items, where, keys)

    def _merged(self, node: yaml.Node) -> list[Table]:
        """What `<<` brings in: one mapping or a list of them, the first winning."""
        value = self.build(node)
        tables = value.items if isinstance(value, Sequence) else (value,)
        found = [table for table in tables if isinstance(table, Table)]
        if len(found) != len(tables):
            raise mistake(value, "`<<` takes mappings", "write the keys out")
        return found


def _line(name: str, mark: Any) -> Location:
    """The mark is PyYAML's, whose stubs give it several types."""
    return Location(name, mark.line + 1)


T = TypeVar("T")

_TOP_KEYS: Final = (
    "build concurrency environment image model observability predict run sdk_version tests train "
    "weights"
)
TOP_KEYS: Final = tuple(_TOP_KEYS.split())
BUILD_KEYS: Final = tuple(sorted((*Build._fields, "sdk_version")))
_RENAMED: Final = {
    "pip_packages": "python_packages",
    "apt": "system_packages",
    "env": "environment",
}


class Section(NamedTuple):
    """The keys of one mapping, under its own `key`; those that are null count as absent."""

    key: str
    where: Location
    values: Mapping[str, Value]

    def get(self, name: str, read: Callable[[Value, str], T]) -> T | None:
        """Return what `read` makes of a key's value and dotted name, None where it is absent."""
        value = self.values.get(name)
        return None if value is None else read(value, below(self.key, name))

    def need(self, name: str, read: Callable[[Value, str], T], remedy: str = "add it") -> T:
        """Return what `read` makes of a key that has to be there."""
        found = self.get(name, read)
        if found is None:
            raise ConfigError(f"{self.key!r} has no `{name}`", where=self.where, remedy=remedy)
        return found


def section(
    value: Value,
    key: str,
    known: tuple[str, ...] | None = None,
    wanted: str = "a mapping",
    *,
    others: bool = False,
) -> Section:
    """Return a mapping's keys.

    Where `known` is given, any other key is refused; with `others`, only one that seems to be
    meant for a known one.
    """
    if not isinstance(value, Table):
        raise wrong(key, wanted, value)
    for name in value.items:
        if known is None or name in known:
            continue
        meant = _meant(name, known, key)
        if meant or not others:
            raise ConfigError(
                f"unknown key {below(key, name)!r}",
                where=value.keys[name],
                remedy=meant or f"the keys here are {', '.join(known)}",
            )
    present = {name: each for name, each in value.items.items() if not is_null(each)}
    return Section(key, value.where, present)


def text(value: Value, key: str) -> str:
    """Return a text as it was written; numbers and dates keep their spelling."""
    if not isinstance(value, Scalar) or value.kind not in ("str", "int", "float", "timestamp"):
        raise wrong(key, "a text", value)
    if not value.text.strip():
        raise mistake(value, f"{key!r} is empty", "give a value or remove the key")
    if "\x00" in value.text:
        raise mistake(value, f"{key!r} holds a NUL character", "remove it")
    return value.text


def number(value: Value, key: str) -> str:
    """Return a number as it was written."""
    if isinstance(value, Scalar) and value.kind in ("int", "float"):
        return value.text
    raise wrong(key, "a number", value)


def boolean(value: Value, key: str) -> bool:
    """Return a boolean; a quoted one is taken for what it says."""
    word = value.text.lower() if isinstance(value, Scalar) else ""
    if word in ("true", "false") or (isinstance(value, Scalar) and value.kind == "bool"):
        return word in _TRUE
    raise wrong(key, "true or false", value)


def items(value: Value, key: str, wanted: str = "a list") -> list[tuple[Value, str]]:
    """Return the items of a list, each with its dotted key."""
    if not isinstance(value, Sequence):
        raise wrong(key, wanted, value)
    return [(item, f"{key}[{i}]") for i, item in enumerate(value.items)]


def several(
    read: Callable[[Value, str], T], wanted: str = "a list"
) -> Callable[[Value, str], tuple[T, ...]]:
    """Return what reads a list, each item by `read`."""

    def read_all(value: Value, key: str) -> tuple[T, ...]:
        return tuple(read(item, place) for item, place in items(value, key, wanted))

    return read_all


texts = several(text)


def locations(value: Value | None, key: str = "") -> Iterator[tuple[str, Location]]:
    """Yield the place of every key, `build.run[2]`; an item `NAME=value` has one by its name."""
    match value:
        case Table():
            for name, item in value.items.items():
                yield below(key, name), value.keys[name]
                yield from locations(item, below(key, name))
        case Sequence():
            for item, place in items(value, key):
                yield place, item.where
                if isinstance(item, Scalar) and "=" in item.text:
                    yield below(key, item.text.partition("=")[0]), item.where
                yield from locations(item, place)


def is_null(value: Value | None) -> bool:
    """Whether there is nothing, or YAML's null."""
    return value is None or (isinstance(value, Scalar) and value.kind == "null")


def below(key: str, name: str) -> str:
    """Return the dotted key of a name in a mapping, which has a `key` of its own unless on top."""
    return f"{key}.{name}" if key else name


def _meant(key: str, known: tuple[str, ...], parent: str) -> str | None:
    renamed = _RENAMED.get(key)
    near = [renamed] if renamed in known else get_close_matches(key, known, n=1)
    if near:
        return f"did you mean {below(parent, str(near[0]))!r}?"
    if not parent and key in BUILD_KEYS:
        return f"it belongs under `build`, as 'build.{key}'"
    if parent and key in TOP_KEYS:
        return f"it stands at the top level, outside `{parent}`"
    return None


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
    return mistake(value, f"{key!r} is {found}, not {wanted}", remedy)


def mistake(value: Value, what: str, remedy: str) -> ConfigError:
    """Return the error for a value that is wrong in another way."""
    return ConfigError(what, where=value.where, remedy=remedy)

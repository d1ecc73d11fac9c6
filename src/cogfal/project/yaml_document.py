"""Read YAML text into plain values that remember their lines, refusing what no config needs.

PyYAML's node graph is used instead of its constructors: a node keeps the text of a scalar, so that
an unquoted `3.10` is still "3.10", and its line. Tags other than YAML's own, deep nesting and
aliases that multiply are refused before anything is built from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from cogfal.errors import ConfigError
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

    @property
    def truth(self) -> bool:
        """The boolean that the text spells; only for `kind == "bool"`."""
        return self.text.lower() in _TRUE


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
        where = self._where(node)
        self._left -= 1
        if self._left < 0 or id(node) in self._open:
            raise ConfigError(
                "an alias refers to itself or multiplies without end",
                where=where,
                remedy="write the values out",
            )
        self._open.add(id(node))
        try:
            return self._value(node, where)
        finally:
            self._open.discard(id(node))

    def _value(self, node: yaml.Node, where: Location) -> Value:
        if isinstance(node, yaml.ScalarNode):
            kind = self._kind(node, where)
            return Scalar(node.value, kind, where)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_PREFIX}seq":
            return Sequence(tuple(self.build(item) for item in node.value), where)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_PREFIX}map":
            return self._table(node, where)
        raise self._refuse_tag(node, where)

    def _table(self, node: yaml.MappingNode, where: Location) -> Table:
        items: dict[str, Value] = {}
        keys: dict[str, Location] = {}
        merged: list[Table] = []
        for key, value in node.value:
            if key.tag == f"{_PREFIX}merge":
                merged.extend(self._merged(value))
                continue
            name = self._key(key)
            if name in items:
                raise ConfigError(
                    f"{name!r} is given twice",
                    where=self._where(key),
                    remedy=f"remove one; the first is on line {keys[name].line}",
                )
            items[name] = self.build(value)
            keys[name] = self._where(key)
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
            raise ConfigError(
                "`<<` takes mappings", where=self._where(node), remedy="write the keys out"
            )
        return found

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(
                "a key is not a name", where=self._where(node), remedy="use a plain word"
            )
        self._kind(node, self._where(node))
        return str(node.value)

    def _kind(self, node: yaml.ScalarNode, where: Location) -> str:
        kind = node.tag.removeprefix(_PREFIX)
        if kind not in _SCALAR_TAGS:
            raise self._refuse_tag(node, where)
        return kind

    def _refuse_tag(self, node: yaml.Node, where: Location) -> ConfigError:
        return ConfigError(
            f"the tag {node.tag!r} has no meaning in cog.yaml", where=where, remedy="remove the tag"
        )

    def _where(self, node: yaml.Node) -> Location:
        return _line(self._name, node.start_mark)


def _line(name: str, mark: Any) -> Location:
    """The mark is PyYAML's, whose stubs give it several types."""
    return Location(name, mark.line + 1)

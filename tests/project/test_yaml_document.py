"""Tests of reading YAML: what is understood, and what a hostile file is answered with."""

from __future__ import annotations

import pytest

from cogfal.errors import ConfigError
from cogfal.project.yaml_document import Scalar, Sequence, Table, read_document
from cogfal.spec import Location

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("3.10", "float"), ("3", "int"), ("yes", "bool"), ("~", "null"), ("a", "str"), ("'3'", "str")],
)
def test_scalars_keep_their_spelling(text: str, kind: str) -> None:
    """A scalar is known by its text and by what YAML takes it for."""
    value = read_document(text, "x.yaml")

    assert isinstance(value, Scalar)
    assert (value.text, value.kind) == (text.strip("'"), kind)


def test_aliases_and_merges_are_followed() -> None:
    """Anchors, aliases and `<<` mean what YAML says, the nearer key winning."""
    value = read_document("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\nc: [*a]\n", "x.yaml")

    assert isinstance(value, Table)
    merged, listed = value.items["b"], value.items["c"]
    assert isinstance(merged, Table)
    assert isinstance(listed, Sequence)
    texts = {key: item.text for key, item in merged.items.items() if isinstance(item, Scalar)}
    assert texts == {"x": "3", "y": "2"}


def test_merged_lists_take_the_first() -> None:
    """Of several merged mappings the first wins, as YAML's merge key says."""
    value = read_document("a:\n  <<: [{x: 1}, {x: 2, z: 3}]\n", "x.yaml")

    assert isinstance(value, Table)
    inner = value.items["a"]
    assert isinstance(inner, Table)
    texts = {key: item.text for key, item in inner.items.items() if isinstance(item, Scalar)}
    assert texts == {"x": "1", "z": "3"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: !!python/object/apply:os.system ['true']\n", "has no meaning"),
        ("a: !custom x\n", "has no meaning"),
        ("!!python/name:os.system a: b\n", "has no meaning"),
        ("a: !!set {x}\n", "has no meaning"),
        (BOMB, "multiplies without end"),
        ("a: &a [*a]\n", "refers to itself"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ("a: b: c\n", "not valid YAML"),
        ("a: *nobody\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: \x01\n", "not valid YAML"),
        ("a: 1\na: 2\n", "'a' is given twice"),
        ("? [a, b]\n: c\n", "a key is not a name"),
        ("a:\n  <<: 3\n", "takes mappings"),
        ("x: " + "y" * (2 << 20), "larger than 1 MiB"),
    ],
    ids=[
        "python object",
        "custom tag",
        "tagged key",
        "set",
        "bomb",
        "recursion",
        "depth",
        "syntax",
        "unknown alias",
        "two documents",
        "control character",
        "key twice",
        "complex key",
        "merged scalar",
        "size",
    ],
)
def test_what_no_config_needs_is_refused(text: str, what: str) -> None:
    """Hostile and broken YAML is refused quickly, with a reason and a remedy."""
    with pytest.raises(ConfigError, match=what) as caught:
        read_document(text, "x.yaml")

    assert caught.value.remedy


def test_a_syntax_error_names_its_line() -> None:
    """The line of a YAML error is that of the problem."""
    with pytest.raises(ConfigError) as caught:
        read_document("a: 1\nb: [\nc: 2\n", "x.yaml")

    assert isinstance(caught.value.where, Location)
    assert caught.value.where.line >= 2

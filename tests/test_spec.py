"""A predictor's spec travels as JSON between the server's process and the author's."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogfal import spec as catalogue
from cogfal.guest.wire import from_plain, to_plain
from cogfal.project.config_reader import read_config
from cogfal.reading import read_predictor
from cogfal.spec import (
    MISSING,
    FieldSpec,
    InputSpec,
    Kind,
    Location,
    PredictorSpec,
    SetupSpec,
    StringType,
)
from tests.interpreters import on_every_python, run_there
from tests.schema.corpus import PREDICTORS

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/predict.py"))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SCALARS = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TEXT = st.none() | st.text()
LOCATIONS = st.none() | st.builds(Location, st.text(), st.integers())


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Make tuples of up to three."""
    return st.lists(of, max_size=3).map(tuple)


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make the types that are made of others."""
    fields = st.builds(FieldSpec, st.text(), inner, st.just(MISSING) | JSON, TEXT)
    flavours = st.sampled_from(catalogue.ObjectFlavour)
    return st.one_of(
        st.builds(catalogue.ListType, inner),
        st.builds(catalogue.DictType, inner),
        st.builds(catalogue.OptionalType, inner),
        st.builds(catalogue.UnionType, tuples(inner)),
        st.builds(catalogue.ObjectType, st.text(), tuples(fields), flavours, TEXT),
        st.builds(catalogue.IteratorType, inner, st.booleans()),
    )


KINDS: list[Any] = Kind.__subclasses__()
PLAIN = [each for each in KINDS if not is_dataclass(each)]
TYPES = st.recursive(
    st.one_of(
        st.sampled_from([each() for each in PLAIN]),
        st.builds(catalogue.LiteralType, tuples(st.none() | st.integers() | st.text())),
        st.builds(catalogue.EnumType, st.text(), tuples(st.tuples(st.text(), SCALARS))),
    ),
    composed,
    max_leaves=6,
)
NUMBERS = st.none() | st.integers() | st.floats(allow_nan=False)
INPUTS = st.builds(
    InputSpec,
    st.text(),
    TYPES,
    st.just(MISSING) | JSON,
    TEXT,
    ge=NUMBERS,
    le=NUMBERS,
    min_length=st.none() | st.integers(),
    regex=TEXT,
    choices=st.none() | tuples(SCALARS),
    deprecated=st.booleans(),
    accept=TEXT,
    location=LOCATIONS,
)
SPECS = st.builds(
    PredictorSpec,
    st.text(),
    st.text(),
    TEXT,
    tuples(INPUTS),
    TYPES,
    shape=st.sampled_from(catalogue.Shape),
    role=st.sampled_from(catalogue.Role),
    setup=st.none() | st.builds(SetupSpec, st.booleans(), st.booleans()),
    healthcheck=st.booleans(),
    max_concurrency=st.none() | st.integers(),
    description=TEXT,
    deploy_time=tuples(st.text()),
    location=LOCATIONS,
)


def there_and_back(spec: PredictorSpec) -> PredictorSpec:
    """Write a spec as JSON text and read it."""
    return from_plain(json.loads(json.dumps(to_plain(spec))))


@given(spec=SPECS)
def test_every_spec_comes_back(spec: PredictorSpec) -> None:
    """All kinds, places included, and numbers of the type that they had."""
    back = there_and_back(spec)

    assert (back, repr(back)) == (spec, repr(spec))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.parent.name))
def test_the_spec_of_an_example_comes_back(path: Path) -> None:
    """What is read from a real project's text is told whole."""
    version = read_config(path.parent / "cog.yaml").build.python_version
    spec = read_predictor("predict.py:Predictor", path.parent, python_version=version)

    back = there_and_back(spec)

    assert (back, repr(back)) == (spec, repr(spec))


@pytest.mark.parametrize(
    "plain",
    [None, [], {}, {"is": "Nothing"}, {"is": "StringType"}, {"is": "PredictorSpec"}, {"is": []}],
    ids=repr,
)
def test_other_json_is_no_spec(plain: Any) -> None:
    """What the codec did not write is refused in one way."""
    with pytest.raises(ValueError, match="describes no predictor"):
        from_plain(plain)


def test_a_wrong_member_is_no_spec() -> None:
    """A word that is none of an enumeration's is refused, too."""
    plain = to_plain(PredictorSpec("predict.py", "Predictor", None, (), StringType()))

    with pytest.raises(ValueError, match="sideways"):
        from_plain({**plain, "shape": "sideways"})


@on_every_python
def test_a_spec_is_read_and_written_alike_by_every_python(python: Path) -> None:
    """Each interpreter makes of the JSON the spec that it is, and the same JSON of the spec."""
    plain = [to_plain(spec) for spec in PREDICTORS.values()]
    program = """
from cogfal.guest.wire import from_plain, to_plain
def main(given):
    specs = [from_plain(each) for each in given]
    return [[to_plain(each) for each in specs], [repr(each) for each in specs]]
"""

    back, shown = run_there(python, program, plain)

    assert back == plain
    assert shown == [repr(spec) for spec in PREDICTORS.values()]

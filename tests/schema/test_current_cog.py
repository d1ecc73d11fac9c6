"""Which values are taken: through Cog's door, and by the real Cog of today."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogfal.errors import InvalidInput
from cogfal.reading import read_predictor
from cogfal.schema.cog_schema import components
from cogfal.schema.core_types import Dialect
from cogfal.schema.validation import Validator
from cogfal.spec import (
    BooleanType,
    DictType,
    FloatType,
    InputSpec,
    IntegerType,
    ListType,
    LiteralType,
    OptionalType,
    PathType,
    SecretType,
    StringType,
    UnionType,
)
from tests.schema.corpus import ANY, predictor
from tests.schema.render import render
from tests.server.servers import RealCog

STR, INT, FLOAT, BOOL = StringType(), IntegerType(), FloatType(), BooleanType()
SPEC = predictor(
    InputSpec("text", STR, default=""),
    InputSpec("whole", INT, default=0),
    InputSpec("number", FLOAT, default=0.5),
    InputSpec("flag", BOOL, default=False),
    InputSpec("file", PathType(), default="https://example.com/a"),
    InputSpec("secret", SecretType(), default=None),
    InputSpec("maybe", OptionalType(INT), default=None),
    InputSpec("texts", ListType(STR), default=[]),
    InputSpec("numbers", ListType(FLOAT), default=[]),
    InputSpec("object", DictType(ANY), default={}),
    InputSpec("either", UnionType((STR, FLOAT)), default=""),
    InputSpec("int_or_bool", UnionType((INT, BOOL)), default=0),
    InputSpec("choice", STR, default="a", choices=("a", "b")),
    InputSpec("int_choice", INT, default=1, choices=(1, 2)),
    InputSpec("literal", LiteralType(("a", "b")), default="a"),
    InputSpec("bounded", INT, default=1, ge=1, le=3),
    InputSpec("lengths", STR, default="ab", min_length=2, max_length=3),
    InputSpec("pattern", STR, default="a", regex="^a+$"),
)
SAMPLES: list[Any] = [
    *("", "a", "b", "ab", "aa", "aaaa", "3", "true", "https://example.com/b"),
    *(0, 1, 2, 3, 4, -1, 2.0, 2.5, True, False, None),
    *([], ["a"], [1], [1.5, 2], [None], "x", {}, {"a": [1]}, [[]], [True]),
]
DIFFERENT = {
    "file": "a string that is no URL is refused; the real Cog hands it to the predictor",
}
"""Inputs for which cogfal refuses on purpose what the real Cog takes."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCog]:
    """The real Cog, serving a predictor that only says that it was called."""
    root = tmp_path_factory.mktemp("real")
    (root / "predict.py").write_text(render(SPEC).replace("-> str: ...", "-> str: return 'called'"))
    with RealCog(root, "predict.py:Predictor") as server:
        server.until_health("READY")
        yield server


def taken_by_theirs(real: RealCog, name: str, value: Any) -> bool:
    """Return whether the real Cog takes a value."""
    body = {"input": {name: value}}
    while (answer := real.client.post("/predictions", json=body)).status_code == 409:
        # The real Cog frees its slot a moment after the answer before.
        real.until_health("READY")
    assert answer.status_code in {200, 422}, answer.text
    return answer.status_code == 200


def taken_by_ours(name: str, value: Any) -> bool:
    """Return whether Cog's door takes a value."""
    try:
        Validator(SPEC, Dialect.COG).parse({name: value})
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize("name", [each.name for each in SPEC.inputs])
def test_cogs_door_takes_what_the_real_cog_takes(real: RealCog, name: str) -> None:
    """A value is taken or refused with 422 alike, whatever its JSON type."""
    theirs = {}
    for value in SAMPLES:
        theirs[repr(value)] = taken_by_theirs(real, name, value)

    ours = {repr(value): taken_by_ours(name, value) for value in SAMPLES}

    if name in DIFFERENT:
        assert {value for value, taken in ours.items() if taken and not theirs[value]} == set()
        assert ours["'a'"] is False
        assert theirs["'a'"] is True
    else:
        kind = next(each.type for each in SPEC.inputs if each.name == name)
        if isinstance(kind, OptionalType):  # null is as good as leaving it out
            assert (ours.pop("None"), theirs.pop("None")) == (True, False)
        assert ours == theirs


KINDS = """\
from typing import Optional, Union
import pydantic
from cog import BasePredictor, Input, Secret
from typing_extensions import NotRequired, TypedDict
class Partly(TypedDict, total=False):
    a: int
    b: Optional[str]
class Row(TypedDict):
    p: int
    q: NotRequired[str]
    r: Optional[str]
class Output(pydantic.BaseModel):
    a: int = pydantic.Field(alias="other", description="told")
    b: Optional[str] = pydantic.Field(default=None, serialization_alias="second")
    rows: list[Row]
    partly: Partly
class Predictor(BasePredictor):
    def predict(
        self, t: Partly, r: Row = None, s: Secret = Input(default=None),
        n: int = Input(default=1, choices=[1, 2, 3]),
        m: Optional[int] = Input(default=None, choices=[1, 2], le=2),
        u: Optional[Union[str, float]] = Input(default=None),
    ) -> Output: ...
"""
"""Typed dicts, secrets that may be left out, bounds beside choices, aliases and unions."""


def test_what_is_seldom_written_is_described_as_the_real_cog_does(tmp_path: Path) -> None:
    """The components of such inputs and outputs are the real Cog's."""
    (tmp_path / "predict.py").write_text(KINDS)

    ours = components(read_predictor("predict.py:Predictor", tmp_path), None)

    with RealCog(tmp_path, "predict.py:Predictor") as server:
        server.until_health("READY")
        theirs = server.client.get("/openapi.json").json()["components"]["schemas"]
    described = {"Input", "Output", *(name for name in theirs if name in KINDS)}
    assert described <= {*ours}
    assert {name: theirs.get(name) for name in {*ours, *described}} == ours

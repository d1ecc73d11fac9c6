"""Reading imported predictors: the same as reading their text."""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Optional, TypeVar

import pydantic
import pytest
from typing_extensions import TypeAliasType

import cogfal.cog
from cogfal.errors import PredictorError, UnsupportedSignature
from cogfal.guest.annotations import plain, type_of
from cogfal.guest.live import read_live
from cogfal.guest.type_names import Unservable
from cogfal.guest.verification import differences
from cogfal.reading import read_predictor
from cogfal.spec import (
    FieldSpec,
    InputSpec,
    IntegerType,
    ListType,
    ObjectFlavour,
    ObjectType,
    OptionalType,
    PredictorSpec,
    Role,
    SetupSpec,
    Shape,
    StringType,
)
from tests.reading.table import OUTPUTS, ROWS, Output, Row


@pytest.fixture(params=["ours", "real"])
def cog_package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put our authoring API or the real Cog under the name `cog`."""
    if request.param == "ours":
        monkeypatch.setitem(sys.modules, "cog", cogfal.cog)
    else:
        monkeypatch.delitem(sys.modules, "cog", raising=False)
    return str(request.param)


def execute(source: str, folder: Path, name: str = "Predictor") -> PredictorSpec:
    """Run the source as a module, and read the predictor in it."""
    module = ModuleType("live_predictor")
    sys.modules["live_predictor"] = module
    try:
        exec(compile(source, str(folder / "predict.py"), "exec"), vars(module))
        return read_live(vars(module)[name], path="predict.py", name=name)
    finally:
        del sys.modules["live_predictor"]


@pytest.mark.parametrize("row", [r for r in ROWS if r.importable], ids=lambda row: row.id)
@pytest.mark.usefixtures("cog_package")
def test_the_imported_input_equals_the_text(row: Row, tmp_path: Path) -> None:
    """Text and import agree on every parameter of the table."""
    (tmp_path / "predict.py").write_text(row.source)
    text = read_predictor("predict.py:Predictor", tmp_path)

    live = execute(row.source, tmp_path)

    assert differences(text, live) == []


@pytest.mark.parametrize("row", OUTPUTS, ids=lambda row: row.id)
@pytest.mark.usefixtures("cog_package")
def test_the_imported_output_equals_the_text(row: Output, tmp_path: Path) -> None:
    """Text and import agree on every output of the table."""
    (tmp_path / "predict.py").write_text(row.source)
    text = read_predictor("predict.py:Predictor", tmp_path)

    live = execute(row.source, tmp_path)

    assert differences(text, live) == []


def test_inputs_of_older_cog_are_read() -> None:
    """Older versions of Cog made Pydantic's FieldInfo of `Input()`."""
    told: Any = pydantic.Field(
        default=None, ge=1, description="d", json_schema_extra={"enum": [1, 2]}
    )

    def predict(x: int = told, y: str = pydantic.Field(default=..., pattern="a+")) -> str:
        return f"{x}{y}"

    spec = read_live(predict, path="predict.py", name="predict")

    assert spec.inputs == (
        InputSpec("x", IntegerType(), None, "d", ge=1, choices=(1, 2)),
        InputSpec("y", StringType(), regex="a+"),
    )


class Complete:
    """Has everything that a predictor may have."""

    async def setup(self, weights: str = "") -> None: ...

    def healthcheck(self) -> bool:
        return True

    def teardown(self) -> None: ...

    @cogfal.cog.streaming
    @cogfal.cog.concurrent(max=3)
    async def run(self, x: str):  # type: ignore[no-untyped-def]
        yield x


def test_everything_about_a_live_predictor_is_read() -> None:
    """Setup, health, teardown, marks and shape are read from the class."""
    spec = read_live(Complete, path="predict.py", name="Complete")

    assert spec.setup == SetupSpec(takes_weights=True, asynchronous=True)
    assert (spec.healthcheck, spec.teardown, spec.streaming) == (True, True, True)
    assert (spec.max_concurrency, spec.shape) == (3, Shape.ASYNC_GENERATOR)
    assert (spec.method, spec.description) == ("run", "Has everything that a predictor may have.")


def wrapped(function: object) -> object:
    """Decorate without telling what is decorated."""

    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)  # type: ignore[operator]

    return wrapper


def wrapped_beside_nothing(function: object) -> object:
    """Decorate with a function that has a name without a value, too."""

    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs) if callable(function) else later

    if not callable(function):
        later = function
    return wrapper


@pytest.mark.parametrize("decorator", [wrapped, wrapped_beside_nothing])
def test_decorators_are_seen_through(decorator: Callable[[object], object]) -> None:
    """The parameters are those of the function inside."""

    @decorator
    def predict(x: str) -> str:
        return x

    spec = read_live(predict, path="predict.py", name="predict")

    assert spec.inputs == (InputSpec("x", StringType()),)


OF_2021 = {
    "own-default": "class Predictor(cog.Predictor):\n"
    "    @cog.input('x', type=str)\n    def predict(self, x, scale=2): ...\n",
    "keywords": "class Predictor(cog.Predictor):\n"
    "    @cog.input('x', type=str)\n    def predict(self, **settings): ...\n",
    "model": "class Predictor(cog.Model):\n"
    "    @cog.input('x', type=str)\n    def run(self, x): ...\n",
    "decorated": "def quiet(function):\n    @functools.wraps(function)\n"
    "    def inner(*args, **kwargs):\n        return function(*args, **kwargs)\n"
    "    return inner\nclass Predictor(cog.Predictor):\n"
    "    @cog.input('x', type=str)\n    @quiet\n    def predict(self, x): ...\n",
    "decorated-outside": "def quiet(function):\n    @functools.wraps(function)\n"
    "    def inner(*args, **kwargs):\n        return function(*args, **kwargs)\n"
    "    return inner\nclass Predictor(cog.Predictor):\n"
    "    @quiet\n    @cog.input('x', type=str)\n    def predict(self, x, y=1): ...\n",
}


@pytest.mark.parametrize("source", OF_2021.values(), ids=OF_2021.keys())
def test_only_what_is_described_is_an_input_of_2021(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text and import agree that `@cog.input` alone names the inputs."""
    monkeypatch.setitem(sys.modules, "cog", cogfal.cog)
    source = f"import cog, functools\n{source}"
    (tmp_path / "predict.py").write_text(source)

    text = read_predictor("predict.py:Predictor", tmp_path)

    assert [(i.name, i.type) for i in text.inputs] == [("x", StringType())]
    assert differences(text, execute(source, tmp_path)) == []


class Both:
    def run(self) -> str:
        return ""

    def predict(self) -> str:
        return ""


class Nothing: ...


class Unknown:
    def predict(self, x: Missing) -> str:  # type: ignore[name-defined]  # noqa: F821
        return ""


class Subscripted:
    def predict(self, x: int[str]) -> str:  # type: ignore[type-arg]
        return ""


@pytest.mark.parametrize("cls", [Both, Nothing, Unknown, Subscripted], ids=lambda c: c.__name__)
def test_what_is_no_predictor_is_an_error(cls: type) -> None:
    """Ambiguous, empty and unresolvable classes are refused."""
    with pytest.raises(PredictorError):
        read_live(cls, path="predict.py", name=cls.__name__)


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(Colour, "green"), (Optional[Colour], "green"), (list[Colour], ["red", "green"])],  # noqa: UP045
    ids=["member", "optional", "list"],
)
def test_a_default_that_is_no_member_is_an_error(annotation: Any, default: Any) -> None:
    """An Enum's input cannot have another default, which would fail at each call."""

    def predict(x: Any = default) -> str:
        return str(x)

    predict.__annotations__["x"] = annotation

    with pytest.raises(UnsupportedSignature, match=r"'green', which is no member of Colour"):
        read_live(predict, path="predict.py", name="predict")


class Node(cogfal.cog.BaseModel):
    children: list[Node]


class Recursive:
    def predict(self, x: str) -> Node:
        raise NotImplementedError


class Variadic:
    def predict(self, *args: str) -> str:
        return ""


class Strange:
    def predict(self, x: object = object()) -> str:
        return ""


class Bytes:
    def predict(self, x: bytes) -> str:
        return ""


class Iterated:
    def predict(self, x: Iterator[str]) -> str:
        return ""


OF_LISTS = cogfal.cog.Input(choices=[["a"]])  # type: ignore[list-item]


class Choosing:
    def predict(self, x: Any = OF_LISTS) -> str:
        return ""


NOT_SERVED = (Variadic, Strange, Bytes, Recursive, Iterated, Choosing)


@pytest.mark.parametrize("cls", NOT_SERVED, ids=lambda cls: cls.__name__)
def test_what_cannot_be_served_is_an_error(cls: type) -> None:
    """Parameters without a counterpart are refused."""
    with pytest.raises(UnsupportedSignature):
        read_live(cls, path="predict.py", name=cls.__name__)


@dataclasses.dataclass
class Box:
    x: int
    scale: dataclasses.InitVar[int] = 2


class Larger(Box):
    ignored: int = 3


def test_what_is_no_field_of_a_dataclass_is_none() -> None:
    """What an undecorated subclass or `InitVar` names never reaches a result."""

    def predict() -> Larger:
        raise NotImplementedError

    spec = read_live(predict, path="predict.py", name="predict")

    assert spec.output == ObjectType(
        "Larger", (FieldSpec("x", IntegerType()),), ObjectFlavour.DATACLASS
    )


def test_a_trainer_is_read() -> None:
    """The method of a trainer is `train`."""

    class Trainer:
        def train(self, x: str) -> str:
            return x

    spec = read_live(Trainer, path="train.py", name="Trainer", role=Role.TRAIN)

    assert (spec.method, spec.role) == ("train", Role.TRAIN)


def test_numbers_of_numpy_are_plain() -> None:
    """What numpy makes of a number says itself which plain number that is."""
    number = type("float64", (), {"__module__": "numpy", "tolist": lambda self: 0.5})()

    assert plain(number) == 0.5


def test_names_of_types_are_what_they_stand_for() -> None:
    """What `type X = ...` makes is asked what it stands for, with its arguments."""
    item = TypeVar("item")
    several: Any = TypeAliasType("several", list[item], type_params=(item,))  # type: ignore[arg-type]

    assert type_of(several[int]) == ListType(IntegerType())
    assert type_of(TypeAliasType("one", str | None)) == OptionalType(StringType())


def test_a_value_that_contains_itself_is_none_of_json() -> None:
    """It is refused by name, as a default of such a list would be."""
    value: list[object] = []
    value.append(value)

    with pytest.raises(Unservable, match="contains itself"):
        plain(value)

"""Reading every form of predictor: classes, functions, decorated, inherited, of 2021."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from cogfal.errors import UnresolvedExpression
from cogfal.guest.live import read_live
from cogfal.reading import read_predictor
from cogfal.spec import (
    AnyType,
    FieldSpec,
    IntegerType,
    ListType,
    ObjectType,
    PathType,
    Role,
    SetupSpec,
    Shape,
    StringType,
)
from tests.reading.oracle.execution import shown
from tests.reading.oracle.importing import imported
from tests.reading.projects import compared, read

SIMPLE = (
    "from cog import *\nclass Predictor:\n    def predict(self, x: str) -> str:\n        return x"
)

FORMS = {
    "function": ("from cog import *\ndef run(x: str) -> str: ...", "predict.py:run", None),
    "no-base": (SIMPLE, "predict.py:Predictor", "predict"),
    "other-name": (SIMPLE.replace("Predictor", "Model"), "predict.py:Model", "predict"),
    "run": (SIMPLE.replace("predict(", "run("), "predict.py:Predictor", "run"),
    "default-name": (SIMPLE, "predict.py", "predict"),
    "default-runner": (
        SIMPLE.replace("Predictor", "Runner").replace("predict(", "run("),
        "predict.py",
        "run",
    ),
    "assigned": (
        SIMPLE.replace("Predictor", "Other") + "\nPredictor = Other",
        "predict.py:Predictor",
        "predict",
    ),
    "wrapped-class": (
        "import torch\n" + SIMPLE + "\nPredictor = torch.compile(Predictor)",
        "predict.py:Predictor",
        "predict",
    ),
    "decorated": (
        "import torch\n" + SIMPLE.replace("    def", "    @torch.inference_mode()\n    def"),
        "predict.py:Predictor",
        "predict",
    ),
    "wrapped-predict": (
        "import torch\n" + SIMPLE + "\n    predict = torch.no_grad()(predict)",
        "predict.py:Predictor",
        "predict",
    ),
    "own-decorator": (
        "import functools\ndef timed(fn):\n    @functools.wraps(fn)\n"
        "    def wrapper(self, *args, **kwargs):\n        return fn(self, *args, **kwargs)\n"
        "    return wrapper\n" + SIMPLE.replace("    def", "    @timed\n    def"),
        "predict.py:Predictor",
        "predict",
    ),
    "own-decorator-without-wraps": (
        "def timed(fn):\n    def wrapper(*args, **kwargs):\n        return fn(*args, **kwargs)\n"
        "    return wrapper\n" + SIMPLE.replace("    def", "    @timed\n    def"),
        "predict.py:Predictor",
        "predict",
    ),
    "own-decorator-with-arguments": (
        "def retry(n):\n    def decorate(fn):\n        def wrapper(self, x: str) -> str:\n"
        "            return fn(self, x)\n        return wrapper\n    return decorate\n"
        + SIMPLE.replace("(self, x: str)", "(self, y: int)").replace(
            "    def predict", "    @retry(3)\n    def predict"
        ),
        "predict.py:Predictor",
        "predict",
    ),
    "future-annotations": (
        "from __future__ import annotations\n" + SIMPLE,
        "predict.py:Predictor",
        "predict",
    ),
    "keyword-only": (
        SIMPLE.replace("self, x", "self, *, x"),
        "predict.py:Predictor",
        "predict",
    ),
    "inherited": (
        SIMPLE.replace("Predictor", "Base") + "\nclass Predictor(Base):\n    pass",
        "predict.py:Predictor",
        "predict",
    ),
    "generic-base": (
        SIMPLE.replace("Predictor:", "Base(Generic[T]):").replace(
            "from cog import *", "from cog import *\nfrom typing import *\nT = TypeVar('T')"
        )
        + "\nclass Predictor(Base[int]):\n    pass",
        "predict.py:Predictor",
        "predict",
    ),
}


@pytest.mark.parametrize(("source", "ref", "method"), FORMS.values(), ids=FORMS.keys())
def test_predictors_come_in_many_forms(
    source: str, ref: str, method: str | None, tmp_path: Path
) -> None:
    """Each form of predictor has the same input and output."""
    spec = read(tmp_path, {"predict.py": source}, ref)

    assert [(i.name, i.type) for i in spec.inputs] == [("x", StringType())]
    assert spec.output == StringType()
    assert spec.method == method
    assert {shown(s) for s in imported({"predict.py": source}, spec.name)} == {shown(spec)}


def test_a_predictor_inherits_across_files(tmp_path: Path) -> None:
    """A predictor takes methods, models and constants from its bases' files."""
    base = (
        "from cog import BasePredictor, Input, BaseModel, Path\nSIZES = [1, 2]\n"
        "class Output(BaseModel):\n    image: Path\n"
        "class Base(BasePredictor):\n    N = Input(choices=SIZES)\n"
        "    async def setup(self, weights): ...\n"
        "    def healthcheck(self): ...\n"
        "    def predict(self, n: int = N) -> list[Output]: ...\n"
    )

    spec = read(
        tmp_path,
        {
            "src/base.py": base,
            "predict.py": "from src.base import Base\nclass Predictor(Base): ...",
        },
    )

    assert spec.inputs[0].choices == (1, 2)
    assert spec.output == ListType(ObjectType("Output", (FieldSpec("image", PathType()),)))
    assert spec.setup == SetupSpec(takes_weights=True, asynchronous=True)
    assert spec.healthcheck
    assert str(spec.location) == "src/base.py:9"


SHAPES = {
    "def": ("def predict(self) -> str:\n        return ''", Shape.FUNCTION),
    "generator": ("def predict(self) -> str:\n        yield ''", Shape.GENERATOR),
    "coroutine": ("async def predict(self) -> str:\n        return ''", Shape.COROUTINE),
    "async-generator": (
        "async def predict(self) -> str:\n        yield ''",
        Shape.ASYNC_GENERATOR,
    ),
    "yield-inside": (
        (
            "def predict(self) -> str:\n        def inner():\n            yield ''\n"
            "        return list(inner())"
        ),
        Shape.FUNCTION,
    ),
    "yield-from": (
        "def predict(self) -> str:\n        with open('x'):\n            yield from ()",
        Shape.GENERATOR,
    ),
}


@pytest.mark.parametrize(("body", "shape"), SHAPES.values(), ids=SHAPES.keys())
def test_the_shape_is_that_of_the_function_itself(body: str, shape: Shape, tmp_path: Path) -> None:
    """Functions inside predict do not make it a generator."""
    files = {"predict.py": f"class Predictor:\n    {body}\n"}

    spec = read(tmp_path, files)

    assert spec.shape is shape
    assert [each.shape for each in imported(files)] == [shape]


def test_streaming_and_concurrency_are_read_from_decorators(tmp_path: Path) -> None:
    """Cog's decorators count in every spelling, computed numbers too."""
    source = (
        "import cog\nN = 2\nclass Predictor:\n    @cog.streaming()\n"
        "    @cog.concurrent(max=N * 2)\n    async def run(self) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.streaming, spec.max_concurrency) == (True, 4)


@pytest.mark.parametrize(
    "call", ["Path(str(torch.x))", "cog.Path(f'{torch.x}') / 'a'", "torch.register(Path, File)"]
)
def test_classes_of_cog_stay_what_they_are(call: str, tmp_path: Path) -> None:
    """What is not known is given to them, and they are given to unknown code."""
    text = (
        f"import cog, torch\nfrom cog import BaseModel, File, Path\nHERE = {call}\n"
        "class Output(BaseModel):\n    image: Path\n"
        "class Predictor:\n    def predict(self, x: Path, y: File) -> Output: ..."
    )

    told, imports = compared(tmp_path, {"predict.py": text})

    assert set(imports) == {told}


@pytest.mark.parametrize(
    "made",
    [
        "Settings(steps=4).steps",
        "Settings(steps='4')",
        "Settings().names + Settings().more",
        "Settings.model_validate({'steps': 4})",
        "Settings().model_dump()",
        "[Settings(steps=n) for n in (1, 2)]",
        "Checked(steps=4)",
    ],
)
def test_objects_of_pydantic_models_stand_in_the_way_of_nothing(made: str, tmp_path: Path) -> None:
    """What Pydantic makes of values is not evaluated, and Python's import does not fail."""
    text = (
        "from typing import ClassVar\nfrom cog import Input\n"
        "from pydantic import BaseModel, Field\n"
        "class Settings(BaseModel):\n    steps: int = 3\n    names: list = ['a']\n"
        "    more: list = Field(default_factory=lambda: ['b'])\n"
        "    top: int = Field(default=4, ge=1)\n    N: ClassVar[int] = 2\n"
        "class Checked(Settings):\n"
        "    def __init__(self, **values):\n        super().__init__(**values)\n"
        f"MADE = {made}\n"
        "class Predictor:\n"
        "    def predict(self, x: int = Input(default=Settings().steps, le=Settings().top),\n"
        "        y: str = Input(choices=Settings().names + Settings().more)) -> Settings: ..."
    )

    told = read(tmp_path, {"predict.py": text})

    made_by_python = runpy.run_path(str(tmp_path / "predict.py"))["Predictor"]
    assert shown(told) == shown(read_live(made_by_python, path="predict.py", name="Predictor"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Settings(name='b')", "b"),
        ("Settings(name='b', more=1)", None),
        ("Settings(name=2)", None),
        ("Checked()", None),
        ("Strict()", None),
        ("Later()", None),
        ("Settings.name", None),
        ("Needed()", None),
        ("changed(Settings())", "d"),
        ("changed(Frozen())", None),
        ("list(Settings())", None),
    ],
)
def test_values_that_pydantic_may_change_are_not_told(
    text: str, told: str | None, tmp_path: Path
) -> None:
    """A value of the field's own class is taken as it is; what a model does with others is open."""
    read_of = "" if text.endswith(".name") or text.startswith("list") else ".name"
    source = (
        "from pydantic import BaseModel, ConfigDict, field_validator\n"
        "class Settings(BaseModel):\n    name: str = 'a'\n"
        "class Checked(Settings):\n    @field_validator('name')\n    @classmethod\n"
        "    def upper(cls, value): return value.upper()\n"
        "class Strict(Settings):\n"
        "    model_config = ConfigDict(validate_default=True, str_to_upper=True)\n"
        "class Later(Settings):\n    def model_post_init(self, context): self.name = 'c'\n"
        "class Needed(BaseModel):\n    name: str\n"
        "class Frozen(Settings, frozen=True): ...\n"
        "def changed(o):\n    try:\n        o.name = 'd'\n"
        "    except ValueError: ...\n    return o\n"
        f"class Predictor:\n    def predict(self, x: str = {text}{read_of}) -> str: ..."
    )

    if told is None:
        with pytest.raises(UnresolvedExpression):
            read(tmp_path, {"predict.py": source})
    else:
        assert read(tmp_path, {"predict.py": source}).inputs[0].default == told


def test_tables_of_toml_are_read(tmp_path: Path) -> None:
    """`tomllib`, or the package that older Pythons have in its place, is evaluated."""
    pytest.importorskip("tomllib")
    source = (
        "try:\n    import tomllib\nexcept ModuleNotFoundError:\n    import tomli as tomllib\n"
        "with open('names.toml', 'rb') as file:\n    NAMES = tomllib.load(file)\n"
        "from cog import Input\nclass Predictor:\n"
        "    def predict(self, x: str = Input(choices=NAMES['names'])) -> str: ..."
    )

    told, imports = compared(tmp_path, {"predict.py": source, "names.toml": "names = ['a', 'b']"})

    assert set(imports) == {told}


def test_private_names_are_those_of_the_class(tmp_path: Path) -> None:
    """Python renames a parameter with two leading underscores, as callers have to call it."""
    source = SIMPLE.replace("self, x: str", "self, x: str, __y: int = 1, __z__: int = 2")

    spec = read(tmp_path, {"predict.py": source})

    assert [i.name for i in spec.inputs] == ["x", "_Predictor__y", "__z__"]


def test_inputs_of_2021_are_read(tmp_path: Path) -> None:
    """`@cog.input` decorators describe the parameters of predict."""
    source = (
        "import cog\nfrom pathlib import Path\nclass Predictor(cog.Predictor):\n"
        "    def setup(self): ...\n"
        "    @cog.input('image', type=Path, help='An image')\n"
        "    @cog.input('size', type=int, default=2, min=1, max=4)\n"
        "    @cog.input('mode', type=str, default=None, options=['a', 'b'])\n"
        "    def predict(self, image, size, mode): ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    image, size, mode = spec.inputs
    assert (image.name, image.type, image.required) == ("image", PathType(), True)
    assert image.description == "An image"
    assert (size.type, size.default, size.ge, size.le) == (IntegerType(), 2, 1, 4)
    assert (mode.type, mode.choices) == (StringType(), ("a", "b"))
    assert spec.output == AnyType()


@pytest.mark.parametrize(
    ("source", "ref", "method"),
    [
        ("def train(x: str) -> str: ...", "train.py:train", None),
        ("def train(x: str) -> str: ...", "train.py", None),
        ("class Trainer:\n    def train(self, x: str) -> str: ...", "train.py", "train"),
        ("class T:\n    def predict(self, x: str) -> str: ...", "train.py:T", "predict"),
    ],
    ids=["function", "function-unnamed", "class-unnamed", "class-with-predict"],
)
def test_trainers_are_read(source: str, ref: str, method: str | None, tmp_path: Path) -> None:
    """Training functions and classes are read as predictors are."""
    (tmp_path / "train.py").write_text(source)

    spec = read_predictor(ref, tmp_path, role=Role.TRAIN)

    assert (spec.role, spec.method, spec.inputs[0].name) == (Role.TRAIN, method, "x")

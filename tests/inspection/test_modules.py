"""Reading predictors that are spread over files, in every way that Python finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogfal.inspection import read_predictor
from cogfal.spec import (
    AnyType,
    FieldSpec,
    IntegerType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    PredictorSpec,
    Role,
    SetupSpec,
    Shape,
    StringType,
)

PREDICT = """
from cog import BasePredictor, Input, Path
{imports}

class Predictor(BasePredictor):
    def predict(self, x: str = Input(choices={choices})) -> str:
        return x
"""


def write(root: Path, files: dict[str, str]) -> None:
    """Write the files of a project."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(root: Path, files: dict[str, str], ref: str = "predict.py:Predictor") -> PredictorSpec:
    """Write a project and read its predictor."""
    write(root, files)
    return read_predictor(ref, root)


SIBLINGS = {
    "from": ("from sizes import SIZES", "SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "import": ("import sizes", "sizes.SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "import-as": ("import sizes as s", "s.SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "star": ("from sizes import *", "SIZES", {"sizes.py": "SIZES = ['a', 'b']\n_X = 1"}),
    "star-of-star": (
        "from one import *",
        "SIZES",
        {"one.py": "from two import *", "two.py": "SIZES = ['a', 'b']"},
    ),
    "star-all": (
        "from sizes import *",
        "_S",
        {"sizes.py": "__all__ = ['_S']\n_S = ['a', 'b']"},
    ),
    "package": (
        "from models.sizes import SIZES",
        "SIZES",
        {"models/__init__.py": "", "models/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "namespace-package": (
        "import utils.sizes",
        "utils.sizes.SIZES",
        {"utils/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "re-export": (
        "from models import SIZES",
        "SIZES",
        {"models/__init__.py": "from .sizes import SIZES", "models/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "relative": ("from .sizes import SIZES", "SIZES", {"sizes.py": "SIZES = ['a', 'b']"}),
    "relative-up": (
        "from pkg.inner.one import SIZES",
        "SIZES",
        {
            "pkg/__init__.py": "",
            "pkg/inner/__init__.py": "",
            "pkg/inner/one.py": "from ..sizes import SIZES",
            "pkg/sizes.py": "SIZES = ['a', 'b']",
        },
    ),
    "function-elsewhere": (
        "from sizes import make",
        "make(2)",
        {"sizes.py": "ALL = ['a', 'b', 'c']\ndef make(n):\n    return ALL[:n]"},
    ),
    "try-import": (
        "try:\n    from other import SIZES\nexcept ImportError:\n    from sizes import SIZES",
        "SIZES",
        {"sizes.py": "SIZES = ['a', 'b']", "other.py": "OTHER = 1"},
    ),
    "circular": (
        "from one import SIZES",
        "SIZES",
        {"one.py": "import two\nSIZES = ['a', 'b']", "two.py": "import one\nX = one"},
    ),
    "sys-path-append": (
        "import sys\nsys.path.append('lib')\nfrom sizes import SIZES",
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "sys-path-insert": (
        (
            "import os, sys\n"
            "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))\n"
            "from sizes import SIZES"
        ),
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']", "sizes.py": "SIZES = ['wrong']"},
    ),
    "sys-path-pathlib": (
        (
            "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'lib'))\n"
            "from sizes import SIZES"
        ),
        "SIZES",
        {"lib/sizes.py": "SIZES = ['a', 'b']"},
    ),
    "unused-imports": (
        "import torch\nfrom diffusers import X\nX.register(torch.float16)\nSIZES = ['a', 'b']",
        "SIZES",
        {},
    ),
    "type-checking": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sizes import SIZES",
        "SIZES",
        {"sizes.py": "SIZES = ['a', 'b']"},
    ),
    "main-guard": ("SIZES = ['a', 'b']\nif __name__ == '__main__':\n    SIZES = []", "SIZES", {}),
    "unknown-branch-of-imports": (
        (
            "import torch\nif torch.cuda.is_available():\n    import sizes as s\nelse:\n"
            "    import sizes as s"
        ),
        "s.SIZES",
        {"sizes.py": "SIZES = ['a', 'b']"},
    ),
    "raises-when-unsupported": (
        (
            "import torch\nif not torch.cuda.is_available():\n    raise RuntimeError('no GPU')\n"
            "SIZES = ['a', 'b']"
        ),
        "SIZES",
        {},
    ),
    "notebook-export": (
        "get_ipython().system('pip install torch')\nSIZES = ['a', 'b']",
        "SIZES",
        {},
    ),
    "json-file": (
        "import json\nwith open('sizes.json') as f:\n    SIZES = json.load(f)['all']",
        "SIZES",
        {"sizes.json": '{"all": ["a", "b"]}'},
    ),
    "text-file": (
        "SIZES = [line.strip() for line in open('sizes.txt')]",
        "SIZES",
        {"sizes.txt": "a\nb\n"},
    ),
    "path-read-text": (
        "import pathlib\nSIZES = pathlib.Path('sizes.txt').read_text().split()",
        "SIZES",
        {"sizes.txt": "a b"},
    ),
    "missing-file": (
        (
            "try:\n    SIZES = open('none.txt').read().split()\n"
            "except FileNotFoundError:\n    SIZES = ['a', 'b']"
        ),
        "SIZES",
        {},
    ),
    "environment-test": (
        "import os\nSIZES = ['a', 'b']\nif 'COGFAL_NONE' in os.environ:\n    SIZES = []",
        "SIZES",
        {},
    ),
    "stdlib-name": ("from types import SIZES", "SIZES", {"types.py": "SIZES = ['a', 'b']"}),
}


@pytest.mark.parametrize(("imports", "choices", "files"), SIBLINGS.values(), ids=SIBLINGS.keys())
def test_values_come_from_where_python_finds_them(
    imports: str, choices: str, files: dict[str, str], tmp_path: Path
) -> None:
    """Choices are resolved through every form of import."""
    predict = PREDICT.format(imports=imports, choices=choices)

    spec = read(tmp_path, {"predict.py": predict, **files})

    assert spec.inputs[0].choices == ("a", "b")


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
    spec = read(tmp_path, {"predict.py": f"class Predictor:\n    {body}\n"})

    assert spec.shape is shape


def test_streaming_and_concurrency_are_read_from_decorators(tmp_path: Path) -> None:
    """Cog's decorators count in every spelling, computed numbers too."""
    source = (
        "import cog\nN = 2\nclass Predictor:\n    @cog.streaming()\n"
        "    @cog.concurrent(max=N * 2)\n    async def run(self) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.streaming, spec.max_concurrency) == (True, 4)


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
    assert (mode.type, mode.choices) == (OptionalType(StringType()), ("a", "b"))
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


@pytest.mark.parametrize(
    "path",
    ["deep/er/predict.py", "cog/predict.py", "my-model v2.py", "2nd.py", "async.py"],
)
def test_the_file_may_lie_anywhere_and_have_any_name(path: str, tmp_path: Path) -> None:
    """Imports resolve from the root and from beside the file, Cog's name stays Cog's."""
    predict = PREDICT.format(imports="from sizes import A\nfrom beside import B", choices="A + B")
    beside = (Path(path).parent / "beside.py").as_posix()

    files = {path: predict, "sizes.py": "A = ['a']", beside: "B = ['b']"}
    spec = read(tmp_path, files, f"{path}:Predictor")

    assert spec.inputs[0].choices == ("a", "b")
    assert spec.ref == f"{path}:Predictor"


def test_symlinked_modules_are_read(tmp_path: Path) -> None:
    """A module may be a link to a file elsewhere."""
    (tmp_path / "elsewhere.py").write_text("SIZES = ['a', 'b']")
    root = tmp_path / "project"
    root.mkdir()
    (root / "sizes.py").symlink_to(tmp_path / "elsewhere.py")

    spec = read(
        root, {"predict.py": PREDICT.format(imports="from sizes import *", choices="SIZES")}
    )

    assert spec.inputs[0].choices == ("a", "b")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + "N = 'é'\n".encode(),
        "# -*- coding: latin-1 -*-\nN = 'é'\n".encode("latin-1"),
        "N = 'é'\r\n".encode(),
    ],
    ids=["bom", "cookie", "crlf"],
)
def test_text_is_decoded_as_python_does(data: bytes, tmp_path: Path) -> None:
    """Byte order marks, coding cookies and line ends are respected."""
    source = data + b"class Predictor:\n    def predict(self, x: str = N) -> str: ...\n"
    (tmp_path / "predict.py").write_bytes(source)

    spec = read_predictor("predict.py:Predictor", tmp_path)

    assert spec.inputs[0].default == "é"


ENVIRONMENT = {
    "get": "os.environ.get('COGFAL_X', 'a')",
    "getenv": "os.getenv('COGFAL_X', default='a')",
    "item": "os.environ['COGFAL_X']",
    "constant": "SIZE",
    "function": "size()",
}


@pytest.mark.parametrize("expression", ENVIRONMENT.values(), ids=ENVIRONMENT.keys())
def test_the_environment_is_read_at_deploy_time(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that a default depends on are resolved and named; others are not."""
    monkeypatch.setenv("COGFAL_X", "b")
    source = (
        "import os\nUNUSED = os.environ.get('COGFAL_Y')\nSIZE = os.environ.get('COGFAL_X')\n"
        "def size():\n    return os.getenv('COGFAL_X')\n"
        f"class Predictor:\n    def predict(self, x: str = {expression}) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert spec.inputs[0].default == "b"
    assert spec.deploy_time == ("COGFAL_X",)


def test_a_variable_that_the_text_sets_is_no_deploy_time_value(tmp_path: Path) -> None:
    """`os.environ[...] = ...` at import is what later lines see."""
    source = (
        "import os\nos.environ['COGFAL_Z'] = 'c'\n"
        "class Predictor:\n    def predict(self, x: str = os.environ['COGFAL_Z']) -> str: ...\n"
    )

    spec = read(tmp_path, {"predict.py": source})

    assert (spec.inputs[0].default, spec.deploy_time) == ("c", ())

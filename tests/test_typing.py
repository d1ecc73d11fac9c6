"""What editors and type checkers know of cogfal: mypy, strict, over what an author writes."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import Any, get_args, get_type_hints

import fal
import pytest

from cogfal import App, cog
from cogfal.app_making.app_class import FALS_INTERNAL, _known
from cogfal.app_making.settings_validation import FalKeywords, FromCogKeywords, WrapKeywords
from cogfal.settings import NAMES, Settings
from tests.type_checking import findings, package
from tests.virtualenvs import ROOT

STUBS = ROOT / "stubs" / "cog-stubs"
PREDICT = """
    import cog
    from cog import BaseModel, BasePredictor, ConcatenateIterator, Input, Path, Secret
    from cog.server.exceptions import CancelationException
    from cog.types import Weights

    class Output(BaseModel):
        text: str
        image: Path

    class Predictor(BasePredictor):
        def setup(self, weights: Weights) -> None:
            self.steps = 3

        def predict(
            self,
            prompt: str,
            image: Path = Input(description="A picture", default=None),
            steps: int = Input(default=1, ge=1, choices=[1, 2]),
        ) -> Output:
            cog.current_scope().record_metric("steps", steps)
            return Output(text=prompt + image.name, image=image.with_suffix(".jpg"))

    class Streams(cog.Predictor):
        async def setup(self) -> None: ...

        def predict(self, token: Secret) -> ConcatenateIterator[str]:
            yield "a"

    class StreamsToo(BasePredictor):
        async def predict(self, token: Secret) -> cog.AsyncConcatenateIterator[str]:
            yield "a"
"""
WRONG_PREDICT = """
    from cog import BasePredictor, Input, Nothing  # attr-defined

    class Predictor(BasePredictor):
        def predict(self, steps: int = Input(defualt=1)) -> int:  # call-arg
            return steps
"""
APP = """
    import cogfal

    def greet(name: str) -> str:
        return name

    A = cogfal.App.from_cog("cog.yaml", machine_type="GPU-H100", keep_alive=300, isolate=True)
    B = cogfal.wrap(greet, requirements=["numpy"], environment="own", name="greeter")
"""
WRONG_APP = """
    import cogfal

    def greet(name: str) -> str:
        return name

    cogfal.App.from_cog("cog.yaml", machine_typ="GPU-H100")  # call-arg
    cogfal.App.from_cog("cog.yaml", isolate="yes")  # arg-type
    cogfal.wrap(greet, environment="mine")  # arg-type
    cogfal.wrap(greet, keep_alive=1, stream=True)  # call-arg
"""


def checked(folder: Path, files: dict[str, str], *packages: str) -> list[tuple[str, int, str]]:
    """Return file, line and kind of what mypy finds where cogfal and `packages` are installed."""
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text))
    return findings(folder, *files, cache="authors", installed=packages)


def _expected(name: str, text: str) -> list[tuple[str, int, str]]:
    lines = enumerate(textwrap.dedent(text).splitlines(), 1)
    return [(name, number, line.rpartition("# ")[2]) for number, line in lines if "# " in line]


def test_authors_are_checked_where_only_cogfal_is_installed(tmp_path: Path) -> None:
    """What is right passes without any setting, and each wrong word is found where it stands."""
    files = {"app.py": APP, "predict.py": PREDICT}
    wrong = {"wrong_app.py": WRONG_APP, "wrong_predict.py": WRONG_PREDICT}

    found = checked(tmp_path, {**files, **wrong})

    assert found == sorted(each for name, text in wrong.items() for each in _expected(name, text))


def test_modules_of_a_real_cog_stay_known(tmp_path: Path) -> None:
    """Beside the real package, which publishes no types, what only that has is found there."""
    real = package("cog")
    assert (real / "suppress_output.py").is_file()
    only_there = "from cog.suppress_output import suppress_output\n\nwith suppress_output(): ...\n"

    found = checked(tmp_path, {"predict.py": PREDICT, "more.py": only_there}, "cog")

    assert found == [("more.py", 1, "import-untyped")]  # and not "import-not-found"


def test_the_stub_has_every_module_and_name() -> None:
    """Nothing that can be imported from `cog` is unknown to a type checker."""
    package = Path(cog.__file__).parent
    internal = {"alias", "metrics", "scope"}
    modules = {file.relative_to(package).with_suffix("") for file in package.rglob("*.py")}
    stubbed = {file.relative_to(STUBS).with_suffix("") for file in STUBS.rglob("*.pyi")}
    tree = ast.parse((STUBS / "__init__.pyi").read_text())

    assert stubbed == {each for each in modules if str(each) not in internal}
    assert set(cog._DEPRECATED) <= {name for node in tree.body for name in _names(node)}


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.ImportFrom(names=names):
            return [each.name for each in names]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.FunctionDef(name=name):
            return [name]
        case _:
            return []


OF_THE_CLASS = {"name", "python_version", "resolver", "keep_alive"}
"""Settings that fal takes as keywords of the class, and does not annotate."""


@pytest.mark.parametrize(
    ("keywords", "without"), [(FromCogKeywords, "cog_yaml"), (WrapKeywords, "predictor")]
)
def test_keywords_are_the_settings(keywords: Any, without: str) -> None:
    """`from_cog` and `wrap` take every setting of cogfal's, with its type; one is a parameter."""
    hints = {name: get_args(hint)[0] for name, hint in get_type_hints(Settings).items()}
    own = {n: hint for n, hint in get_type_hints(keywords).items() if n not in of_fal()}

    assert hints.keys() == NAMES
    assert own == {name: hint for name, hint in hints.items() if name != without}


def test_keywords_are_those_of_fal() -> None:
    """Every attribute of `fal.App` is one, with its type, and a class knows all of them."""
    annotated = get_type_hints(fal.App)
    expected = {
        name: get_args(hint)[0]
        for name, hint in annotated.items()
        if not name.startswith("_") and name not in FALS_INTERNAL
    }

    assert {name: h for name, h in of_fal().items() if name not in OF_THE_CLASS} == expected
    assert of_fal().keys() | NAMES == _known(App)


def of_fal() -> dict[str, Any]:
    """Return fal's keywords with their types."""
    return get_type_hints(FalKeywords)

"""The authoring API under both of its names, in every Python that a model may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

import cogfal.cog
from tests.interpreters import NEWEST, OLDEST, on_every_python, run_there

USED = """
import dataclasses, pickle, sys, typing
import cog, cog.types, cog.server.scope, cog.server.exceptions
from cog import BaseModel, BasePredictor, Input, Path, Secret, current_scope

class Output(BaseModel):
    text: str
    file: typing.Optional[Path]
    tags: typing.List[str] = []

class Predictor(BasePredictor):
    def predict(self, text: str = Input(default="a", choices=["a", "b"])) -> Output:
        current_scope().record_metric("length", 3)
        return Output(text=text)

@cog.concurrent(max=2)
async def concurrent(): ...

class Pieces(cog.ConcatenateIterator):
    def __next__(self):
        raise StopIteration

OBJECTS = [Path("/a/b.png"), Secret("s"), cog.URLFile("http://x.invalid/a.png"), cog.Input(),
           cog.types.ExperimentalFeatureWarning, cog.Opaque, cog.CancelationException,
           cog.BaseModel, cog.current_scope, cog.server.exceptions.InvalidStateException]
"""

OURS = """
import cogfal.cog.alias
cogfal.cog.alias.install()
"""


@on_every_python
def test_every_python_offers_the_authoring_api(python: Path) -> None:
    """What predictors do with it works from Python 3.7 on, warnings being errors."""
    program = f"""
{OURS + USED}
def main(given):
    output = Predictor().run(text="b")
    path = cog.Path.validate("data:text/plain;base64,aGVsbG8=")
    local = path.convert()
    text = local.read_text()
    path.unlink()
    path.unlink(missing_ok=True)
    with cog.server.scope.scope(cog.server.scope.Scope({{}}, lambda *metric: None)) as scope:
        scope.metrics["a.b"] = 1
        scope.record_metric("a.b", 2, mode="append")
        metrics = scope.metrics.snapshot()
    return [output.dict(), output.model_dump_json(), text, local.exists(), metrics,
            Output("x", Path("/y")).json(), concurrent.__cog_concurrent_max__, list(Pieces()),
            cog.File.validate("data:,a").read().decode(), cog.Input(...).default]
"""

    done = run_there(python, program)

    assert done == [
        {"text": "b", "file": None, "tags": []},
        '{"text": "b", "file": null, "tags": []}',
        "hello",
        False,
        {"a": {"b": [1, 2]}},
        '{"text": "x", "file": "/y", "tags": []}',
        2,
        [],
        "a",
        None,
    ]


WRITE = f"""
{USED}
import base64
def main(given):
    return [base64.b64encode(pickle.dumps(each, 2)).decode() for each in OBJECTS]
"""

READ = f"""
{USED}
import base64
def main(given):
    return [type(pickle.loads(base64.b64decode(each))).__module__ for each in given]
"""


@pytest.mark.parametrize("python", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_what_is_pickled_under_one_name_is_read_under_the_other(
    python: Path, tmp_path: Path
) -> None:
    """The author's process and its children, which find the package itself as `cog`, agree."""
    (tmp_path / "cog").symlink_to(Path(cogfal.cog.__file__).parent)
    child = {"PYTHONPATH": str(tmp_path)}

    of_parent = run_there(python, OURS + WRITE)
    of_child = run_there(python, WRITE, environ=child)
    in_child = run_there(python, READ, of_parent, environ=child)
    in_parent = run_there(python, OURS + READ, of_child)

    assert in_child == in_parent
    assert in_child[:4] == ["cog.types", "cog.types", "cog.types", "cog.input"]


def test_the_package_under_its_own_name_needs_no_alias(tmp_path: Path) -> None:
    """Where it is `cog` already, installing it changes nothing."""
    (tmp_path / "cog").symlink_to(Path(cogfal.cog.__file__).parent)
    program = """
import cog, cog.alias
def main(given):
    before = {name: id(module) for name, module in sys.modules.items()}
    cog.alias.install()
    return [before == {name: id(module) for name, module in sys.modules.items()},
            cog.Path.__module__]
"""

    same, module = run_there(OLDEST, program, environ={"PYTHONPATH": str(tmp_path)})

    assert (same, module) == (True, "cog.types")

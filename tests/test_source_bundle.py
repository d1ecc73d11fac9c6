"""cogfal's source inside a pickle."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from cogfal import source_bundle
from tests.project_files import write_project
from tests.test_app import app_file, app_of

LOADS = """
import pathlib, pickle, sys
sys.path = [entry for entry in sys.path if not pathlib.Path(entry, "cogfal").exists()]
loaded = pickle.loads(sys.stdin.buffer.read())
import cogfal.spec
print(loaded.source.unpacked, cogfal.__file__, loaded.kind)
"""
PREDICTOR = """
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self, text: str) -> str:
            return text
"""
TWO_APPS = """
    import cogfal

    class Shown(cogfal.App):
        predictor = "predict.py:Predictor"
        playground = True

    class Plain(cogfal.App):
        predictor = "predict.py:Predictor"
"""
PICKLES = """
import pathlib, runpy, sys
import cloudpickle
from fal.app import wrap_app

apps = runpy.run_path("app.py")
for name in sys.argv[1:]:
    wrap_app(apps[name])  # says what goes by value
    pathlib.Path(name).write_bytes(cloudpickle.dumps(apps[name]))
"""
RUNNER = """
import importlib.util, json, pathlib, pickle, sys

class WithoutFal:
    def find_spec(self, name, path=None, target=None):
        if name == "fal":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, WithoutFal())
sys.path = [entry for entry in sys.path if not pathlib.Path(entry, "cogfal").exists()]
app = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())

import cogfal
from starlette.testclient import TestClient

carried = importlib.util.find_spec("cogfal.playground") is not None
client = TestClient(app(_allow_init=True)._build_app(), base_url="http://127.0.0.1")
status = client.get("/playground").status_code if carried else None
print(json.dumps([cogfal.__file__, carried, status]))
"""


class Passenger(source_bundle.WithSource):
    """Something of a user's that names a cogfal class."""

    kind = source_bundle.SourceBundle


def _pickled() -> bytes:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    cloudpickle.register_pickle_by_value(source_bundle)
    try:
        pickled: bytes = cloudpickle.dumps(Passenger)
        return pickled
    finally:
        cloudpickle.unregister_pickle_by_value(source_bundle)
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_cogfal_is_importable_where_the_pickle_is_loaded() -> None:
    """A process without cogfal can import it once the class is there."""
    result = subprocess.run(
        [sys.executable, "-c", LOADS], input=_pickled(), capture_output=True, check=True
    )

    carried, file, _ = result.stdout.decode().split(maxsplit=2)
    assert carried == "True"
    assert "cogfal-source-" in file


def test_the_unpacked_source_is_removed_with_the_process() -> None:
    """Nothing is left in the temporary directory."""
    result = subprocess.run(
        [sys.executable, "-c", LOADS], input=_pickled(), capture_output=True, check=True
    )

    file = Path(result.stdout.decode().split()[1])
    assert not file.parent.parent.exists()


def test_the_running_cogfal_stays_where_there_is_one() -> None:
    """Loading the pickle in a process that has cogfal unpacks nothing."""
    before = list(sys.path)

    source = source_bundle.unpack_source(b"never looked at")

    assert source.unpacked
    assert sys.path == before


def test_the_packed_source_is_the_same_each_time() -> None:
    """Nothing of the moment is in it, so fal can recognise an unchanged app."""
    assert source_bundle.pack_source() == source_bundle.pack_source()


def test_what_a_runner_cannot_use_stays_behind() -> None:
    """The parts that need the deploying machine's packages do not travel."""
    names = pickle.loads(zlib.decompress(source_bundle.pack_source()))

    assert "cogfal/engine/service.py" in names
    left = tuple(
        f"cogfal/{room}/" for room in ("cli", "environments", "project", "reading", "playground")
    )
    assert not any(name.startswith(left) for name in names)
    assert not any("__pycache__" in name for name in names)


def test_what_travels_imports_nothing_that_stays_behind() -> None:
    """A module that does could not be used on a runner, so it stays too; but for additions."""
    files = pickle.loads(zlib.decompress(source_bundle.pack_source()))
    left = {name.removesuffix(".py") for name in source_bundle.LEFT_BEHIND}
    left -= {"playground", "environments"}

    found = {
        (name, imported)
        for name, text in files.items()
        if name.endswith(".py")
        for imported in _imports(ast.parse(text))
        if imported.startswith("cogfal.") and imported.split(".")[1] in left
    }

    assert len(files) > 100
    assert found == set()


def test_every_room_that_travels_is_used_on_a_runner() -> None:
    """A new room that only the deploying machine needs has to stay behind."""
    files = pickle.loads(zlib.decompress(source_bundle.pack_source()))
    trees = {name: ast.parse(text) for name, text in files.items() if name.endswith(".py")}
    package = Path(source_bundle.__file__).parent
    for name in source_bundle.BY_VALUE:
        file = f"{name.rpartition('.')[2]}.py"
        trees[f"cogfal/{file}"] = ast.parse((package / file).read_text())
    rooms = {name.split("/")[1].removesuffix(".py") for name in files} - {"__init__"}

    used = {
        imported.split(".")[1]
        for name, tree in trees.items()
        for imported in _imports(tree)
        if imported.startswith("cogfal.")
        and imported.split(".")[1] != name.split("/")[1].removesuffix(".py")
    }

    assert rooms - used - {"py.typed", "fal_errors"} == set()  # authors import the latter


def test_what_the_lists_name_is_there() -> None:
    """A module that was renamed is renamed in the lists, too."""
    package = Path(source_bundle.__file__).parent

    missing = {name for name in source_bundle.LEFT_BEHIND if not (package / name).exists()}
    by_value = [f"{name.rpartition('.')[2]}.py" for name in source_bundle.BY_VALUE]

    assert missing <= {"__pycache__"}
    assert set(by_value) <= set(source_bundle.LEFT_BEHIND)
    assert all((package / name).is_file() for name in by_value)


def _imports(node: ast.AST) -> Iterator[str]:
    """Yield what is imported anywhere in a module, if not for types alone."""
    match node:
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return
        case ast.Import(names=names):
            yield from (each.name for each in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (f"{module}.{each.name}" for each in names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


RUNNER_MAKES_IT = 'environment = "own"\nkind = "virtualenv"'


@pytest.fixture(scope="module")
def pickles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a process that makes two Apps, the first with a playground, left their pickles."""
    project = write_project(tmp_path_factory.mktemp("apps"), predict_py=PREDICTOR, app_py=TWO_APPS)
    subprocess.run([sys.executable, "-c", PICKLES, "Shown", "Plain"], cwd=project, check=True)
    return project


@pytest.mark.parametrize(("name", "status"), [("Shown", 200), ("Plain", None)])
def test_an_app_carries_the_playground_if_it_has_one(
    pickles: Path, name: str, status: int | None
) -> None:
    """Whatever other Apps of its process have, on a runner with neither fal nor cogfal."""
    result = subprocess.run(
        [sys.executable, "-c", RUNNER, pickles / name], capture_output=True, check=True, text=True
    )

    file, *answer = json.loads(result.stdout)
    assert "cogfal-source-" in file
    assert answer == [status is not None, status]
    assert not Path(file).parent.parent.exists()


def test_an_addition_leaves_an_installed_cogfal_alone() -> None:
    """Where the package is there already, nothing is unpacked."""
    addition = source_bundle.unpack_extra("playground", b"never looked at")

    assert isinstance(addition, source_bundle.ExtraPackage)


@pytest.mark.parametrize(
    ("settings", "carried"),
    [("", []), ('environment = "own"', []), (RUNNER_MAKES_IT, ["environments"])],
    ids=["shared", "in an image", "made by the runner"],
)
def test_what_makes_environments_travels_where_a_runner_makes_one(
    tmp_path: Path, settings: str, carried: list[str]
) -> None:
    """Nobody else has a use for it."""
    lines = f'predictor = "predict.py:Predictor"\n{settings}'
    folder = write_project(tmp_path, predict_py=PREDICTOR, app_py=app_file(lines))

    found = app_of(folder).extra_packages

    assert [each.name for each in found] == carried

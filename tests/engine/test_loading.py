"""Find the author's code where it is, and say what is wrong with it."""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.lifecycle import HealthStatus, SetupStatus
from cogfal.engine.service import Service
from cogfal.errors import PredictorMismatch, SetupError
from cogfal.guest.loading import enter_project, import_object
from cogfal.reading import read_predictor
from cogfal.settings import EngineSettings
from cogfal.spec import IntegerType, Role, SetupSpec
from tests.engine.stage import Passing, at_once, project, run, serving, submit

KINDS = {
    "Predictor.predict": (
        "class Predictor:\n    def predict(self) -> str: return 'a'",
        "Predictor",
    ),
    "Runner.run": ("class Runner:\n    def run(self) -> str: return 'a'", "Runner"),
    "inherited": (
        "class Base:\n    def predict(self) -> str: return 'a'\nclass Predictor(Base): pass",
        "Predictor",
    ),
    "function": ("def predict() -> str:\n    return 'a'", "predict"),
    "static method": (
        "class Predictor:\n    @staticmethod\n    def predict() -> str: return 'a'",
        "Predictor",
    ),
}


@pytest.mark.parametrize(("source", "name"), KINDS.values(), ids=KINDS)
def test_kinds_of_predictors(tmp_path: Path, source: str, name: str) -> None:
    """Classes with and without a base, and functions, by old names and new."""
    (tmp_path / "predict.py").write_text(source)
    spec = read_predictor(f"predict.py:{name}", tmp_path)

    async def main() -> None:
        service = Service(spec, tmp_path, Passing())
        await service.setup()
        assert await submit(service).result() == "a"
        await service.shutdown(at_once())

    run(main)


def test_trainer(tmp_path: Path) -> None:
    """A training function is served the same way."""
    (tmp_path / "train.py").write_text("def train(n: int) -> str:\n    return 'n' * n")
    spec = read_predictor("train.py:train", tmp_path, role=Role.TRAIN)

    async def main() -> None:
        service = Service(spec, tmp_path, Passing())
        await service.setup()
        assert await submit(service, n=2).result() == "nn"
        await service.shutdown(at_once())

    run(main)


PLACES = ["predict.py", "my-predictor.py", "json.py", "deep/down/predict.py"]


@pytest.mark.parametrize("file", PLACES)
def test_places(tmp_path: Path, file: str) -> None:
    """Any file name and directory; siblings, the root and relative files are found."""
    stem = f"unlike_{PLACES.index(file)}"
    (tmp_path / "data.txt").write_text("data")
    (tmp_path / f"{stem}_root.py").write_text("FROM_ROOT = 'root'")
    source = f"""
    from pathlib import Path
    from {stem}_root import FROM_ROOT
    from {stem}_sibling import FROM_SIBLING
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> list[str]:
            return [FROM_ROOT, FROM_SIBLING, Path("data.txt").read_text()]
    """
    spec = project(tmp_path, source, file=file)
    (tmp_path / file).with_name(f"{stem}_sibling.py").write_text("FROM_SIBLING = 'sibling'")
    here, path, modules = Path.cwd(), list(sys.path), sys.modules["json"]

    async def main() -> None:
        service = Service(spec, tmp_path, Passing())
        await service.setup()
        assert await submit(service).result() == ["root", "sibling", "data"]
        await service.shutdown(at_once())

    run(main)
    assert (Path.cwd(), sys.path, sys.modules["json"]) == (here, path, modules)


SETTING_UP = """
class Predictor:
    def setup(self):
        {statement}

    def predict(self) -> str:
        return "a"
"""
BROKEN = {
    "import": (
        "import not_there_at_all",
        "ModuleNotFoundError: No module named 'not_there_at_all'; install its package",
    ),
    "exit at import": ("import sys; sys.exit(1)", "predict.py cannot be imported: SystemExit: 1"),
    "setup": (
        SETTING_UP.format(statement="raise RuntimeError('no weights')"),
        "setup failed: RuntimeError: no weights",
    ),
    "exit in setup": (
        SETTING_UP.format(statement="raise SystemExit(2)"),
        "setup failed: SystemExit: 2",
    ),
    "instance": (
        SETTING_UP.replace("setup", "__init__").format(statement="1 / 0"),
        "cannot be instantiated: ZeroDivisionError",
    ),
}
GOOD = "class Predictor:\n    def predict(self) -> str: return 'a'"


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
def test_setup_that_fails(tmp_path: Path, source: str, message: str, isolate: bool) -> None:
    """The reason is raised, kept with the author's traceback, and the health says so."""
    setup = SetupSpec() if "def setup" in source else None
    spec = replace(project(tmp_path, GOOD), setup=setup)
    (tmp_path / "predict.py").write_text(source)

    async def main() -> None:
        service = Service(spec, tmp_path, Passing(), settings=EngineSettings(isolate=isolate))
        with pytest.raises(SetupError) as raised:
            await service.setup()
        health = await service.health()
        await service.shutdown(at_once())

        assert message in str(raised.value)
        assert health.status is HealthStatus.SETUP_FAILED
        assert health.error == str(raised.value)
        assert health.setup is not None
        assert health.setup.status is SetupStatus.FAILED
        assert 'predict.py", line' in health.setup.logs
        assert "cogfal/engine" not in health.setup.logs

    run(main)


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
def test_mismatch(tmp_path: Path, isolate: bool) -> None:
    """A predictor that is not what its text said is refused, with both sides."""
    spec = project(tmp_path, "class Predictor:\n    def predict(self, n: str) -> str: return n")
    changed = replace(spec, inputs=(replace(spec.inputs[0], type=IntegerType()),))

    async def main() -> None:
        service = Service(changed, tmp_path, Passing(), settings=EngineSettings(isolate=isolate))
        with pytest.raises(
            PredictorMismatch, match=r"the text says .* the imported predictor says"
        ):
            await service.setup()
        await service.shutdown(at_once())

    run(main)


OTHERWISE = {
    "no file": ("predict.py", None, r"predict\.py does not exist"),
    "no code": ("predict.txt", GOOD, r"predict\.txt is not a Python file"),
    "no class": ("predict.py", "", r"predict\.py defines no 'Predictor' once imported"),
    "no method": (
        "predict.py",
        "class Predictor: ...",
        r"predict\.py:Predictor has no predict\(\) once imported",
    ),
}


@pytest.mark.parametrize(("file", "there", "told"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_is_not_there_once_imported_is_named(
    tmp_path: Path, file: str, there: str | None, told: str
) -> None:
    """The text said so, and the runner has something else."""
    (tmp_path / file).write_text(GOOD)
    spec = read_predictor(f"{file}:Predictor", tmp_path)
    if there is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(there)

    async def main() -> None:
        service = Service(spec, tmp_path, Passing())
        with pytest.raises((SetupError, PredictorMismatch), match=told):
            await service.setup()
        await service.shutdown(at_once())

    run(main)


WEIGHTS = {
    "a path": ("weights: Path", "given.bin", "Path given.bin"),
    "a path in text": ("weights: str", "given.bin", "str given.bin"),
    "a URL as text": ("weights: str", "https://host/w.bin", "str https://host/w.bin"),
    "a URL as a path": ("weights: Path", "https://host/w.bin", "Path w.bin"),
    "a URL for both": ("weights: 'Path | str | None' = None", "https://host/w.bin", "str https:"),
    "a file": ("weights: File", "given.bin", "BufferedReader"),
    "none given": ("weights: Path", None, "NoneType"),
    "none given, a default": ("weights: str = 'x'", None, "str x"),
    "further parameters": ("weights: str = 'x', size: int = 3", "given.bin", "str given.bin"),
}


@pytest.mark.parametrize(("parameter", "given", "seen"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parameter: str,
    given: str | None,
    seen: str,
) -> None:
    """`setup(weights)` gets what COG_WEIGHTS says in the form it asks for."""
    source = f"""
    from cog import BasePredictor, File, Path

    class Predictor(BasePredictor):
        def setup(self, {parameter}):
            self.weights = weights

        def predict(self) -> str:
            name = getattr(self.weights, "name", self.weights)
            getattr(self.weights, "close", str)()
            return f"{{type(self.weights).__name__}} {{name}}"
    """
    (tmp_path / "given.bin").write_bytes(b"w")
    if given is not None:
        monkeypatch.setenv("COG_WEIGHTS", given)

    async def fetch(url: str, directory: Path) -> Path:
        file = directory / url.rpartition("/")[2]
        file.write_bytes(b"w")
        return file

    async def main() -> None:
        async with serving(tmp_path, source, fetch_weights=fetch) as service:
            assert (await submit(service).result()).startswith(seen)

    run(main)


def test_setup_that_needs_more_than_weights(tmp_path: Path) -> None:
    """A parameter that nobody can give is named."""
    spec = replace(project(tmp_path, GOOD), setup=SetupSpec())
    source = GOOD + "\n    def setup(self, model): pass"
    (tmp_path / "predict.py").write_text(source)

    async def main() -> None:
        service = Service(spec, tmp_path, Passing())
        with pytest.raises(SetupError, match="needs 'model', which nobody can give"):
            await service.setup()
        await service.shutdown(at_once())

    run(main)


@pytest.mark.parametrize("isolate", [False, True], ids=["here", "isolated"])
def test_setup_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolate: bool
) -> None:
    """COG_SETUP_TIMEOUT ends a setup that does not."""
    source = """
    import time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def setup(self):
            while True:
                time.sleep(0.001)

        def predict(self) -> str:
            return "a"
    """
    spec = project(tmp_path, source)
    monkeypatch.setenv("COG_SETUP_TIMEOUT", "0.5")

    async def main() -> None:
        service = Service(spec, tmp_path, Passing(), settings=EngineSettings(isolate=isolate))
        with pytest.raises(SetupError, match=r"setup took more than 0\.5 seconds"):
            await service.setup()
        assert (await service.health()).status is HealthStatus.SETUP_FAILED
        await service.shutdown(at_once())

    run(main)


def test_project_of_the_working_directory(tmp_path: Path) -> None:
    """A relative root means the same before and after the working directory changed."""
    values: dict[str, Any] = {}
    (tmp_path / "here").mkdir()
    spec = project(tmp_path / "here", textwrap.dedent(GOOD))
    before = Path.cwd()
    os.chdir(tmp_path)

    async def main() -> None:
        service = Service(spec, Path("here"), Passing())
        await service.setup()
        values["output"] = await submit(service).result()
        await service.shutdown(at_once())

    try:
        run(main)
    finally:
        os.chdir(before)
    assert values == {"output": "a"}


def test_siblings_of_one_project_are_not_anothers(tmp_path: Path) -> None:
    """Two projects in one process may have modules of the same name."""
    values = []
    for name in ("one", "other"):
        root = tmp_path / name
        root.mkdir()
        (root / "sibling.py").write_text(f"NAME = {name!r}\n")
        (root / "predict.py").write_text("from sibling import NAME\n")
        leave = enter_project("predict.py", str(root))
        values.append(import_object("predict.py", "NAME", str(root)))
        leave()

    assert values == ["one", "other"]

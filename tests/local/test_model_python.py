"""The Python that a project's code runs with on one's own machine."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from cogfal.errors import PredictorError
from cogfal.local.model_python import install_line, local_python
from cogfal.project.config_reader import read_config
from tests.environments.packages import wheel
from tests.interpreters import INTERPRETERS
from tests.project_files import write_project
from tests.test_app import app_file, app_of
from tests.test_endpoints import Serve

needs_38 = pytest.mark.skipif("3.8" not in INTERPRETERS, reason="there is no Python 3.8")

TELLS = """
    import os, sys
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self) -> str:
            return "%d.%d %s" % (sys.version_info[0], sys.version_info[1], os.environ.get("WORD"))
"""
OLD = """
    build: {python_version: "3.8"}
    environment: ["WORD=moo"]
    predict: "predict.py:Predictor"
"""
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@needs_38
def test_a_project_of_another_python_has_its_own(tmp_path: Path) -> None:
    """It is made once, with what takes long told, and found again without a word."""
    folder = write_project(tmp_path, cog_yaml=OLD, predict_py=TELLS)
    config, said = read_config(folder / "cog.yaml"), list[str]()

    python = local_python(config, folder, progress=said.append)
    again = local_python(config, folder, progress=said.clear)  # type: ignore[arg-type]  # never called

    assert python is not None
    assert python == again


@pytest.mark.parametrize("wanted", ["auto", "shared"])
def test_a_project_that_asks_for_nothing_shares_ours(tmp_path: Path, wanted: str) -> None:
    """And so does one whose App says so, whatever it names."""
    text = OLD if wanted == "shared" else 'predict: "predict.py:Predictor"'
    folder = write_project(tmp_path, cog_yaml=text, predict_py=TELLS)

    python = local_python(read_config(folder / "cog.yaml"), folder, wanted)  # type: ignore[arg-type]  # one of them

    assert python is None


def test_commands_that_are_not_run_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their place, when the environment is made."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = wheel(tmp_path / "wheels", "cowsays")
    text = f"""
        build:
          python_packages: ["{path}"]
          run: ["make install"]
        predict: "predict.py:Predictor"
    """
    folder, said = write_project(tmp_path, cog_yaml=text, predict_py=TELLS), list[str]()

    python = local_python(read_config(folder / "cog.yaml"), folder, progress=said.append)

    assert python is not None
    assert any("cog.yaml:4: not run on this machine: make install" in line for line in said)


@needs_38
@pytest.mark.parametrize(("here", "answer"), [("0", "3.8 moo"), ("1", f"{HERE} moo")])
def test_an_app_serves_with_the_models_python_unless_told_otherwise(
    serve: Serve, tmp_path: Path, here: str, answer: str
) -> None:
    """`COGFAL_HERE` takes the present environment; cog.yaml's variables are there in both."""
    folder = write_project(
        tmp_path,
        cog_yaml=OLD,
        predict_py=TELLS,
        app_py='import cogfal\n\nApp = cogfal.App.from_cog("cog.yaml")\n',
    )

    url = serve("app.py::App", cwd=folder, COGFAL_HERE=here).url

    assert httpx.post(url, json={}).json() == {"output": answer}


IMPORTS = """
    from cog import BasePredictor, Input
    from cowsays import VERSION

    class Predictor(BasePredictor):
        def predict(self, text: str = Input(description=VERSION, default="a" + "b")) -> str:
            return text
"""
READS = app_file('predictor = "predict.py:Predictor"\nread_by_importing = True')


def test_a_signature_is_imported_in_the_models_own_python(tmp_path: Path) -> None:
    """Its packages are there, and nothing of the author's runs in this process."""
    path = wheel(tmp_path / "wheels", "cowsays", "7.0")
    text = f'build: {{python_packages: ["{path}"]}}\npredict: "predict.py:Predictor"\n'
    folder = write_project(tmp_path, cog_yaml=text, predict_py=IMPORTS, app_py=READS)

    (given,) = app_of(folder).project.predictor.inputs

    assert (given.description, given.default) == ("7.0", "ab")
    assert "cowsays" not in sys.modules


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere_to_be_found\n", "nowhere_to_be_found"),
        ("import os\nos._exit(3)\n", "cannot be read by importing"),
        ("class Predictor:\n    pass\n", "predict"),
    ],
)
def test_what_cannot_be_imported_is_told_when_the_class_is_made(
    tmp_path: Path, source: str, words: str
) -> None:
    """With its reference and what to do."""
    folder = write_project(tmp_path, predict_py=source, app_py=READS)

    with pytest.raises(PredictorError, match=words) as raised:
        app_of(folder)

    assert "predict.py" in str(raised.value)


def a_machine(folder: Path, *names: str) -> Path:
    """A list of what is installed, as dpkg keeps it."""
    for name in names:
        (folder / f"{name}.list").touch()
    return folder


def test_what_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    """Versions, architectures and options are not part of a name."""
    here = a_machine(tmp_path, "git", "libgl1:amd64", "libglib2.0-0t64:amd64")
    named = ["git ffmpeg=7:5.1", "libgl1", "--fix-missing", "libtag1-dev>=1.9", "libglib2.0-0"]

    found = install_line(named, installed=here)

    assert found == "sudo apt-get install -y ffmpeg libtag1-dev"
    assert install_line(["git"], installed=here) is None


def test_what_python_packages_load_is_told(tmp_path: Path) -> None:
    """Under Cog its base images have it, so that no author names it."""
    lines = ["opencv_python==4.7", "SoundFile", "-e ./opencv-python", "numpy"]

    found = install_line(["libgl1"], lines, installed=a_machine(tmp_path))

    assert found == "sudo apt-get install -y libgl1 libglib2.0-0 libsndfile1"


def test_another_kind_of_system_is_not_guessed_at(tmp_path: Path) -> None:
    """Where nobody lists Debian's packages, none is said to be missing."""
    assert install_line(["git"], ["soundfile"], installed=tmp_path / "nowhere") is None

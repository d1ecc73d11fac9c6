"""cogfal apps under `fal run --local`: one process, no account, no network."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.local_run import LocalRun
from tests.pictures import data_url, drawn
from tests.project_files import write_project

Serve = Callable[..., LocalRun]

READS_FILES = """
    from pathlib import Path as P
    from cog import BasePredictor
    from helper import shout

    class Predictor(BasePredictor):
        def setup(self):
            self.word = P("./weights.txt").read_text()

        def predict(self, times: int = 1) -> str:
            return shout(self.word) * times
"""
HELPER = """
    import cog

    def shout(word: str) -> str:
        assert cog.Path and cog.BasePredictor
        return word.upper()
"""


def test_siblings_and_relative_paths_are_the_projects(serve: Serve, tmp_path: Path) -> None:
    """The app is served from elsewhere, and predict.py finds its siblings and weights."""
    folder = write_project(
        tmp_path / "project", predict_py=READS_FILES, helper_py=HELPER, weights_txt="moo"
    )

    url = serve(f"{folder}/app.py::App", cwd=tmp_path, anew=True).url

    assert httpx.post(url, json={"times": 2}).json() == {"output": "MOOMOO"}


def test_the_app_may_lie_beside_the_project(serve: Serve, tmp_path: Path) -> None:
    """app.py names a predictor in another directory, which stays the working directory."""
    write_project(
        tmp_path,
        deploy__app_py="""
            import cogfal

            App = cogfal.App.from_cog("../model/cog.yaml")
        """,
        model__cog_yaml='predict: "predict.py:Predictor"',
        model__predict_py=READS_FILES,
        model__helper_py=HELPER,
        model__weights_txt="moo",
    )

    url = serve("app.py::App", cwd=tmp_path / "deploy").url

    assert httpx.post(url, json={}).json() == {"output": "MOO"}


def test_a_wrapped_class_is_served(serve: Serve, tmp_path: Path) -> None:
    """`cogfal.wrap` serves a predictor that app.py has at hand."""
    write_project(
        tmp_path,
        app_py="""
            import cogfal
            from predict import Predictor

            App = cogfal.wrap(Predictor)
        """,
        predict_py="""
            from cogfal import BasePredictor, Input

            class Predictor(BasePredictor):
                def predict(self, x: int = Input(ge=0)) -> int:
                    return x + 1
        """,
    )

    url = serve("app.py::App", cwd=tmp_path).url

    assert httpx.post(url, json={"x": 1}).json() == {"output": 2}
    assert httpx.post(url, json={"x": -1}).status_code == 422


def test_weights_are_handed_to_setup(serve: Serve, tmp_path: Path) -> None:
    """`COG_WEIGHTS` reaches a `setup` that takes weights."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def setup(self, weights):
                    self.weights = weights

                def predict(self) -> str:
                    return str(self.weights)
        """,
    )
    weights = "https://example.com/weights.tar"

    url = serve("app.py::App", cwd=tmp_path, COG_WEIGHTS=weights).url

    assert httpx.post(url, json={}).json() == {"output": weights}


def test_files_are_kept_and_served_without_an_account(serve: Serve, tmp_path: Path) -> None:
    """A picture in a model's field comes back as a URL that opens, byte for byte."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BaseModel, BasePredictor, Path

            class Output(BaseModel):
                same: Path
                size: int

            class Predictor(BasePredictor):
                def predict(self, image: Path) -> Output:
                    return Output(same=image, size=image.stat().st_size)
        """,
    )
    picture = drawn("kept")
    url = serve("app.py::App", cwd=tmp_path).url

    answer = httpx.post(url, json={"image": data_url(picture)}).json()
    downloaded = httpx.get(answer["same"]["url"]).content

    assert answer["size"] == len(picture)
    assert downloaded == picture
    with Image.open(io.BytesIO(downloaded)) as opened:
        assert (answer["same"]["width"], answer["same"]["height"]) == opened.size


def test_an_error_of_the_predictor_is_500_whatever_its_words(serve: Serve, tmp_path: Path) -> None:
    """A message that names CUDA does not look like a broken GPU, which would kill the runner."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self, word: str) -> str:
                    raise ValueError(f"no triton kernel or cuda for {word}")
        """,
    )
    process = serve("app.py::App", cwd=tmp_path)

    answer = httpx.post(process.url, json={"word": "x"})

    assert answer.status_code == 500
    assert "no triton kernel or cuda for x" in answer.text
    process.wait_for("Traceback")


def test_a_module_that_raises_fails_at_setup(serve: Serve, tmp_path: Path) -> None:
    """The author's own traceback is in the log, and no server comes up."""
    write_project(
        tmp_path,
        predict_py="""
            import os
            from cog import BasePredictor

            if os.cpu_count() > 0:  # only the machine that runs it knows
                raise RuntimeError("this GPU is too small")

            class Predictor(BasePredictor):
                def predict(self) -> str:
                    return ""
        """,
    )

    process = serve("app.py::App", cwd=tmp_path)
    status = process.wait()

    assert status != 0
    assert 'raise RuntimeError("this GPU is too small")' in process.output
    assert f":{process.port} (Press CTRL+C to quit)" not in process.output


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "predict.py"),
        ({"predict_py": "class Other: ...\n"}, "Predictor"),
        ({"predict_py": "class Predictor: ...\n"}, "predict.py:1"),
        ({"predict_py": "class Predictor(:\n"}, "predict.py:1"),
        (
            {
                "app_py": 'import cogfal\nApp = cogfal.App.from_cog("cog.yaml")\n',
                "cog_yaml": "build: [\n",
            },
            "cog.yaml:",
        ),
    ],
    ids=["no file", "no class", "no method", "no Python", "no YAML"],
)
def test_a_wrong_reference_fails_when_the_class_is_built(
    serve: Serve, tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    """The command ends and says which file, and where in it."""
    write_project(tmp_path, **files)

    process = serve("app.py::App", cwd=tmp_path)
    status = process.wait()

    assert status != 0
    assert expected in process.output


def test_stopping_is_clean(serve: Serve, tmp_path: Path) -> None:
    """SIGTERM ends the process soon, with nothing of ours in the log."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self) -> str:
                    return ""
        """,
    )
    process = serve("app.py::App", cwd=tmp_path)
    assert httpx.post(process.url, json={}).status_code == 200

    process.stop()

    assert "Application shutdown complete" in process.output
    assert "Traceback" not in process.output

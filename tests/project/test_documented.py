"""The cog.yaml files of Cog's own documentation and of fal's guides, as they stand there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

import cogfal
from cogfal.project.config_reader import read_config
from cogfal.project.plan import plan_environment
from tests.local_run import LocalRun
from tests.project.cases import plan_settings

DOCUMENTED = {
    "readme": """
        build:
          gpu: true
          system_packages:
            - "libgl1-mesa-glx"
            - "libglib2.0-0"
          python_version: "3.12"
          python_packages:
            - "torch==2.3"
        predict: "predict.py:Predictor"
    """,
    "torch": """
        build:
          python_version: "3.11"
          python_packages:
            - "torch==2.0.1"
        predict: "predict.py:Predictor"
    """,
    "resnet": """
        build:
          python_version: "3.11"
          python_packages:
            - pillow==9.5.0
            - tensorflow==2.12.0
        predict: "predict.py:Predictor"
    """,
    "named resnet": """
        build:
          python_version: "3.11"
          python_packages:
            - pillow==9.5.0
            - tensorflow==2.12.0
        predict: "predict.py:Predictor"
        image: "r8.im/replicate/resnet"
    """,
    "notebook": """
        build:
          python_packages:
            - "jupyterlab==3.3.4"
        predict: "predict.py:Predictor"
    """,
    "secret": """
        build:
          run:
            - command: pip install
              mounts:
                - type: secret
                  id: pip
                  target: /etc/pip.conf
        predict: "predict.py:Predictor"
    """,
    "training function": """
        build:
          python_version: "3.10"
        train: "train.py:train"
    """,
    "trainer class": """
        build:
          python_version: "3.10"
        train: "train.py:Trainer"
    """,
    "reference": """
        build:
          python_version: "3.11"
          python_requirements: requirements.txt
          system_packages:
            - "ffmpeg"
            - "git"
        predict: "predict.py:Predictor"
    """,
    "cuda": 'build:\n  cuda: "11.8"\npredict: "predict.py:Predictor"\n',
    "gpu": 'build:\n  gpu: true\npredict: "predict.py:Predictor"\n',
    "git": """
        build:
          system_packages:
            - "git"
          python_requirements: git.txt
        predict: "predict.py:Predictor"
    """,
    "old pins": """
        build:
          python_packages:
            - pillow==8.3.1
            - tensorflow==2.5.0
        predict: "predict.py:Predictor"
    """,
    "patch": 'build:\n  python_version: "3.11.1"\npredict: "predict.py:Predictor"\n',
    "commands": """
        build:
          run:
            - curl -L https://host.invalid/cowsay/v3.7.0.tar.gz | tar -xzf -
            - cd cowsay-3.7.0 && make install
        predict: "predict.py:Predictor"
    """,
    "system packages": """
        build:
          system_packages:
            - "ffmpeg"
            - "libavcodec-dev"
        predict: "predict.py:Predictor"
    """,
    "concurrency": 'concurrency:\n  max: 10\npredict: "predict.py:Predictor"\n',
    "image": 'image: "r8.im/your-username/your-model"\npredict: "predict.py:Predictor"\n',
    "fal's guide": """
        build:
          python_version: "3.11"
          python_packages:
            - torch==2.1.0
            - diffusers==0.30.0
            - transformers
            - accelerate
          gpu: true
        predict: "predict.py:Predictor"
    """,
    "requirements": """
        build:
          python_requirements: requirements.txt
        predict: "predict.py:Predictor"
    """,
    "python": 'build:\n  python_version: "3.11"\npredict: "predict.py:Predictor"\n',
    "predict": 'predict: "predict.py:Predictor"\n',
    "python 3.8": """
        build:
          python_version: "3.8"
          python_packages:
            - "torch==1.8.0"
        predict: "predict.py:Predictor"
    """,
}
FILES = {
    "predict.py": """
        from cog import BasePredictor, Input

        class Predictor(BasePredictor):
            async def predict(self, text: str = Input(default="x")) -> str:
                return text
    """,
    "train.py": """
        from cog import BasePredictor, File
        import io

        def train(param: str) -> File:
            return io.StringIO("hello " + param)

        class Trainer:
            def setup(self) -> None:
                self.base_model = None

            def train(self, param: str) -> File:
                return io.StringIO("hello " + param)
    """,
    "requirements.txt": "torch==2.0.1\n",
    "git.txt": "git+https://host.invalid/transformers@2d1602a\n",
}


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A project with the documented cog.yaml of that name."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(dedent(text))
    (tmp_path / "cog.yaml").write_text(dedent(DOCUMENTED[request.param]))
    return tmp_path


@pytest.mark.parametrize("project", DOCUMENTED, indirect=True)
def test_an_app_is_built_from_it(project: Path) -> None:
    """Whatever Python and pins it asks for; what it serves has its own schema."""
    app = cogfal.App.from_cog(str(project / "cog.yaml"))

    assert app.machine_type


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("project", DOCUMENTED, indirect=True)
def test_the_python_that_deploys_does_not_matter(project: Path, python: str) -> None:
    """Fal's process has it, and the model the one of cog.yaml."""
    config = read_config(project / "cog.yaml")

    plan = plan_environment(config, project, plan_settings(client_python=python))

    asked = config.build.python_version
    if asked is not None and not f"{asked}.".startswith(f"{python}."):
        assert plan.decision.own
        assert plan.model is not None
        assert plan.model.python == asked
    if plan.decision.own:
        assert plan.python_version == python


@pytest.mark.parametrize("project", ["training function"], indirect=True)
def test_a_project_that_only_trains_is_served(
    project: Path, serve: Callable[..., LocalRun]
) -> None:
    """Fal's endpoint trains, and so does Cog's."""
    (project / "app.py").write_text("import cogfal\nApp = cogfal.App.from_cog('cog.yaml')\n")
    running = serve("app.py::App", cwd=project)

    answer = httpx.post(running.url, json={"param": "x"}).json()["output"]
    trained = httpx.post(f"{running.url}/trainings", json={"input": {"param": "y"}}).json()

    assert httpx.get(answer["url"]).text == "hello x"
    assert httpx.get(trained["output"]).text == "hello y"

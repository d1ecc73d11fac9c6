"""`cogfal check`: everything that can be known before deploying."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cogfal.cli.check import check_examples
from cogfal.cli.console import Sign
from cogfal.examples import EXAMPLES, ExamplesError
from cogfal.reading import read_predictor
from cogfal.spec import PredictorSpec
from tests.cli.conftest import Cogfal


def test_a_good_project_passes(cogfal: Cogfal) -> None:
    """Missing credentials are a note, not an error."""
    cogfal("migrate")

    ended = cogfal("check")

    assert ended.status == 0
    assert "✓ predict.py:Greets: 3 inputs read" in ended.err
    assert "✓ train.py:train: 1 input read" in ended.err
    assert "! there are no fal credentials here" in ended.err


def test_credentials_are_found(cogfal: Cogfal) -> None:
    """A key in the environment is one."""
    assert "✓ fal credentials are there" in cogfal("check", FAL_KEY="a:b").err


def test_credentials_are_those_that_fal_finds(cogfal: Cogfal, tmp_path: Path) -> None:
    """A key of the chosen profile, in the file that fal is told of, is one."""
    config = tmp_path / "config.toml"
    config.write_text('[__internal__]\nprofile = "work"\n[work]\nkey = "a:b"\n[home]\n')

    work = cogfal("check", FAL_CONFIG_PATH=str(config))
    home = cogfal("check", FAL_CONFIG_PATH=str(config), FAL_PROFILE="home")

    assert "✓ fal credentials are there" in work.err
    assert "! there are no fal credentials here" in home.err


def test_what_is_no_key_is_told_apart_from_the_answer(cogfal: Cogfal) -> None:
    """What fal says of it is no part of the JSON."""
    ended = cogfal("check", "--json", FAL_KEY="no-key")

    assert "there are no fal credentials here" in str(json.loads(ended.out))
    assert "Invalid key format" in ended.err


def test_what_an_app_prints_is_told_apart_from_the_answer(cogfal: Cogfal, project: Path) -> None:
    """Its words are no part of what a command answers."""
    cogfal("migrate")
    with (project / "app.py").open("a") as file:
        file.write('print("mine")\n')

    for command in (["check", "--json"], ["schema"]):
        ended = cogfal(*command)

        json.loads(ended.out)
        assert "mine" in ended.err


def test_every_mistake_is_found_in_one_go(cogfal: Cogfal, project: Path) -> None:
    """One error does not hide the next; each has its line and remedy."""
    (project / "predict.py").write_text(
        "from cog import BasePredictor, Input\n"
        "class Greets(BasePredictor):\n"
        "    def predict(self, x: int = Input(default=compute())) -> str:\n"
        "        return ''\n"
    )

    ended = cogfal("check", "--json")

    findings = json.loads(ended.out)
    errors = [finding for finding in findings if finding["status"] == "error"]
    assert ended.status == 1
    assert [finding["where"] for finding in errors] == ["predict.py:3", None]
    assert [finding["what"] for finding in errors][1] == "there is no app.py"
    assert all(finding["remedy"] for finding in errors)


def test_every_outcome_of_a_check_can_be_json(cogfal: Cogfal, project: Path) -> None:
    """A cog.yaml that cannot be read, too."""
    (project / "cog.yaml").write_text("a: [")

    ended = cogfal("check", "--json")

    assert ended.status == 1
    (found,) = json.loads(ended.out)
    assert found["status"] == "error"
    assert found["where"].startswith("cog.yaml")


def test_where_there_is_no_project_nothing_else_is_said(cogfal: Cogfal, project: Path) -> None:
    """No plan is made of a directory that holds neither cog.yaml nor a predictor."""
    (project / "empty").mkdir()

    found = json.loads(cogfal("check", "empty", "--json").out)

    assert [each["what"] for each in found] == ["there is no cog.yaml and no predict.py"]


def test_what_is_safe_is_mended(cogfal: Cogfal, project: Path) -> None:
    """app.py and .dockerignore are written where they are missing, and nothing else is touched."""
    before = {path: path.read_text() for path in project.iterdir()}

    ended = cogfal("doctor", "--fix")

    assert ended.status == 0, ended.err
    assert {path.name for path in project.iterdir()} - {path.name for path in before} == {
        "app.py",
        ".dockerignore",
    }
    assert {path: path.read_text() for path in before} == before


APP = """\
import cogfal


class App(cogfal.App):
    predictor = "predict.py:{name}"
    machine_type = "GPU-H100"
    requirements = [{requirements}]
    secrets = ["HF_TOKEN"]


class Other(cogfal.App):
    predictor = "predict.py:Copies"
"""


def _checked(
    cogfal: Cogfal, project: Path, *arguments: str, name: str = "Greets", requirements: str = ""
) -> list[dict[str, str]]:
    """Check a project with two Apps and return the findings that are not good."""
    (project / "app.py").write_text(APP.format(name=name, requirements=requirements))
    found: list[dict[str, str]] = json.loads(cogfal("check", "--json", *arguments).out)
    return [finding for finding in found if "credentials" not in finding["what"]]


LARGEST = ", ".join(
    [
        "the largest: predict.py (2.3 kB)",
        "app.py (217 bytes)",
        "cog.yaml (109 bytes)",
        "train.py (56 bytes)",
    ]
)


def test_a_check_follows_the_app(cogfal: Cogfal, project: Path) -> None:
    """Its predictor, its machine, its secrets."""
    found = _checked(cogfal, project, "app.py::App")

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    good = [finding["what"] for finding in found if finding["status"] == "ok"]
    assert good == [
        "predict.py:Greets: 3 inputs read",
        "train.py:train: 1 input read",
        f"virtualenv, Python {python}, machine GPU-H100",
        "environment: shared (nothing that it asks for contradicts fal's packages)",
        "4 files, 2.7 kB, go to the runner",
        LARGEST,
        "app.py::App: machine_type 'GPU-H100', secrets ['HF_TOKEN']",
    ]
    assert [finding["what"] for finding in found if finding["status"] != "ok"] == [
        "the App names the secret HF_TOKEN, which is not set here"
    ]


def test_what_deploying_fixes_is_told(cogfal: Cogfal, project: Path) -> None:
    """A variable that decides the signature, and a secret that the build reads."""
    (project / "cog.yaml").write_text(
        "build:\n  run:\n    - command: make\n      mounts:\n"
        "        - {type: secret, id: token, target: /run/secrets/token}\n"
        "predict: predict.py:P\n"
    )
    (project / "predict.py").write_text(
        "import os\nclass P:\n    def predict(self, style: str = os.environ['STYLE']) -> str: ...\n"
    )

    ended = cogfal("check", STYLE="ink")

    assert "its signature depends on STYLE as set here" in ended.err
    assert "the build reads the secret token from fal's" in ended.err
    assert "set it once with `fal secrets set " in ended.err


def test_an_apps_own_image_is_what_is_checked(cogfal: Cogfal, project: Path) -> None:
    """No environment is planned beside it."""
    (project / "app.py").write_text(
        "import cogfal\nfrom fal.container import ContainerImage\n\n\n"
        "class App(cogfal.App):\n    predictor = 'predict.py:Greets'\n"
        "    image = ContainerImage.from_dockerfile_str('FROM python:3.11')\n"
    )

    ended = cogfal("check", "app.py::App")

    assert ended.status == 0, ended.err
    assert "✓ the App's own image, machine " in ended.err
    assert "environment:" not in ended.err


def test_several_apps_are_to_be_told_apart(cogfal: Cogfal, project: Path) -> None:
    """The mistake is found, and cog.yaml's predictor is looked at all the same."""
    found = _checked(cogfal, project)

    errors = [finding for finding in found if finding["status"] == "error"]
    assert [error["what"] for error in errors] == ["there are 2 Apps: App, Other"]
    assert found[0]["what"] == "predict.py:Greets: 3 inputs read"


@pytest.mark.parametrize(
    ("app", "where", "what"),
    [
        pytest.param({"name": "Nope"}, "predict.py", "has no Nope", id="predictor"),
        pytest.param({"requirements": "'pydantic<2'"}, "app.py", "pydantic<2 contra", id="pins"),
        pytest.param({"requirements": "unknown"}, "app.py:7", "NameError: name", id="python"),
    ],
)
def test_an_apps_mistake_is_told_once(
    cogfal: Cogfal, project: Path, app: dict[str, str], where: str, what: str
) -> None:
    """With its place; the steps that it does not concern go on."""
    found = _checked(cogfal, project, "app.py::App", **app)

    (error,) = [finding for finding in found if finding["status"] == "error"]
    assert error["where"] == where
    assert error["what"].startswith(what)
    assert error["remedy"]
    assert any(finding["status"] == "ok" for finding in found)


def test_somebody_elses_app_file_is_not_run(cogfal: Cogfal, project: Path) -> None:
    """An app.py that knows nothing of cogfal is an error of its own."""
    (project / "app.py").write_text("raise SystemExit('run')\n")

    ended = cogfal("check")

    assert ended.status == 1
    assert "app.py has no App of cogfal's" in ended.err


def test_another_python_is_the_models_own(cogfal: Cogfal, project: Path) -> None:
    """It stops nobody from deploying, and the reason is told."""
    (project / "cog.yaml").write_text(
        'build:\n  python_version: "3.9"\npredict: "predict.py:Greets"\n'
    )
    cogfal("migrate")

    found = json.loads(cogfal("check", "--json").out)

    told = [each["what"] for each in found if each["what"].startswith("environment: own")]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert told == [f"environment: own (it wants Python 3.9, and the App travels from {here})"]
    assert "error" not in {each["status"] for each in found}


def test_a_default_that_does_not_fit_is_a_warning(cogfal: Cogfal, project: Path) -> None:
    """Cog takes it as it is, and so does cogfal."""
    (project / "predict.py").write_text(
        "from cog import BasePredictor, Input\n"
        "class Greets(BasePredictor):\n"
        "    def predict(\n"
        "        self,\n"
        "        a: int = Input(default='x'),\n"
        "        b: float = Input(default=1, ge=0),\n"
        "        c: int = Input(default=20, le=10),\n"
        "        d: int = Input(default=None),\n"
        "    ) -> str: ...\n"
    )
    cogfal("migrate")

    found = json.loads(cogfal("check", "--json").out)

    told = {each["where"]: each["status"] for each in found if "default of" in each["what"]}
    assert told == {"predict.py:5": "warning", "predict.py:7": "warning"}


def test_concurrency_without_async_is_told(cogfal: Cogfal, project: Path) -> None:
    """In the migration's report, by the check, and when the App is made."""
    with (project / "cog.yaml").open("a") as file:
        file.write("concurrency:\n  max: 4\n")
    text = "one prediction at a time, as the predictor is not async"

    report = json.loads(cogfal("migrate", "--json").out)["report"]
    checked = cogfal("check")
    made = cogfal("predict", "-i", "name=Ada")

    assert [line["what"] for line in report if line["key"] == "concurrency.max"] == [text]
    assert f"! cog.yaml:8: concurrency.max: {text}" in checked.err
    assert f"cogfal: cog.yaml:8: concurrency.max: {text}" in made.err


PREDICT = """
from cog import BasePredictor, Input, Path

class Predictor(BasePredictor):
    def predict(self, prompt: str, image: Path = None, steps: int = Input(default=1, le=9)) -> str:
        return prompt
"""
FIT = """
- {name: one, input: {prompt: "@@home", image: "@a.png"}}
- {name: two, input: {prompt: x, steps: 9}}
"""
UNFIT = """
- {name: strange, input: {prompt: x, stepz: 3}}
- {name: too many, input: {prompt: x, steps: 10}}
- {name: nothing, input: {}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> PredictorSpec:
    """The predictor of a project that has a picture."""
    (tmp_path / "predict.py").write_text(PREDICT)
    (tmp_path / "a.png").write_bytes(b"")
    return read_predictor("predict.py:Predictor", tmp_path)


def test_examples_that_fit_are_counted(tmp_path: Path, spec: PredictorSpec) -> None:
    """Files are there, and values are what a caller could send."""
    (tmp_path / EXAMPLES).write_text(FIT)

    (found,) = check_examples(tmp_path, spec)

    assert found.mark is Sign.GOOD
    assert found.what == "examples.yaml: 2 examples fit"


def test_each_mistake_is_told_with_its_example(tmp_path: Path, spec: PredictorSpec) -> None:
    """An input that there is not, a value out of bounds, and one that is missing."""
    (tmp_path / EXAMPLES).write_text(UNFIT)

    found = list(check_examples(tmp_path, spec))

    assert {each.mark for each in found} == {Sign.BAD}
    assert [(each.where, each.what) for each in found] == [
        ("examples.yaml, strange", "there is no input stepz"),
        ("examples.yaml, too many", "steps: Input should be less than or equal to 9"),
        ("examples.yaml, nothing", "prompt: Field required"),
    ]


def test_a_file_that_is_missing_is_told(tmp_path: Path, spec: PredictorSpec) -> None:
    """As whatever else is wrong with the file itself."""
    (tmp_path / EXAMPLES).write_text('- {name: one, input: {image: "@b.png"}}\n')

    with pytest.raises(ExamplesError, match=r"b\.png"):
        list(check_examples(tmp_path, spec))


def test_a_project_without_examples_is_not_spoken_of(tmp_path: Path, spec: PredictorSpec) -> None:
    """They are no duty."""
    assert list(check_examples(tmp_path, spec)) == []

"""The commands that make, read and describe a project."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import tomli

from tests.cli.conftest import Cogfal

FAKE_FAL = f"""#!{sys.executable}
import sys
print("fal", *sys.argv[1:])
sys.exit(3)
"""


def test_a_new_project_runs(cogfal: Cogfal, project: Path) -> None:
    """What `init` writes is checked and predicted without an edit."""
    made = cogfal("init", "new")

    assert made.status == 0
    assert sorted(path.name for path in (project / "new").iterdir()) == [
        ".dockerignore",
        "app.py",
        "cog.yaml",
        "predict.py",
        "requirements.txt",
    ]
    assert cogfal("check", "new").status == 0
    assert cogfal("predict", "-C", "new", "-i", "name=Ada").out == "Hello, Ada!\n"


def test_an_existing_project_is_left_alone(cogfal: Cogfal, project: Path) -> None:
    """`init` says what is there, and what adds to it."""
    before = {path: path.read_bytes() for path in project.iterdir()}

    ended = cogfal("init")

    assert ended.status == 1
    assert "cog.yaml, predict.py" in ended.err
    assert "cogfal migrate" in ended.err
    assert {path: path.read_bytes() for path in project.iterdir()} == before


def test_migrating_writes_the_app_and_reports(cogfal: Cogfal, project: Path) -> None:
    """Every setting and every input is told, with its line."""
    ended = cogfal("migrate")

    assert ended.status == 0
    assert (project / "app.py").read_text() == (
        'import cogfal\n\nApp = cogfal.App.from_cog("cog.yaml")\n'
    )
    assert "build.python_version cog.yaml:2" in ended.out
    assert "times" in ended.out
    assert "integer, default 1, 1 to 3" in ended.out


def test_a_project_without_cog_yaml_names_its_predictor(cogfal: Cogfal, project: Path) -> None:
    """The App says what cog.yaml would have said."""
    (project / "cog.yaml").unlink()
    (project / "predict.py").write_text(
        "class Predictor:\n    def predict(self, x: int = 1) -> int:\n        return x\n"
    )

    cogfal("migrate")

    assert 'predictor = "predict.py:Predictor"' in (project / "app.py").read_text()


def test_an_app_is_replaced_only_when_told(cogfal: Cogfal, project: Path) -> None:
    """Without a terminal to ask on, it stays; `--yes` replaces it."""
    app = project / "app.py"
    app.write_text("# mine\n")

    kept, kept_text = cogfal("migrate"), app.read_text()
    replaced = cogfal("migrate", "--yes")

    assert (kept.status, kept_text) == (1, "# mine\n")
    assert "--yes replaces it" in kept.err
    assert replaced.status == 0
    assert "from_cog" in app.read_text()


def test_an_app_may_stand_beside_another(cogfal: Cogfal, project: Path) -> None:
    """Where app.py is somebody else's; the usual name is found, another is named."""
    (project / "app.py").write_text("# a demo\n")

    other = cogfal("migrate", "-o", "other_app.py")
    usual = cogfal("migrate", "-o", "fal_app.py")

    assert "cogfal check other_app.py" in other.err
    assert "Next: cogfal check, then fal run --local fal_app.py::App" in usual.err
    assert cogfal("check", "other_app.py").status == cogfal("check").status == 0
    assert (project / "app.py").read_text() == "# a demo\n"


@pytest.mark.parametrize("command", [("migrate", "--yes", "--pyproject"), ("doctor", "--fix")])
def test_a_predictor_in_app_py_stays_there(
    cogfal: Cogfal, project: Path, command: tuple[str, ...]
) -> None:
    """Its App goes into a file beside it, which every command finds."""
    text = "from cog import BasePredictor\n\nclass Predictor(BasePredictor):\n"
    text += "    def predict(self, name: str) -> str:\n        return name.upper()\n"
    (project / "app.py").write_text(text)
    (project / "cog.yaml").write_text("predict: app.py:Predictor\n")

    cogfal(*command)
    (project / "fal_app.py").write_text(
        (project / "fal_app.py").read_text().replace('"cog.yaml"', '"cog.yaml", output_name="loud"')
    )

    assert (project / "app.py").read_text() == text
    assert "output_name 'loud'" in cogfal("check").err
    assert cogfal("predict", "-i", "name=ada").out == "ADA\n"
    if "--pyproject" in command:
        assert 'ref = "fal_app.py::App"' in (project / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("predictor", "trainer", "output"),
    [
        pytest.param("app.py", "fal_app.py", (), id="both names are taken"),
        pytest.param("fal_app.py", "train.py", ("-o", "fal_app.py"), id="named"),
        pytest.param("fal_app.py", "train.py", ("-o", "x/../fal_app.py"), id="another spelling"),
        pytest.param("app.py", "fal_app.py", ("-o", "link.py"), id="a link"),
    ],
)
def test_the_authors_code_is_replaced_by_no_app(
    cogfal: Cogfal, project: Path, predictor: str, trainer: str, output: tuple[str, ...]
) -> None:
    """However its file is named; where no name is left, another is asked for."""
    (project / "x").mkdir()
    (project / predictor).write_text((project / "predict.py").read_text())
    (project / trainer).write_text((project / "train.py").read_text())
    (project / "link.py").symlink_to(predictor)
    text = f"predict: {predictor}:Greets\ntrain: {trainer}:train\n"
    (project / "cog.yaml").write_text(text)
    before = {path.name: path.read_bytes() for path in project.glob("*.py")}

    ended = cogfal("migrate", "--yes", *output)

    assert ended.status == 1
    assert "name another file with `cogfal migrate -o FILE`" in ended.err
    assert {path.name: path.read_bytes() for path in project.glob("*.py")} == before


def test_the_file_of_the_predictor_is_known_by_any_spelling(cogfal: Cogfal, project: Path) -> None:
    """The App goes beside it then."""
    text = (project / "predict.py").read_text()
    (project / "app.py").write_text(text)
    (project / "cog.yaml").write_text("predict: app.py:Greets\n")

    ended = cogfal("migrate", "--yes", "-o", "./app.py")

    assert "./app.py holds Greets, so the App goes into fal_app.py" in ended.err
    assert (project / "app.py").read_text() == text
    assert "from_cog" in (project / "fal_app.py").read_text()


def test_migrating_keeps_what_was_made_here(cogfal: Cogfal, project: Path) -> None:
    """A project without a .dockerignore gets one; an existing one stays."""
    (project / "output.0.png").write_text("old")
    (project / "output.py").write_text("")
    cogfal("migrate")
    written = (project / ".dockerignore").read_text()

    checked = cogfal("check").err
    (project / ".dockerignore").write_text("mine")
    cogfal("migrate")

    assert "output.*" in written
    assert re.search(r"✓ 5 files, [\d.]+ kB, go to the runner", checked)  # not the picture
    assert (project / ".dockerignore").read_text() == "mine"


@pytest.mark.parametrize(
    ("directory", "given", "name"),
    [("My Model.v2", (), "my-model-v2"), ("other", ("a.b c",), "a.b c")],
)
def test_a_pyproject_entry_is_toml_whatever_the_name(
    directory: str, given: tuple[str, ...], name: str, cogfal: Cogfal, project: Path
) -> None:
    """A directory's name becomes one of fal's, and any other is quoted."""
    root = project / directory
    root.mkdir()
    (root / "predict.py").write_text((project / "predict.py").read_text())
    (root / "cog.yaml").write_text('predict: "predict.py:Greets"\n')

    cogfal("migrate", str(root), "--pyproject", *given)

    written = tomli.loads((root / "pyproject.toml").read_text())
    assert list(written["tool"]["fal"]["apps"]) == [name]


def test_a_pyproject_entry_is_added_once(cogfal: Cogfal, project: Path) -> None:
    """What the file says already stays; a second entry of the name is refused."""
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n')

    first = cogfal("migrate", "--pyproject", "my-model")
    second = cogfal("migrate", "--pyproject", "my-model")

    text = (project / "pyproject.toml").read_text()
    assert first.status == 0
    assert text.startswith('[project]\nname = "x"\n')
    assert text.count('[tool.fal.apps.my-model]\nref = "app.py::App"') == 1
    assert second.status == 1
    assert "has an entry for my-model already" in second.err


def test_a_report_can_be_json(cogfal: Cogfal) -> None:
    """For programs: settings and inputs."""
    report = json.loads(cogfal("migrate", "--json").out)

    assert report["inputs"]["name"] == "string, required"
    assert "kept" in {line["status"] for line in report["report"]}


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


@pytest.mark.parametrize("command", ["check", "migrate", "schema", "dockerfile", "predict"])
def test_a_broken_cog_yaml_is_told_with_its_line(
    cogfal: Cogfal, project: Path, command: str
) -> None:
    """Every command that reads it says the same."""
    (project / "cog.yaml").write_text("build:\n  gpu: maybe\n")

    ended = cogfal(command)

    assert ended.status == 1
    assert "cog.yaml:2" in ended.err
    assert "remedy" in ended.err
    assert "Traceback" not in ended.err


def test_the_document_is_printed(cogfal: Cogfal) -> None:
    """One document has Cog's schemas and fal's typed door."""
    document = json.loads(cogfal("schema").out)

    assert list(document["components"]["schemas"]["Input"]["properties"]) == [
        "name",
        "times",
        "tags",
    ]
    assert {"/", "/predictions", "/trainings"} <= set(document["paths"])


def test_the_document_is_the_apps(cogfal: Cogfal, project: Path) -> None:
    """Its predictor and the name of its output; a predictor may be named instead."""
    (project / "app.py").write_text(
        "import cogfal\n"
        "class App(cogfal.App):\n"
        '    predictor = "predict.py:Copies"\n'
        '    output_name = "image"\n'
    )

    served = json.loads(cogfal("schema").out)
    named = json.loads(cogfal("schema", "--ref", "predict.py:Greets").out)

    assert list(served["components"]["schemas"]["Input"]["properties"]) == ["source"]
    assert '"image"' in json.dumps(served["paths"]["/"]) + json.dumps(served["components"])
    assert "name" in named["components"]["schemas"]["Input"]["properties"]


def test_cogs_schemas_can_be_had_alone(cogfal: Cogfal) -> None:
    """As `components.schemas` of Cog's document."""
    schemas = json.loads(cogfal("schema", "--components").out)

    assert {"Input", "Output", "TrainingInput", "TrainingOutput"} <= set(schemas)


def test_a_dockerfile_is_printed(cogfal: Cogfal) -> None:
    """Also where fal would not need one, which is said."""
    ended = cogfal("dockerfile")

    assert ended.out.startswith("FROM ")
    assert "needs no image" in ended.err


def _with_fal(project: Path, tmp_path: Path) -> str:
    """Put a `fal` on the PATH that tells what it was called with."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "fal").write_text(FAKE_FAL)
    (bin_ / "fal").chmod(0o755)
    return str(bin_)


def test_deploying_checks_and_hands_over(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """What `--` is given to fal, and its status is the command's."""
    cogfal("migrate")
    path = _with_fal(project, tmp_path)

    ended = cogfal("deploy", "--", "--auth", "public", PATH=path, FAL_KEY="x:y")

    assert ended.out == "fal deploy app.py::App --auth public\n"
    assert ended.status == 3


def test_an_app_of_pyproject_is_the_one_that_is_checked(
    cogfal: Cogfal, project: Path, tmp_path: Path
) -> None:
    """Its file, whatever else is there; a name that is none is told."""
    (project / "app.py").write_text("# a demo\n")
    cogfal("migrate", "-o", "fal_app.py", "--pyproject", "painter")
    path = _with_fal(project, tmp_path)

    known, unknown = (
        cogfal("deploy", each, PATH=path, FAL_KEY="x:y") for each in ("painter", "nope")
    )

    assert known.out == "fal deploy painter\n", known.err
    assert unknown.status == 1
    assert "pyproject.toml names no app nope; it has painter" in unknown.err


def test_what_has_errors_is_not_deployed(cogfal: Cogfal, project: Path, tmp_path: Path) -> None:
    """The errors are told, and fal is not called."""
    path = _with_fal(project, tmp_path)

    ended = cogfal("deploy", PATH=path, FAL_KEY="x:y")

    assert ended.status == 1
    assert "there is no app.py" in ended.err
    assert "fal deploy" not in ended.out


def test_without_an_account_nothing_is_looked_at(cogfal: Cogfal) -> None:
    """One line says what makes one."""
    ended = cogfal("deploy")

    assert ended.status == 1
    assert ended.err == (
        "error: deploying needs an account of fal's, and there is none here: `fal auth login`, or "
        "set FAL_KEY\n"
    )


@pytest.mark.parametrize("command", ["predict", "check", "dockerfile", "schema", "migrate"])
def test_an_empty_directory_is_no_project(cogfal: Cogfal, project: Path, command: str) -> None:
    """Every command says what makes one, and writes nothing."""
    for path in project.iterdir():
        path.unlink()

    ended = cogfal(command)

    assert ended.status == 1
    assert "there is no cog.yaml and no predict.py" in ended.err
    assert "cogfal init" in ended.err
    assert ended.out == ""
    assert list(project.iterdir()) == []


def test_what_travels_is_told_and_what_looks_unintended(cogfal: Cogfal, project: Path) -> None:
    """The largest first; -v lists all."""
    for name in ("train.log", "photo.png", ".env.local", "a.txt", "b.txt"):
        (project / name).write_text(name)
    (project / "large.bin").write_bytes(bytes(10_000))
    (project / "out" / "1").mkdir(parents=True)
    for name in ("results.jsonl", "1/voice.txt"):
        (project / "out" / name).write_text("")

    short, whole = cogfal("check"), cogfal("check", "-v")

    assert "the largest: large.bin (10.0 kB), predict.py" in short.err
    assert "more (-v lists all)" in short.err
    assert all(name in whole.err for name in ("a.txt (5 bytes)", "b.txt (5 bytes)"))
    assert "logs go along: train.log" in short.err
    assert "inputs or results go along: out/1/voice.txt, out/results.jsonl, photo.png" in short.err
    assert "secrets, by their name, go along: .env.local" in short.err


def test_every_outcome_of_a_check_can_be_json(cogfal: Cogfal, project: Path) -> None:
    """A cog.yaml that cannot be read, too."""
    (project / "cog.yaml").write_text("a: [")

    ended = cogfal("check", "--json")

    assert ended.status == 1
    (found,) = json.loads(ended.out)
    assert found["status"] == "error"
    assert found["where"].startswith("cog.yaml")


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


def test_the_app_can_be_written_to_stdout(cogfal: Cogfal, project: Path) -> None:
    """`migrate -o -` writes nothing else, and no file."""
    ended = cogfal("migrate", "-o", "-")

    assert ended.out == 'import cogfal\n\nApp = cogfal.App.from_cog("cog.yaml")\n'
    assert not (project / "app.py").exists()


MISSING = {
    "a module": ("import cv2", "cog.yaml:3 asks for opencv-python==4.1"),
    "a module that nobody names": ("import nowhere", "name nowhere under build.python_packages"),
    "a program": (
        "import subprocess; subprocess.run(['nosuchprogram'])",
        "cog.yaml:5 asks for it; here `apt-get install nosuchprogram` brings it",
    ),
}


@pytest.mark.parametrize(("code", "remedy"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_named_with_its_line(
    cogfal: Cogfal, project: Path, code: str, remedy: str
) -> None:
    """The package's line of cog.yaml, and what installs it."""
    (project / "cog.yaml").write_text(
        "build:\n  python_packages:\n    - opencv-python==4.1\n  system_packages:\n"
        "    - nosuchprogram\npredict: predict.py:P\n"
    )
    (project / "predict.py").write_text(
        f"from cog import BasePredictor\n{code}\n"
        "class P(BasePredictor):\n    def predict(self) -> str:\n        return ''\n"
    )

    ended = cogfal("predict", "--here")

    assert ended.status == 1
    assert remedy in ended.err

"""`cogfal init` and `cogfal migrate`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import tomli

from tests.cli.conftest import Cogfal


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


def test_a_report_is_whole_on_a_narrow_terminal(cogfal: Cogfal, project: Path) -> None:
    """A long word goes on in the next line, and no title is broken."""
    image = "your-name/" + "x" * 60
    (project / "cog.yaml").write_text(
        f'image: "{image}"\n'
        'build: {gpu: true, cuda: "12.1", python_version: "3.11"}\n'
        'predict: "predict.py:Many"\n'
    )

    ended = cogfal("migrate", COLUMNS="60")

    words = "".join(ended.out.split())
    assert "…" not in ended.out
    assert "cudnn8-devel-ubuntu22.04" in words
    assert "\npredict.py:Many\nno inputs\n" in ended.out


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


def test_the_app_can_be_written_to_stdout(cogfal: Cogfal, project: Path) -> None:
    """`migrate -o -` writes nothing else, and no file."""
    ended = cogfal("migrate", "-o", "-")

    assert ended.out == 'import cogfal\n\nApp = cogfal.App.from_cog("cog.yaml")\n'
    assert not (project / "app.py").exists()

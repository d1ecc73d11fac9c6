"""Files and images that an App names itself, beside those of its project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fal.api import Options
from fal.file_sync import FileSync, FileSyncOptions

from cogfal.errors import SettingError
from tests.project_files import write_project
from tests.test_app import ECHO, app_file, app_of

CONTAINER = 'build: {system_packages: ["ffmpeg"]}\npredict: "predict.py:Predictor"\n'


def build(folder: Path, body: str, **files: str) -> Any:
    """Make an App of that body beside a predictor."""
    text = "from fal.container import ContainerImage\n" + app_file(
        f'predictor = "predict.py:Predictor"\n{body}'
    )
    return app_of(write_project(folder, predict_py=ECHO, app_py=text, **files))


def uploaded(app: Any, folder: Path) -> set[str]:
    """Return the paths that fal would give the app's files below /app, or in a build context."""
    host = app.host_kwargs
    image = host.get("image")
    kind = {"kind": "container", "image": image.to_dict()} if image else {"kind": "virtualenv"}
    options = FileSyncOptions.from_options(Options(host=host, environment=kind))
    sync = FileSync(str(folder / "app.py"), credentials=object())
    found = sync.collect_files(
        options.files_list, options.files_context_dir, files_ignore=options.files_ignore
    )
    return {each.relative_path for each in found}


def test_files_of_the_app_come_in_addition(tmp_path: Path) -> None:
    """The project's travel as ever, and what is named although .dockerignore leaves it out."""
    app = build(
        tmp_path,
        'app_files = ["data"]',
        data__x_txt="x",
        other__y_txt="y",
        helper_py="",
        _dockerignore="data\nother\n",
        data___env="SECRET=1",
    )

    files = uploaded(app, tmp_path)

    assert {"predict.py", "helper.py", "data/x.txt"} <= files
    assert not files & {"other/y.txt", "data/.env"}


def test_what_the_app_ignores_stays_in_addition(tmp_path: Path) -> None:
    """The project's own rules go on holding, so that no secret travels."""
    app = build(
        tmp_path,
        r'app_files_ignore = [r"\.bin$"]',
        a_bin="",
        secret_txt="",
        _dockerignore="secret.txt\n",
        _env="KEY=1",
    )

    files = uploaded(app, tmp_path)

    assert "predict.py" in files
    assert not files & {"a.bin", "secret.txt", ".env"}


def test_a_context_above_the_project_keeps_the_predictor_in_reach(tmp_path: Path) -> None:
    """The project is then below the directory where fal puts the files, and is found there."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "words.txt").write_text("moo")
    folder = tmp_path / "model"

    app = build(
        folder,
        'app_files = ["shared"]\napp_files_context_dir = ".."',
        secret_txt="",
        _dockerignore="secret.txt\n",
    )

    assert app.project.runner_root == "/app/model"
    assert uploaded(app, folder) >= {"model/predict.py", "shared/words.txt"}
    assert "model/secret.txt" not in uploaded(app, folder)


def test_files_beside_the_project_move_the_context(tmp_path: Path) -> None:
    """A path of the App's that is not in the project travels with the layout kept."""
    text = app_file('predictor = "../model/predict.py:Predictor"\napp_files = ["data"]')
    write_project(
        tmp_path,
        model__predict_py=ECHO,
        model__cog_yaml="predict: predict.py:Predictor",
        deploy__app_py=text,
        deploy__data__x_txt="",
    )

    app = app_of(tmp_path / "deploy")

    assert app.project.runner_root == "/app/model"
    assert uploaded(app, tmp_path / "deploy") >= {"model/predict.py", "deploy/data/x.txt"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('app_files = ["data"]', "which is not there"),
        ('app_files_context_dir = "data"', "does not hold the project"),
    ],
)
def test_paths_that_cannot_be_meant_are_refused(tmp_path: Path, body: str, words: str) -> None:
    """When the class is made."""
    with pytest.raises(SettingError, match=words):
        build(tmp_path, body)


def test_kind_container_makes_the_image(tmp_path: Path) -> None:
    """With the project's files in it, those the App names too, and no app_files beside it."""
    app = build(
        tmp_path, 'kind = "container"\napp_files = ["data"]', data__x_txt="", _dockerignore="data\n"
    )

    assert app.host_kwargs["kind"] == "container"
    assert "COPY" in app.host_kwargs["image"].dockerfile_str
    assert uploaded(app, tmp_path) >= {"predict.py", "data/x.txt"}


def test_what_the_app_ignores_stays_out_of_an_image(tmp_path: Path) -> None:
    """In the notation of a .dockerignore."""
    app = build(tmp_path, r'app_files_ignore = [r"\.bin$"]', a_bin="", b_txt="", cog_yaml=CONTAINER)

    files = uploaded(app, tmp_path)

    assert {"predict.py", "b.txt"} <= files
    assert "a.bin" not in files


def test_build_settings_reach_a_generated_image(tmp_path: Path) -> None:
    """Arguments, registries and compression; the credentials stay on this machine."""
    import cloudpickle

    app = build(
        tmp_path,
        'build_args = {"A": "1"}\ncompression = "zstd"\n'
        'registries = {"r.example": {"username": "me", "password": "hush"}}',
        cog_yaml=CONTAINER,
    )

    image = app.host_kwargs["image"]
    assert (image.build_args, image.compression) == ({"A": "1"}, "zstd")
    assert image.registries["r.example"]["password"] == "hush"
    assert b"hush" not in cloudpickle.dumps(app)


@pytest.mark.parametrize(
    ("dockerfile", "added"),
    [
        ("FROM python:3.11", "\nWORKDIR /app\nCOPY . .\n"),
        ("FROM python:3.11\nWORKDIR /srv\n", "\nWORKDIR /srv\nCOPY . .\n"),
        ("FROM python:3.11\nCOPY requirements.txt .", "\nWORKDIR /app\nCOPY . .\n"),
        ("FROM python:3.11\nCOPY . /srv", None),
        ("FROM python:3.11\nCOPY *.py /srv/", None),
        ("FROM python:3.11\nADD predict.py helper.py /srv/", None),
    ],
)
def test_an_image_without_the_predictor_gets_it(
    tmp_path: Path, dockerfile: str, added: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so."""
    body = (
        f"image = ContainerImage.from_dockerfile_str({dockerfile!r}, context_dir={str(tmp_path)!r})"
    )

    app = build(tmp_path, body, requirements_txt="", secret_txt="", _dockerignore="secret.txt\n")

    text = app.host_kwargs["image"].dockerfile_str
    assert text.endswith(added) if added else text == dockerfile
    assert ("copies no predict.py" in capsys.readouterr().err) is (added is not None)
    if added:
        assert "predict.py" in uploaded(app, tmp_path)
        assert "secret.txt" not in uploaded(app, tmp_path)
    assert app.project.runner_root == "."


def test_an_image_of_another_folder_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it copies from there is its author's, and nothing could be added to it."""
    (tmp_path / "elsewhere").mkdir()
    text = "FROM python:3.11\nCOPY model /srv\n"
    place = str(tmp_path / "elsewhere")
    body = f"image = ContainerImage.from_dockerfile_str({text!r}, context_dir={place!r})"

    app = build(tmp_path / "project", body)

    assert app.host_kwargs["image"].dockerfile_str == text
    assert "copies no" not in capsys.readouterr().err


def test_an_image_takes_no_files_from_outside_of_the_project(tmp_path: Path) -> None:
    """It is built of the project alone; the error names the file."""
    (tmp_path / "shared").mkdir()
    body = 'app_files = ["shared"]\napp_files_context_dir = ".."'

    with pytest.raises(SettingError, match=r"app_files names .*shared, and an image is built of"):
        build(tmp_path / "project", body, cog_yaml=CONTAINER)


def test_examples_that_cannot_be_read_leave_the_app_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are no part of what is served; what is wrong with them is said."""
    app = build(tmp_path, "", examples_yaml="- {name: [")

    assert app.project.examples == ()
    assert "examples.yaml" in (said := capsys.readouterr().err)
    assert "the app has no examples" in said

"""Settings of an App: one object made of them, and what is said of those that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import cloudpickle
import pytest

from cogfal.app_making.settings_validation import nearly_machine
from cogfal.errors import SettingError
from cogfal.settings import NAMES, AppSettings, Settings
from cogfal.spec import Weight
from tests.project_files import write_project
from tests.test_app import ECHO, app_file, app_of


def build(folder: Path, body: str, header: str = "class App(cogfal.App):") -> Any:
    """Make an App of that body, with a predictor."""
    text = app_file(f'predictor = "predict.py:Predictor"\n{body}', header)
    return app_of(write_project(folder, predict_py=ECHO, app_py=text))


def test_each_setting_stands_in_one_section() -> None:
    """The object holds every attribute that an App can set, once."""
    sections = AppSettings()

    held = [name for section in sections for name in section._fields if name in NAMES]

    assert sorted(held) == sorted(get_type_hints(Settings))


def test_a_class_is_read_into_sections_once(tmp_path: Path) -> None:
    """What the class says, fal's concurrency included, is in the object that serves it."""
    body = "queue_limit = 7\noutput_name = 'image'\nfile_cache = '/data/x'\nmax_multiplexing = 3"

    settings = build(tmp_path, body).checked_settings

    assert (settings.engine.queue_limit, settings.engine.max_concurrency) == (7, 3)
    assert settings.host.output_name == "image"
    assert settings.files.file_cache == "/data/x"
    assert settings.declared.predictor == "predict.py:Predictor"


def test_what_a_class_says_of_files_reaches_where_it_acts(tmp_path: Path) -> None:
    """The limits of a request's files, and what the runner sets and fetches."""
    body = (
        "download_timeout = 7.0\nmax_files = 2\nmax_file_bytes = 3\nmax_request_bytes = 4\n"
        "data_cache = '/data/mine'\nweights = {'a.bin': 'https://files.example/a'}"
    )

    app = build(tmp_path, body)

    limits = app.checked_settings.file_limits
    assert (limits.max_files, limits.max_file_bytes, limits.max_request_bytes) == (2, 3, 4)
    assert limits.total_seconds == 7
    assert dict(app.project.caches)["HF_HOME"] == "/data/mine/huggingface"
    assert app.project.weights == (("a.bin", Weight("https://files.example/a")),)


def test_the_settings_travel(tmp_path: Path) -> None:
    """They are part of what is pickled."""
    settings = build(tmp_path, "weights = {'a.bin': 'https://files.example/a'}").checked_settings

    again = cloudpickle.loads(cloudpickle.dumps(settings))

    assert again == settings


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("isolat = True", ["no setting 'isolat'", "did you mean 'isolate'"]),
        ("keepalive = 5", ["no setting 'keepalive'", "did you mean 'keep_alive'"]),
        ("queu_limit = 10", ["no setting 'queu_limit'", "did you mean 'queue_limit'"]),
        ("machinetype = 'M'", ["did you mean 'machine_type'"]),
        ("output_place = ['/data']", ["did you mean 'output_places'"]),
        ("queue_limit = -1", ["queue_limit is -1", "greater than or equal to 0"]),
        ("queue_limit = True", ["queue_limit is True", "integer"]),
        ("keep_alive = -4", ["keep_alive is -4", "greater than or equal to 0"]),
        ("max_multiplexing = '4'", ["max_multiplexing is '4'", "integer"]),
        ("max_multiplexing = 0", ["max_multiplexing is 0", "greater than 0"]),
        ("isolate_grace = 'x'", ["isolate_grace is 'x'", "number"]),
        ("stuck_after = float('nan')", ["stuck_after is nan"]),
        ("timings = 'yes'", ["timings is 'yes'", "boolean"]),
        ("max_file_bytes = -5", ["max_file_bytes is -5"]),
        ("files = 'cdn'", ["files is 'cdn'", '"fal", "local", "in_memory"', "FileRepository"]),
        ("files = 'locl'", ["did you mean 'local'"]),
        ("environment = 'shard'", ["did you mean 'shared'", "'auto', 'shared' or 'own'"]),
        ("kind = 'containr'", ["did you mean 'container'"]),
        ("app_auth = 'publik'", ["did you mean 'public'"]),
        ("machine_type = 'GPU-H1000'", ["did you mean 'GPU-H100'"]),
        ("machine_type = ['GPU-A100', 'gpu-h100']", ["did you mean 'GPU-H100'"]),
        ("gpu_machine_type = 'GPUH200'", ["did you mean 'GPU-H200'"]),
        ("machine_type = 4", ["machine_type is 4", "string"]),
        ("output_places = '/data'", ["output_places is '/data'", "a list of strings"]),
        ("exclude = '*.bin'", ["exclude is '*.bin'", "a list of strings"]),
        ("secrets = 'TOKEN'", ["secrets is 'TOKEN'", "list"]),
        ("requirements = 'numpy'", ["requirements is 'numpy'", "list"]),
        ("output_places = ['/data', 3]", ["string at [1]"]),
        ("weights = ['a.bin']", ["weights is ['a.bin']", "dictionary"]),
        ("build_secrets = {'a': 3}", ["build_secrets is {'a': 3}", "string"]),
        ("output_name = None", ["output_name is None", "string"]),
    ],
)
def test_wrong_settings_are_told_when_the_class_is_made(
    tmp_path: Path, line: str, words: list[str]
) -> None:
    """With their line, and the nearest name or what is allowed."""
    with pytest.raises(SettingError) as raised:
        build(tmp_path, line)

    text = str(raised.value)
    assert text.startswith("app.py:6: ")
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    "line",
    [
        "machine_type = 'GPU-H300'",
        "machine_type = ['GPU-B300', 'GPU-L40S', 'XXL']",
        "isolate_grace = 3",
        "files = type('Repository', (), {'save_file': None})()",
        "weights = {'a.bin': 'https://files.example/a'}",
        "steps = 20",
        "model_name = 'sd'",
        "styles = {'a': 1}",
        "_isolat = True",
        "output_places = ('/data',)",
        "def isolated(self): return 1",
        "keepalives = staticmethod(len)",
        "keep_alive = 0",
        "num_gpus = None",
    ],
)
def test_what_is_right_or_an_authors_own_passes(tmp_path: Path, line: str) -> None:
    """Types of machines that fal adds tomorrow, further stores, and attributes of an author's."""
    assert build(tmp_path, line).project is not None


def test_a_base_class_without_a_predictor_is_checked(tmp_path: Path) -> None:
    """What several Apps share is wrong where it is written."""
    project = write_project(tmp_path, app_py=app_file("keepalive = 5"))

    with pytest.raises(SettingError, match=r"app\.py:5: .*keep_alive"):
        app_of(project)


def test_a_wrong_keyword_is_told_with_its_line(tmp_path: Path) -> None:
    """The keywords of `from_cog`, `wrap` and the class statement are settings, too."""
    text = "import cogfal\n\nApp = cogfal.App.from_cog(\n    num_gpus=1,\n    keep_alive=-1,\n)\n"
    config = 'predict: "predict.py:Predictor"'
    project = write_project(tmp_path / "call", predict_py=ECHO, cog_yaml=config, app_py=text)

    with pytest.raises(SettingError, match=r"app\.py:5: keep_alive is -1"):
        app_of(project)
    with pytest.raises(SettingError, match=r"app\.py:4: .*'max_multiplexing'"):
        build(tmp_path / "class", "", "class App(cogfal.App, max_multiplexin=3):")


@pytest.mark.parametrize("name", ["source", "extra_packages", "imported_on_runner"])
def test_what_cogfal_keeps_on_its_classes_is_no_setting(tmp_path: Path, name: str) -> None:
    """Nobody may give it, and no slip is taken for it."""
    for given in (name, name[:-1]):
        text = f"import cogfal\n\nApp = cogfal.App.from_cog({given}=1)\n"
        config = 'predict: "predict.py:Predictor"'
        project = write_project(tmp_path / given, predict_py=ECHO, cog_yaml=config, app_py=text)

        with pytest.raises(SettingError, match=f"there is no setting '{given}'") as raised:
            app_of(project)
        assert repr(name) not in (raised.value.remedy or "")


@pytest.mark.parametrize(
    ("setting", "name"), [("isolate=True", "isolate"), ("environment='own'", "environment")]
)
def test_a_predictor_of_the_apps_own_file_has_no_process_of_its_own(
    tmp_path: Path, setting: str, name: str
) -> None:
    """It travels with the App, so there is no file that another interpreter could import."""
    text = f"""
        import cogfal

        class Shouter:
            def predict(self, text: str) -> str:
                return text.upper()

        App = cogfal.wrap(Shouter, {setting})
    """
    project = write_project(tmp_path, app_py=text)

    with pytest.raises(SettingError, match=f"leave {name} out"):
        app_of(project)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GPU-H1000", "GPU-H100"),
        ("GPU-H010", "GPU-H100"),
        ("GPU_H100", "GPU-H100"),
        ("GUP-H100", "GPU-H100"),
        ("gpu-a6000", "GPU-A6000"),
        ("xl", "XL"),
        ("GPU-H100", None),
        ("GPU-H400", None),
        ("GPU-X1", None),
        ("TPU-V7", None),
    ],
)
def test_slips_in_machine_types(name: str, meant: str | None) -> None:
    """Another number or family may be a type of tomorrow; the rest is a slip."""
    assert nearly_machine(name) == meant

"""App classes: what they take from a project, what they refuse, what fal's CLI sees of them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import fal
import pytest
from fal.app import wrap_app

from cogfal.errors import ConfigError, PredictorError, ProjectError, SettingError
from cogfal.fal_files import choose_store
from tests.project_files import write_project

ECHO = """
    from cog import BasePredictor, Input

    class Predictor(BasePredictor):
        def predict(self, text: str = Input(description="Anything")) -> str:
            return text
"""
TOKENS = """
    from cog import BasePredictor, ConcatenateIterator, concurrent

    class Predictor(BasePredictor):
        @concurrent(max=7)
        async def predict(self, text: str) -> ConcatenateIterator[str]:
            yield text
"""
PICTURE = """
    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        def predict(self) -> Path:
            return Path("x.png")
"""
CONFIG = """
    build:
      python_packages: ["numpy==2.1.0"]
    image: "r8.im/somebody/my-model"
    predict: "predict.py:Predictor"
"""


def app_of(folder: Path, name: str = "App", file: str = "app.py") -> Any:
    """Run an app file as fal does and return its class."""
    return runpy.run_path(str(folder / file))[name]


def app_file(body: str, header: str = "class App(cogfal.App):") -> str:
    """Write an app file with a class of that body."""
    return f"import cogfal\n\n\n{header}\n    " + body.replace("\n", "\n    ") + "\n"


def test_an_app_is_a_fal_app(tmp_path: Path) -> None:
    """Fal's CLI finds and wraps it like any other."""
    project = write_project(tmp_path, predict_py=ECHO)

    app = app_of(project)

    assert issubclass(app, fal.App)
    assert wrap_app(app).app_name == "app"


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("class PictureMaker(cogfal.App):", "", "picture-maker"),
        ("class PictureMaker(cogfal.App, name='pictures'):", "", "pictures"),
        ("class PictureMaker(cogfal.App):", "app_name = 'by-attribute'\n", "by-attribute"),
    ],
    ids=["from the class", "keyword", "attribute"],
)
def test_the_app_name_is_the_class_own(
    tmp_path: Path, header: str, body: str, expected: str
) -> None:
    """Fal's rule holds, although the library's base class has a name too."""
    text = app_file(body + 'predictor = "predict.py:Predictor"', header)
    project = write_project(tmp_path, predict_py=ECHO, app_py=text)

    assert app_of(project, "PictureMaker").app_name == expected


def test_from_cog_takes_everything_from_cog_yaml(tmp_path: Path) -> None:
    """Predictor, requirements and name are the project's."""
    text = (
        "import cogfal\n\n"
        "App = cogfal.App.from_cog('cog.yaml', machine_type='GPU-H100', num_gpus=2)\n"
    )
    project = write_project(tmp_path, predict_py=ECHO, cog_yaml=CONFIG, app_py=text)

    app = app_of(project)

    assert app.num_gpus == 2
    assert app.app_name == "my-model"
    assert app.requirements == ["numpy==2.1.0"]
    assert app.machine_type == "GPU-H100"
    assert app.project.predictor.ref == "predict.py:Predictor"


def test_from_cog_without_an_image_is_named_after_its_directory(tmp_path: Path) -> None:
    """The directory's name is made one that fal takes."""
    text = "import cogfal\n\nApp = cogfal.App.from_cog()\n"
    folder = tmp_path / "Big Model_2"
    write_project(folder, predict_py=ECHO, cog_yaml='predict: "predict.py:Predictor"', app_py=text)

    assert app_of(folder).app_name == "big-model-2"


def test_attributes_of_the_class_win_over_cog_yaml(tmp_path: Path) -> None:
    """A class that names its requirements gets those, and what cogfal needs."""
    text = app_file('predictor = "predict.py:Predictor"\nrequirements = ["scipy", "Pillow==11.0"]')
    project = write_project(tmp_path, predict_py=PICTURE, cog_yaml=CONFIG, app_py=text)

    assert app_of(project).requirements == ["scipy", "Pillow==11.0"]


def test_layers_of_requirements_stay_layers(tmp_path: Path) -> None:
    """What cogfal needs becomes a layer of its own."""
    text = app_file('predictor = "predict.py:Predictor"\nrequirements = [["torch"], ["xformers"]]')
    project = write_project(tmp_path, predict_py=PICTURE, app_py=text)

    assert app_of(project).requirements == [["torch"], ["xformers"], ["pillow"]]


def test_pillow_is_needed_only_where_an_output_may_hold_a_file(tmp_path: Path) -> None:
    """Nothing else of cogfal's looks at pictures."""
    text = write_project(tmp_path / "text", predict_py=ECHO)
    picture = write_project(tmp_path / "picture", predict_py=PICTURE)

    assert app_of(text).requirements == []
    assert app_of(picture).requirements == ["pillow"]


def test_a_subclass_inherits_what_its_base_asked_for(tmp_path: Path) -> None:
    """The base's own requirements and files are its wishes, not what became of them."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = (
        app_file(
            'predictor = "predict.py:Predictor"\nrequirements = ["scipy"]\napp_files = ["data"]',
            f"class Small(cogfal.App, python_version='{python}'):",
        )
        + '\n\nclass Big(Small):\n    machine_type = "GPU-H100"\n'
    )
    project = write_project(tmp_path, predict_py=ECHO, app_py=text, data__x_txt="")

    big = app_of(project, "Big")

    assert big.requirements == ["scipy"]
    assert big.host_kwargs["python_version"] == python


def test_settings_of_fal_reach_fal(tmp_path: Path) -> None:
    """Every kind of fal.App setting is where fal looks for it."""
    text = app_file(
        'predictor = "predict.py:Predictor"\nrequest_timeout = 30\nmin_concurrency = 2\n'
        'secrets = ["TOKEN"]\nkeep_alive = 300',
        "class App(cogfal.App, max_multiplexing=3):",
    )
    project = write_project(tmp_path, predict_py=ECHO, app_py=text)

    host = wrap_app(app_of(project)).options.host

    assert host["request_timeout"] == 30
    assert host["min_concurrency"] == 2
    assert host["secrets"] == ["TOKEN"]
    assert host["keep_alive"] == 300
    assert host["max_multiplexing"] == 3


def test_an_async_predictor_sets_how_many_requests_fal_sends(tmp_path: Path) -> None:
    """`@concurrent(max=7)` becomes fal's max_multiplexing."""
    project = write_project(tmp_path, predict_py=TOKENS)

    assert wrap_app(app_of(project)).options.host["max_multiplexing"] == 7


def test_a_subclass_of_an_app_keeps_its_predictor(tmp_path: Path) -> None:
    """The second class changes one setting; what came from cog.yaml is not held against it."""
    text = (
        app_file('predictor = "predict.py:Predictor"', "class Small(cogfal.App):")
        + '\n\nclass Big(Small):\n    machine_type = "GPU-H100"\n'
    )
    project = write_project(tmp_path, predict_py=ECHO, cog_yaml=CONFIG, app_py=text)

    big = app_of(project, "Big")

    assert big.app_name == "big"
    assert big.machine_type == "GPU-H100"
    assert big.requirements == ["numpy==2.1.0"]
    assert big.project.predictor.name == "Predictor"


def test_an_app_may_lie_in_another_directory(tmp_path: Path) -> None:
    """The project is where cog.yaml is, and its files travel from there."""
    text = app_file('predictor = "../model/src/predict.py:Predictor"')
    write_project(
        tmp_path, model__src__predict_py=ECHO, model__cog_yaml=CONFIG, deploy__app_py=text
    )

    app = app_of(tmp_path / "deploy")

    assert app.project.root == str(tmp_path / "model")
    assert app.project.predictor.path == "src/predict.py"
    assert app.app_files_context_dir == str(tmp_path / "model")


def test_nothing_of_the_author_is_executed(tmp_path: Path) -> None:
    """A module that writes a file on import makes an App with its whole schema, and no file."""
    witness = tmp_path / "witness"
    effect = f"import pathlib\npathlib.Path({str(witness)!r}).write_text('ran')\n"
    project = write_project(tmp_path, predict_py=effect + ECHO.replace("\n    ", "\n"))

    metadata = app_of(project).build_metadata()

    assert "text" in metadata["openapi"]["components"]["schemas"]["Input"]["properties"]
    assert not witness.exists()


def test_the_endpoints_are_those_the_predictor_has_a_use_for(tmp_path: Path) -> None:
    """Iterator outputs have a stream, others do not; neither has a trainer here."""
    plain = write_project(tmp_path / "plain", predict_py=ECHO)
    tokens = write_project(tmp_path / "tokens", predict_py=TOKENS)

    routes = [
        {signature.path for signature in app_of(each)(_allow_init=True).collect_routes()}
        for each in (plain, tokens)
    ]

    assert routes[0] == {"/", "/cancel", "/health"}
    assert routes[1] == {"/", "/cancel", "/health", "/stream", "/stream/cancel"}


def test_own_endpoints_stand_beside(tmp_path: Path) -> None:
    """An endpoint that the App's author adds is served and described."""
    text = (
        "import fal\n"
        + app_file('predictor = "predict.py:Predictor"')
        + '\n    @fal.endpoint("/about")\n    def about(self) -> dict:\n        return {}\n'
    )
    project = write_project(tmp_path, predict_py=ECHO, app_py=text)

    paths = app_of(project).build_metadata()["openapi"]["paths"]

    assert {"/", "/about", "/predictions"} <= set(paths)


def test_one_document_serves_both_readers(tmp_path: Path) -> None:
    """Fal's typed endpoint and Cog's components stand in one document, with fal's order marks."""
    project = write_project(tmp_path, predict_py=ECHO)

    document = app_of(project).build_metadata()["openapi"]

    body = document["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/PredictInput"}
    assert document["components"]["schemas"]["Input"]["properties"]["text"]["x-order"] == 0
    assert document["x-fal-order-paths"][0] == "/"


@pytest.mark.parametrize(
    ("predictor", "error", "words"),
    [
        ("missing.py:Predictor", PredictorError, ["missing.py", "relative to the App's file"]),
        ("predict.py:Missing", PredictorError, ["predict.py", "Missing"]),
        ("predict.py:Empty", PredictorError, ["predict.py:9", "predict"]),
    ],
    ids=["no such file", "no such class", "no predict method"],
)
def test_wrong_references_fail_when_the_class_is_made(
    tmp_path: Path, predictor: str, error: type[ProjectError], words: list[str]
) -> None:
    """The error says what, where and what to do."""
    text = app_file(f'predictor = "{predictor}"')
    source = ECHO + "\n\n    class Empty:\n        pass\n"
    project = write_project(tmp_path, predict_py=source, app_py=text)

    with pytest.raises(error) as raised:
        app_of(project)

    assert all(word in str(raised.value) for word in words)


def test_an_unreadable_cog_yaml_fails_when_the_class_is_made(tmp_path: Path) -> None:
    """The line is named."""
    project = write_project(tmp_path, predict_py=ECHO, cog_yaml="build:\n  gpu: [\n")

    with pytest.raises(ConfigError, match=r"cog\.yaml:\d+"):
        app_of(project)


def test_a_cog_yaml_without_a_predictor_is_refused(tmp_path: Path) -> None:
    """from_cog needs `predict`."""
    text = "import cogfal\n\nApp = cogfal.App.from_cog()\n"
    project = write_project(tmp_path, cog_yaml="build: {gpu: true}", app_py=text)

    with pytest.raises(SettingError, match="names no predictor"):
        app_of(project)


def test_unknown_settings_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    """A typing error does not pass unnoticed."""
    text = "import cogfal\n\nApp = cogfal.App.from_cog(machine_typ='GPU-H100')\n"
    project = write_project(tmp_path, predict_py=ECHO, cog_yaml=CONFIG, app_py=text)

    with pytest.raises(SettingError, match="did you mean 'machine_type'"):
        app_of(project)


def test_an_app_without_a_project_says_so(tmp_path: Path) -> None:
    """A base class is fine; serving it is not."""
    text = app_file("keep_alive = 300")
    project = write_project(tmp_path, app_py=text)

    with pytest.raises(Exception, match="OpenAPI") as raised:
        app_of(project).build_metadata()

    assert "names no predictor" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("output", "setting", "travels"),
    [
        ("str", "", False),
        ("Path", "", True),
        ("Any", "", True),
        ("Path", "files = 'in_memory'", False),
        ("str", "files = 'fal'", True),
    ],
)
def test_the_stores_of_fal_travel_where_files_may_need_them(
    tmp_path: Path, output: str, setting: str, *, travels: bool
) -> None:
    """They are as large as all the rest, and text needs none of them."""
    text = ECHO.replace("-> str", f"-> {output}").replace(
        "from cog", "from typing import Any\n    from cog import Path\n    from cog", 1
    )
    project = write_project(
        tmp_path, predict_py=text, app_py=app_file(f'predictor = "predict.py:Predictor"\n{setting}')
    )

    assert (app_of(project).choose_store is choose_store) is travels


def test_wrap_reads_a_class_at_hand(tmp_path: Path) -> None:
    """A predictor of the App's own file becomes an App named after it."""
    text = """
        import cogfal
        from cogfal import BasePredictor, Input

        class Shouter(BasePredictor):
            def predict(self, text: str = Input(max_length=5)) -> str:
                return text.upper()

        App = cogfal.wrap(Shouter, requirements=["numpy"])
    """
    project = write_project(tmp_path, app_py=text)

    app = app_of(project)

    assert app.app_name == "shouter"
    assert app.requirements == ["numpy"]
    assert app.project.predictor.inputs[0].max_length == 5


def test_a_cog_yaml_that_names_no_file_says_on_which_line(tmp_path: Path) -> None:
    """The line of `predict` is named."""
    text = "import cogfal\n\nApp = cogfal.App.from_cog()\n"
    config = 'build: {gpu: false}\npredict: "model.py:Predictor"\n'
    project = write_project(tmp_path, cog_yaml=config, app_py=text)

    with pytest.raises(ConfigError, match=r"cog\.yaml:2: there is no file model\.py"):
        app_of(project)


def test_a_regex_that_is_none_fails_when_the_class_is_made(tmp_path: Path) -> None:
    """Nobody has to deploy to learn of it."""
    source = ECHO.replace('description="Anything"', 'regex="("')
    project = write_project(tmp_path, predict_py=source)

    with pytest.raises(PredictorError, match="regex"):
        app_of(project)

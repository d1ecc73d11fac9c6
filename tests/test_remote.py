"""cogfal apps on a fresh runner, through fal's own command line.

The client has fal and cogfal, editable or from a wheel, and nothing that the predictors import.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.interpreters import INTERPRETERS
from tests.loopback import Loopback
from tests.pictures import data_url, drawn
from tests.project import test_image_commands
from tests.project_files import write_project
from tests.virtualenvs import ROOT, environment

pytestmark = pytest.mark.timeout(900)

needs_rapidocr = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="rapidocr-onnxruntime needs Python before 3.13"
)
OCR = ROOT / "examples" / "ocr"
OLD_PINS = ROOT / "examples" / "old-pins"
EXAMPLES = sorted(
    path.parent.name
    for path in (ROOT / "examples").glob("*/cog.yaml")
    if not (path.parent / "Dockerfile").exists()
)
RAISES = """
    import os
    from cog import BasePredictor, Input

    if os.cpu_count() > 0:  # only the machine that runs it knows
        raise RuntimeError("this GPU is too small")

    class Predictor(BasePredictor):
        def predict(self, prompt: str = Input(description="Anything")) -> str:
            return prompt
"""
ECHOES = """
    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        def setup(self):
            assert Path("/src").samefile("/app")

        def predict(self, image: Path, check: bool = False) -> Path:
            if check and not image.read_bytes().startswith(b"\\x89PNG"):
                raise ValueError("not a CUDA picture")
            return image
"""


@pytest.fixture(params=[False, True], ids=["editable", "wheel"])
def client(request: pytest.FixtureRequest) -> Path:
    """The Python of a client environment."""
    return environment(wheel=request.param)


@pytest.fixture
def editable() -> Path:
    """The Python of a client environment with an editable cogfal."""
    return environment()


@needs_rapidocr
def test_run_serves_a_model_that_the_client_does_not_have(cloud: Loopback, client: Path) -> None:
    """The OCR example reads a drawn text on a runner that has only what it asked for."""
    picture = drawn("Served by fal 2026")
    with cloud.fal("run", "app.py::App", cwd=OCR, python=client, anew=True) as process:
        answer = httpx.post(process.url, json={"image": data_url(picture)}, timeout=120).json()
        annotated = httpx.get(answer["annotated"]["url"]).content

    installed = set(re.findall(r"([\w-]+)==", "".join(cloud.logs)))
    assert answer["text"] == "Served by fal 2026"
    assert answer["boxes"][0]["score"] > 0.9
    assert Image.open(io.BytesIO(annotated)).size == (720, 160)
    assert "onnxruntime" in installed
    assert not installed & {"fal", "cogfal", "cog", "coglet", "rich"}


SHOWS = """
    import cogfal
    import fal
    import uvicorn
    from fastapi import Request

    class App(cogfal.App):
        predictor = "predict.py:Predictor"
        requirements = ["httptools"]

        @fal.endpoint("/shown")
        def shown(self, request: Request) -> dict:
            app = request.app
            return {
                "routes": {each.path: type(each).__name__ for each in app.routes},
                "middlewares": [each.cls.__name__ for each in app.user_middleware],
                "parser": uvicorn.config.HTTP_PROTOCOLS["auto"].rpartition(":")[2],
            }
"""


def test_a_runner_serves_as_light_as_this_machine(
    cloud: Loopback, editable: Path, tmp_path: Path
) -> None:
    """What stands between the parser and cogfal's endpoints is the same; so is the parser."""
    folder = write_project(tmp_path, app_py=SHOWS, predict_py=ECHOES)

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        answer = httpx.post(f"{process.url}/shown", timeout=120).json()

    kinds = {path: answer["routes"][path] for path in ("/", "/cancel", "/predictions", "/shown")}
    assert "httptools" in "".join(cloud.logs)
    assert kinds == dict.fromkeys(kinds, "PlainRoute") | {"/shown": "APIRoute"}
    assert {"DispatchMiddleware", "RequestMetrics", "PlainRoutes"} <= set(answer["middlewares"])
    assert not {"BaseHTTPMiddleware", "PrometheusMiddleware"} & set(answer["middlewares"])
    assert answer["parser"] == "H11Protocol"


@pytest.mark.skipif("3.8" not in INTERPRETERS, reason="there is no Python 3.8")
def test_a_runner_makes_the_models_own_environment(
    cloud: Loopback, editable: Path, tmp_path: Path
) -> None:
    """Two environments serve: fal's, which the model does not see, and the one of cog.yaml."""
    text = """
        import cogfal

        App = cogfal.App.from_cog("cog.yaml", kind="virtualenv")
    """
    files = {name: (OLD_PINS / name).read_text() for name in ("cog.yaml", "predict.py")}
    folder = write_project(tmp_path, app_py=text)
    for name, content in files.items():
        (folder / name).write_text(content)

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        answer = httpx.post(process.url, json={"size": 30}, timeout=120).json()

    installed = set(re.findall(r"([\w-]+)==", "".join(cloud.logs)))
    assert answer["versions"] == {"pydantic": "1.10.13", "pillow": "9.5.0", "fastapi": "0.98.0"}
    assert answer["picture"]["width"] == 30
    assert not installed & {"fal", "cogfal", "cog", "coglet", "rich"}


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """Where a Dockerfile is carried out; what lies there is found as it would be in an image."""
    root, python = tmp_path / "image", Path("/opt/python")
    test_image_commands.base(root)
    if os.path.lexists(python) or not os.access("/", os.W_OK):
        pytest.skip(f"{python} cannot be created")
    python.symlink_to(f"{root}{python}")
    yield root
    python.unlink()


def test_what_a_generated_dockerfile_makes_serves(
    editable: Path, tmp_path: Path, image: Path
) -> None:
    """Its own commands make the model's environment, and a prediction is made with that."""
    project = write_project(
        tmp_path / "project", app_py='import cogfal\n\nApp = cogfal.App.from_cog("cog.yaml")\n'
    )
    test_image_commands.planned(project, *test_image_commands.CUDA)
    (project / "predict.py").write_text(
        test_image_commands.PREDICTOR.replace("gamma", "beta")  # of a layer of the App's own
    )

    def build(dockerfile: str) -> Path:
        test_image_commands.build(dockerfile, project, image)
        return image / "src"

    with (
        Loopback(image=build) as cloud,
        cloud.fal("run", "app.py::App", cwd=project, python=editable) as process,
    ):
        answer = httpx.post(process.url, json={}, timeout=120).json()

    expected = f"{test_image_commands.OTHER} 1.0 1.0 yes /opt/python/bin/python"
    assert answer == {"output": expected}


@needs_rapidocr
def test_deploy_registers_the_typed_app(cloud: Loopback, client: Path) -> None:
    """Its schema, machine, requirements and files are what the project says."""
    with cloud.fal("deploy", "app.py::App", cwd=OCR, python=client, anew=True) as process:
        process.succeed()

    (registered,) = cloud.registrations
    schemas = registered.openapi["components"]["schemas"]
    body = registered.openapi["paths"]["/"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert registered.machine["machine_types"] == ["M"]
    assert "rapidocr-onnxruntime==1.4.4" in registered.requirements
    assert {"predict.py"} <= set(registered.files)
    assert list(schemas[name]["x-fal-order-properties"]) == ["image", "minimum_score"]
    assert schemas[name]["properties"]["minimum_score"]["maximum"] == 1
    assert "/predictions" in registered.openapi["paths"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_deploys(editable: Path, name: str) -> None:
    """An unedited Cog project becomes a typed app, with its own file among the app's files."""
    with (
        Loopback(build=False) as cloud,
        cloud.fal("deploy", "app.py::App", cwd=OCR.parent / name, python=editable) as process,
    ):
        process.succeed()

    (registered,) = cloud.registrations
    assert any(Path(file).name == "predict.py" for file in registered.files)
    assert "requestBody" in registered.openapi["paths"]["/"]["post"]


def test_a_dockerfile_of_the_project_is_kept(editable: Path) -> None:
    """The image is the author's, its COPY finds the project, and the app is typed as any other.

    fal takes the directory in which it was imported for the context.
    """
    folder = OCR.parent / "dockerfile"

    with (
        Loopback(build=False) as cloud,
        cloud.fal("deploy", "app.py::App", cwd=folder, python=editable, anew=True) as process,
    ):
        process.succeed()

    (registered,) = cloud.registrations
    assert "requestBody" in registered.openapi["paths"]["/"]["post"]
    assert registered.kind == "container"
    assert (folder / "Dockerfile").read_text() in registered.image["dockerfile_str"]
    assert "predict.py" in registered.files


def test_a_module_that_raises_on_import_still_deploys(
    cloud: Loopback, editable: Path, tmp_path: Path
) -> None:
    """Nothing of the author's runs on the client."""
    folder = write_project(tmp_path, predict_py=RAISES)

    with cloud.fal("deploy", "app.py::App", cwd=folder, python=editable) as process:
        process.succeed()

    assert len(cloud.registrations) == 1


def test_a_module_that_raises_on_import_fails_on_the_runner(
    cloud: Loopback, editable: Path, tmp_path: Path
) -> None:
    """It fails at setup, with its own traceback in the log."""
    folder = write_project(tmp_path, predict_py=RAISES)

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        process.wait()
    cloud.wait_until_idle()

    assert any('raise RuntimeError("this GPU is too small")' in line for line in cloud.logs)


def test_the_request_is_visible_to_uploads(cloud: Loopback, editable: Path, tmp_path: Path) -> None:
    """Files are delivered with the caller's request id and lifecycle preference."""
    folder = write_project(tmp_path, predict_py=ECHOES)
    preference = '{"expiration_duration_seconds": 60}'

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        answer = httpx.post(
            process.url,
            json={"image": data_url(drawn("echo"))},
            headers={"x-fal-object-lifecycle-preference": preference, "x-fal-request-id": "r1"},
        ).json()

    (upload,) = cloud.uploads
    assert answer["output"]["url"] == upload.url
    assert answer["output"]["width"] == 720
    assert upload.content == drawn("echo")
    assert upload.headers["content-type"] == "image/png"
    assert upload.headers["x-fal-request-id"] == "r1"
    assert upload.headers["x-fal-object-lifecycle"] == preference


def test_the_callers_upload_policy_is_obeyed(
    cloud: Loopback, editable: Path, tmp_path: Path
) -> None:
    """Files go to the bucket that the caller's policy names, not to the CDN."""
    folder = write_project(tmp_path, predict_py=ECHOES)
    policy = {"url": "https://bucket.s3.amazonaws.com/", "fields": {"key": "out/${filename}"}}

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        answer = httpx.post(
            process.url,
            json={"image": data_url(drawn("echo"))},
            headers={"x-app-fal-upload-policy": json.dumps(policy)},
        )

    (upload,) = cloud.uploads
    assert answer.status_code == 200
    assert json.loads(upload.headers["x-app-fal-upload-policy"])["url"] == policy["url"]


def test_a_stream_arrives_from_the_runner_and_can_be_cancelled(
    cloud: Loopback, editable: Path
) -> None:
    """Chunks come as they are yielded; `/stream/cancel` ends the stream with an event."""
    folder = OCR.parent / "streaming-text"
    identity = {"x-fal-request-id": "r1"}

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        url = f"{process.url}/stream"
        body = {"count": 3, "pause": 60}
        with httpx.stream("POST", url, json=body, headers=identity, timeout=120) as response:
            lines = (line for line in response.iter_lines() if line.startswith("data: "))
            first = next(lines)
            cancelled = httpx.post(f"{url}/cancel", headers=identity)
            rest = list(lines)
        afterwards = httpx.post(process.url, json={"count": 2, "pause": 0})

    assert json.loads(first.removeprefix("data: ")) == {"output": "one", "index": 0}
    assert cancelled.status_code == 200
    assert len(rest) == 1
    assert "error" in json.loads(rest[0].removeprefix("data: "))
    assert afterwards.json() == {"output": "one two"}


def test_errors_are_mapped_on_the_runner(cloud: Loopback, editable: Path, tmp_path: Path) -> None:
    """What the caller got wrong is 422 and free; what the predictor raised is 500, never 503."""
    folder = write_project(tmp_path, predict_py=ECHOES)

    with cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process:
        refused = httpx.post(process.url, json={"image": "/etc/passwd"})
        failed = httpx.post(process.url, json={"image": data_url(b"no picture"), "check": True})
        fine = httpx.post(process.url, json={"image": data_url(drawn("fine")), "check": True})

    assert (refused.status_code, refused.headers["x-fal-billable-units"]) == (422, "0")
    assert failed.status_code == 500
    assert "not a CUDA picture" in failed.text
    assert fine.status_code == 200


def test_without_a_cdn_the_app_serves_its_files(editable: Path, tmp_path: Path) -> None:
    """A runner with no credentials answers with URLs of its own."""
    folder = write_project(tmp_path, predict_py=ECHOES)

    with (
        Loopback(cdn=False) as cloud,
        cloud.fal("run", "app.py::App", cwd=folder, python=editable) as process,
    ):
        answer = httpx.post(process.url, json={"image": data_url(drawn("kept"))}).json()
        downloaded = httpx.get(answer["output"]["url"]).content

    assert answer["output"]["url"].startswith(process.url)
    assert downloaded == drawn("kept")

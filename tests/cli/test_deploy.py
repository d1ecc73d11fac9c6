"""`cogfal deploy`: what it hands over to fal, and what it compares and takes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.cli.conftest import Cogfal
from tests.client.cloud import Cloud
from tests.client.loopback import serving
from tests.loopback import Loopback
from tests.project_files import write_project

FAKE_FAL = f"""#!{sys.executable}
import sys
print("fal", *sys.argv[1:])
sys.exit(3)
"""


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no pyproject.toml that names painter; name its file, as app.py::App"),
        ("[tool.fal.apps.painter]\n", "tool.fal.apps.painter has no file; add ref ="),
        ("[tool", "pyproject.toml is not TOML: "),
    ],
    ids=["no-pyproject", "no-ref", "no-toml"],
)
def test_a_name_without_a_file_is_told(
    cogfal: Cogfal, project: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    """Nothing is looked at in its place."""
    path = _with_fal(project, tmp_path)
    if text is not None:
        (project / "pyproject.toml").write_text(text)

    ended = cogfal("deploy", "painter", PATH=path, FAL_KEY="x:y")

    assert ended.status == 1
    assert ended.err.startswith("error: ")
    assert message in ended.err


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


PREDICT = """
    from cog import BasePredictor, Input

    class Predictor(BasePredictor):
        def predict(self, text: str = Input(default="a")) -> str:
            return text
"""


class DeployedApp(Cloud):
    """What fal shows of the app, and its queue, on which the app says `answer` to everything."""

    def __init__(self, fal: Loopback, answer: str) -> None:
        super().__init__()
        self._fal = fal
        self.answer = answer
        self.inputs: list[Any] = []
        self.app.router.routes[:0] = [
            Route("/api/openapi/queue/openapi.json", self.shown),
            Route("/loopback/app/openapi.json", self.shown),
            Route("/loopback/app/predictions", self.queued, methods=["POST"]),
            Route("/done/status", self.completed),
            Route("/done", self.said),
        ]

    async def shown(self, request: Request) -> Response:
        """Show the document of what was deployed last."""
        return JSONResponse(self._fal.registrations[-1].openapi)

    async def queued(self, request: Request) -> Response:
        """Queue a call that has ended already."""
        self.inputs.append((await request.json())["input"])
        url = f"{request.base_url}done"
        urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        return JSONResponse({"request_id": "1", **urls})

    async def completed(self, request: Request) -> Response:
        """Say that it has ended."""
        return JSONResponse({"status": "COMPLETED", "logs": [], "metrics": {}})

    async def said(self, request: Request) -> Response:
        """Answer."""
        return JSONResponse({"status": "succeeded", "output": self.answer})


def test_a_change_that_breaks_callers_is_asked_about_and_a_wrong_answer_taken_back(
    tmp_path: Path,
) -> None:
    """Refused without a terminal; then deployed, verified, and the revision before restored."""
    project = write_project(tmp_path / "project", predict_py=PREDICT)
    (project / "examples.yaml").write_text("- {name: one, input: {text: x}, output: x}\n")
    with Loopback(build=False) as fal, serving(tmp_path, app := DeployedApp(fal, "x")) as loopback:
        there: dict[str, Any] = {
            name: value
            for name, value in loopback.environment.items()
            if name.endswith("RUN_HOST") or name == "SSL_CERT_FILE"
        }

        def deploy(*arguments: str) -> tuple[int, str]:
            with fal.command("cogfal", "deploy", *arguments, cwd=project, **there) as process:
                return process.wait(), process.output

        first, told_first = deploy("--verify")
        before = fal.registrations[0]
        (project / "predict.py").write_text(
            (project / "predict.py").read_text().replace('default="a"', 'default="b"')
        )
        refused, told_refused = deploy()
        registered = len(fal.registrations)
        app.answer = "something else"
        verified, told_verified = deploy("--yes", "--verify")

    assert first == 0, told_first
    assert "1 example answered as expected" in told_first
    assert "breaks" not in told_first
    assert (refused, registered) == (1, 1)
    assert "text: the default 'a' became 'b'" in told_refused
    assert "deploy it all the same with --yes" in told_refused
    assert verified == 1, told_verified
    assert app.inputs == [{"text": "x"}] * 2
    assert "one: output: 'x' became 'something else'" in told_verified
    assert len(fal.registrations) == 2
    assert fal.aliases["app"].revision == before.revision

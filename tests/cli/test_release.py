"""`cogfal deploy` over an app that is deployed already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.client.cloud import Cloud
from tests.client.loopback import serving
from tests.loopback import Loopback
from tests.project_files import write_project

PREDICT = """
    from cog import BasePredictor, Input

    class Predictor(BasePredictor):
        def predict(self, text: str = Input(default="a")) -> str:
            return text
"""


class DeployedApp(Cloud):
    """What fal shows of the app, and its queue, on which the app says `answer` to everything."""

    def __init__(self, document: dict[str, Any], answer: str) -> None:
        super().__init__()
        self._document = document
        self._answer = answer
        self.inputs: list[Any] = []
        self.app.router.routes[:0] = [
            Route("/api/openapi/queue/openapi.json", self.shown),
            Route("/loopback/app/openapi.json", self.shown),
            Route("/loopback/app/predictions", self.queued, methods=["POST"]),
            Route("/done/status", self.completed),
            Route("/done", self.said),
        ]

    async def shown(self, request: Request) -> Response:
        """Show the document."""
        return JSONResponse(self._document)

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
        return JSONResponse({"status": "succeeded", "output": self._answer})


def test_a_change_that_breaks_callers_is_asked_about_and_a_wrong_answer_taken_back(
    tmp_path: Path,
) -> None:
    """Refused without a terminal; then deployed, verified, and the revision before restored."""
    project = write_project(tmp_path / "project", predict_py=PREDICT)
    (project / "examples.yaml").write_text("- {name: one, input: {text: x}, output: x}\n")
    with Loopback(build=False) as fal:
        first = fal.command("cogfal", "deploy", cwd=project).succeed()
        before = fal.registrations[0]
        (project / "predict.py").write_text(
            (project / "predict.py").read_text().replace('default="a"', 'default="b"')
        )
        app = DeployedApp(before.openapi, "something else")
        with serving(tmp_path, app) as loopback:
            there: dict[str, Any] = {
                name: value
                for name, value in loopback.environment.items()
                if name.endswith("RUN_HOST") or name == "SSL_CERT_FILE"
            }
            with fal.command("cogfal", "deploy", cwd=project, **there) as refused:
                status = refused.wait()
            registered = len(fal.registrations)
            with fal.command("cogfal", "deploy", "--yes", "--verify", cwd=project, **there) as done:
                verified = done.wait()

    assert "breaks" not in first
    assert (status, registered) == (1, 1)
    assert "text: the default 'a' became 'b'" in refused.output
    assert "deploy it all the same with --yes" in refused.output
    assert verified == 1, done.output
    assert app.inputs == [{"text": "x"}]
    assert "one: output: 'x' became 'something else'" in done.output
    assert len(fal.registrations) == 2
    assert fal.aliases["app"].revision == before.revision

"""The engine's promises, kept by a whole App under `fal run --local`."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local_run import LocalRun
from tests.project_files import write_project
from tests.waiting import until

Serve = Callable[..., LocalRun]

ISOLATED = """
    import cogfal

    class App(cogfal.App):
        predictor = "predict.py:Predictor"
        isolate = True
        isolate_grace = 0.2
"""
STUBBORN = """
    import os, pathlib, signal, time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def setup(self):
            self.made = time.time()

        def predict(self, mode: str = "", place: str = "") -> str:
            if mode == "exit":
                os._exit(3)
            if mode == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if mode == "stubborn":
                pathlib.Path(place, "waiting").touch()
                while True:
                    try:
                        time.sleep(60)
                    except BaseException:
                        pass
            return f"{os.getpid()} {self.made}"
"""


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Start some work; its result is in the list once the thread was joined."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    return thread, results


@pytest.mark.parametrize("mode", ["exit", "kill"])
def test_an_isolated_predictor_may_die(serve: Serve, tmp_path: Path, mode: str) -> None:
    """That prediction fails, and the next is answered by a new process."""
    write_project(tmp_path, predict_py=STUBBORN, app_py=ISOLATED)
    url = serve("app.py::App", cwd=tmp_path).url
    before = httpx.post(url, json={}, timeout=120).json()["output"]

    died = httpx.post(url, json={"mode": mode}, timeout=120)
    after = httpx.post(url, json={}, timeout=120)

    assert died.status_code == 500
    assert after.status_code == 200
    assert after.json()["output"] != before


def test_an_isolated_predictor_that_does_not_obey_is_killed(serve: Serve, tmp_path: Path) -> None:
    """The cancelled request ends after the grace period, and the runner serves again."""
    write_project(tmp_path, predict_py=STUBBORN, app_py=ISOLATED)
    url = serve("app.py::App", cwd=tmp_path).url
    inputs = {"mode": "stubborn", "place": str(tmp_path)}
    headers = {"x-fal-request-id": "stuck"}
    thread, answers = in_thread(lambda: httpx.post(url, json=inputs, headers=headers, timeout=120))
    assert until((tmp_path / "waiting").exists)

    httpx.post(f"{url}/cancel", headers=headers)
    thread.join(120)

    assert answers[0].status_code == 499
    assert httpx.post(url, json={}, timeout=120).status_code == 200


def test_sigterm_lets_what_runs_finish(serve: Serve, tmp_path: Path) -> None:
    """The running prediction is answered, the author's teardown runs, and nothing is left."""
    write_project(
        tmp_path,
        predict_py="""
            import pathlib, time
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self, place: str) -> str:
                    here = pathlib.Path(place)
                    (here / "waiting").touch()
                    while not (here / "go").exists():
                        time.sleep(0.005)
                    return "finished"

                def teardown(self):
                    print("torn down", flush=True)
        """,
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = serve("app.py::App", cwd=tmp_path, TMPDIR=str(temporary))
    url = process.url
    inputs = {"place": str(tmp_path)}
    thread, answers = in_thread(lambda: httpx.post(url, json=inputs, timeout=120))
    assert until((tmp_path / "waiting").exists)

    os.kill(process.pid, signal.SIGTERM)
    process.wait_for("Shutting down")
    (tmp_path / "go").touch()
    thread.join(120)
    process.wait_for("torn down")
    process.wait()

    assert answers[0].json() == {"output": "finished"}
    assert list(temporary.iterdir()) == []


def test_a_setup_that_fails_leaves_nothing_behind(serve: Serve, tmp_path: Path) -> None:
    """The process ends with the author's traceback, and its temporary files are gone."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def setup(self):
                    raise RuntimeError("no weights")

                def predict(self) -> str:
                    return ""
        """,
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    process = serve("app.py::App", cwd=tmp_path, TMPDIR=str(temporary))
    status = process.wait()

    assert status != 0
    assert "no weights" in process.output
    assert list(temporary.iterdir()) == []


def test_a_failing_healthcheck_is_told_to_fal_and_to_cogs_clients(
    serve: Serve, tmp_path: Path
) -> None:
    """Fal's check fails with the reason, and Cog's says UNHEALTHY."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def setup(self):
                    self.well = True

                def healthcheck(self):
                    return self.well

                def predict(self) -> str:
                    self.well = False
                    return "never again"
        """,
    )
    url = serve("app.py::App", cwd=tmp_path).url
    healthy = httpx.post(f"{url}/health")
    httpx.post(url, json={})

    ill = httpx.post(f"{url}/health")

    assert healthy.status_code == 200
    assert (ill.status_code, ill.json()["status"]) == (500, "UNHEALTHY")
    assert httpx.get(f"{url}/health-check").json()["status"] == "UNHEALTHY"


def test_both_doors_log_to_their_own_prediction(serve: Serve, tmp_path: Path) -> None:
    """What is printed, by Python, C and children, is in the answer and in the runner's log."""
    write_project(
        tmp_path,
        predict_py="""
            import os, subprocess
            from cog import BasePredictor, current_scope

            class Predictor(BasePredictor):
                def predict(self, name: str) -> str:
                    print("python", name)
                    os.write(1, f"descriptor {name}\\n".encode())
                    subprocess.run(["echo", "child", name], check=True)
                    current_scope().record_metric("tokens", 3)
                    return name
        """,
    )
    process = serve("app.py::App", cwd=tmp_path)

    answer = httpx.post(f"{process.url}/predictions", json={"input": {"name": "x"}}).json()

    assert set(answer["logs"].splitlines()) == {"python x", "descriptor x", "child x"}
    assert answer["metrics"]["tokens"] == 3
    assert answer["metrics"]["predict_time"] > 0
    for said in ("python x", "descriptor x", "child x"):
        process.wait_for(said)


def test_a_predictor_of_the_apps_own_file_is_served(serve: Serve, tmp_path: Path) -> None:
    """`wrap` takes the class that stands beside it."""
    write_project(
        tmp_path,
        app_py="""
            import cogfal
            from cogfal import BasePredictor, CancelationException, Input

            class Counter(BasePredictor):
                def setup(self):
                    self.count = 40

                def predict(self, more: int = Input(ge=1)) -> int:
                    return self.count + more

            App = cogfal.wrap(Counter)
        """,
    )
    url = serve("app.py::App", cwd=tmp_path).url

    assert httpx.post(url, json={"more": 2}).json() == {"output": 42}


def test_a_signature_may_be_read_by_importing(serve: Serve, tmp_path: Path) -> None:
    """Choices that no text tells are those of the imported module, on request."""
    write_project(
        tmp_path,
        app_py="""
            import cogfal

            class App(cogfal.App):
                predictor = "predict.py:Predictor"
                read_by_importing = True
        """,
        predict_py="""
            import platform
            from cog import BasePredictor, Input

            class Predictor(BasePredictor):
                def predict(self, system: str = Input(choices=[platform.system(), "other"])) -> str:
                    return system
        """,
    )
    url = serve("app.py::App", cwd=tmp_path).url

    assert httpx.post(url, json={"system": "Linux"}).json() == {"output": "Linux"}
    assert httpx.post(url, json={"system": "Plan 9"}).status_code == 422


def test_training_is_a_typed_endpoint_of_its_own(serve: Serve, tmp_path: Path) -> None:
    """`POST /train` takes the trainer's inputs, and what it made is a file that opens."""
    write_project(
        tmp_path,
        cog_yaml="""
            predict: "predict.py:Predictor"
            train: "train.py:train"
        """,
        predict_py="""
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self) -> str:
                    return "predicted"
        """,
        train_py="""
            import tempfile
            from cog import BaseModel, Input, Path

            class TrainingOutput(BaseModel):
                weights: Path

            def train(steps: int = Input(ge=1)) -> TrainingOutput:
                weights = Path(tempfile.mkdtemp()) / "weights.bin"
                weights.write_bytes(b"w" * steps)
                return TrainingOutput(weights=weights)
        """,
    )
    url = serve("app.py::App", cwd=tmp_path).url

    trained = httpx.post(f"{url}/train", json={"steps": 5})
    refused = httpx.post(f"{url}/train", json={"steps": 0})

    assert httpx.get(trained.json()["weights"]["url"]).content == b"wwwww"
    assert refused.status_code == 422
    assert httpx.post(url, json={}).json() == {"output": "predicted"}
    assert "/train" in httpx.get(f"{url}/openapi.json").json()["paths"]


def test_one_line_of_json_says_what_a_prediction_cost(serve: Serve, tmp_path: Path) -> None:
    """Seconds and bytes of each phase are in the runner's log."""
    write_project(
        tmp_path,
        predict_py="""
            from cog import BasePredictor, Path

            class Predictor(BasePredictor):
                def predict(self, file: Path) -> Path:
                    return file
        """,
    )
    process = serve("app.py::App", cwd=tmp_path)

    httpx.post(process.url, json={"file": "data:text/plain,12345"})
    line = json.loads(process.wait_for(r'^\{"prediction".*"succeeded".*\}$')[0])

    assert line["bytes"] == {"download": 5, "upload": 5}
    assert set(line["timings"]) == {"queue", "download", "predict", "upload"}

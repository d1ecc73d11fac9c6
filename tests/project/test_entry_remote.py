"""The way without pickling, run on a fresh runner through fal's own command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from virtualenv.discovery.builtin import get_interpreter

from cogfal.project.config import read_config
from cogfal.project.entry import write_entry
from cogfal.project.settings import client_python
from tests.loopback import Loopback
from tests.project.cases import Case, packages

pytestmark = pytest.mark.timeout(900)

PREDICTOR = """\
import sys

import six
from cog import BasePredictor, Input

from helper import GREETING


class Predictor(BasePredictor):
    def predict(self, name: str = Input(description="Who")) -> str:
        return f"{GREETING} {name} from {sys.version_info[0]}.{sys.version_info[1]}"
"""


def other_python() -> str:
    """A minor version that is not this one's, where one is installed."""
    for minor in ("3.10", "3.12", "3.13", "3.11"):
        if minor != client_python() and get_interpreter(minor, ()) is not None:
            return minor
    return client_python()


def test_the_app_runs_on_another_python(cloud: Loopback, tmp_path: Path) -> None:
    """Nothing of the project is installed here, and not even its Python has to be."""
    python = other_python()
    files = {"predict.py": PREDICTOR, "helper.py": "GREETING = 'hello'\n"}
    text = packages("six", python=python).replace("predict.py:P", "predict.py:Predictor")
    config = read_config(Case("x", text, files).write(tmp_path))
    entry = write_entry(config, tmp_path, tmp_path / "fal-entry", name="greeter")
    uploads: dict[str, Any] = {
        "FAL_USE_LOCAL_UPLOADER": "1",
        "FAL_API_SOCKET": f"{cloud._folder.name}/api.sock",
    }

    with cloud.fal("run", entry.name, cwd=entry.directory, **uploads) as process:
        answer = httpx.post(process.url, json={"name": "you"}, timeout=60).json()

    assert answer == {"output": f"hello you from {python}"}
    assert [run.entrypoint for run in cloud.runs] == [
        "greeter_entry:App.build_metadata",
        "greeter_entry:App.run_local",
    ]

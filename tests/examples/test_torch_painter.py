"""A torch model: on the GPU where there is one, on the CPU elsewhere.

torch is too large to install for a test, so this one runs where it is there already: beside pytest,
or in the environment, with cogfal in it, whose Python `COGFAL_TORCH_PYTHON` names.
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.examples.conftest import EXAMPLES
from tests.local_run import LocalRun
from tests.processes import Process

NAMED = os.environ.get("COGFAL_TORCH_PYTHON")

pytestmark = [
    pytest.mark.skipif(
        not NAMED and importlib.util.find_spec("torch") is None,
        reason="torch is not installed; COGFAL_TORCH_PYTHON may name a Python that has it",
    ),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the example."""
    return Path(shutil.copytree(EXAMPLES / "torch-painter", tmp_path / "torch-painter"))


@pytest.fixture
def python() -> Path:
    """Return the Python that has torch."""
    return Path(NAMED or sys.executable)


@pytest.fixture
def served(project: Path, python: Path, tmp_path: Path) -> Iterator[LocalRun]:
    """Serve the example through `fal run --local`."""
    with LocalRun(
        "app.py::App", cwd=project, home=tmp_path, python=python, COGFAL_HERE="1"
    ) as process:
        yield process


def painting(served: LocalRun, **inputs: float) -> bytes:
    """Have a picture painted, and fetch it."""
    answer = httpx.post(served.url, json=inputs, timeout=120).json()
    assert answer["image"]["content_type"] == "image/png"
    return httpx.get(answer["image"]["url"]).content


def test_a_seed_is_a_picture(served: LocalRun) -> None:
    """The same seed paints the same pixels again, another one others, in the size asked for."""
    first, again, other = (painting(served, seed=seed, size=64) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    with Image.open(io.BytesIO(first)) as opened:
        assert opened.size == (64, 64)
        assert opened.mode == "RGB"
    served.wait_for("device: (cpu|cuda)")


def test_the_served_picture_is_the_one_the_command_writes(
    served: LocalRun, project: Path, python: Path
) -> None:
    """`cogfal predict` runs the same model, and nothing in torch spoils its end."""
    arguments = ["predict", "-i", "seed=3", "-i", "size=64", "-o", "own.png"]

    here = {**os.environ, "COGFAL_HERE": "1"}

    with Process([python, "-m", "cogfal", *arguments], cwd=project, env=here) as process:
        said = process.succeed()

    assert "Traceback" not in said
    assert (project / "own.png").read_bytes() == painting(served, seed=3, size=64)


def test_the_server_ends_cleanly(served: LocalRun) -> None:
    """Being told to stop ends it without an error."""
    painting(served, size=16)

    served.stop()

    assert "Traceback" not in served.output

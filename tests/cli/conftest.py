"""A project with predictors of several kinds, and the command run in it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.client.loopback import Loopback, serving
from tests.forking import command

COG_YAML = f"""\
build:
  python_version: "{sys.version_info.major}.{sys.version_info.minor}"
predict: "predict.py:Greets"
train: "train.py:train"
environment:
  - MARK=!
"""
PREDICT = """
    import os
    import sys
    import tempfile
    import time
    from typing import Iterator
    from cog import BaseModel, BasePredictor, ConcatenateIterator, Input, Path

    def new(name: str) -> Path:
        return Path(tempfile.mkdtemp()) / name

    class Greets(BasePredictor):
        def predict(
            self,
            name: str = Input(description="Who to greet"),
            times: int = Input(default=1, ge=1, le=3),
            tags: list[str] = Input(default=[]),
        ) -> str:
            print("greeting")
            return (f"Hello, {name}" + os.environ["MARK"]) * times + "".join(tags)

    class Copies(BasePredictor):
        def predict(self, source: Path) -> Path:
            target = new(f"copy{source.suffix}")
            target.write_bytes(source.read_bytes())
            return target

    class Makes(BasePredictor):
        def predict(self, count: int = 2) -> list[Path]:
            made = [new(f"{i}.txt") for i in range(count)]
            for path in made:
                path.write_text(path.stem)
            return made

    class Many(BasePredictor):
        def predict(self) -> Iterator[Path]:
            for i in range(2):
                print("making", i)
                path = new(f"{i}.txt")
                path.write_text(str(i))
                yield path

    class Both(BaseModel):
        text: str
        mask: Path

    class Object(BasePredictor):
        def predict(self) -> Both:
            path = new("mask.txt")
            path.write_text("m")
            return Both(text="hi", mask=path)

    class Streams(BasePredictor):
        def predict(self) -> ConcatenateIterator[str]:
            yield "a"
            print("half way")
            yield "b"

    class Data(BasePredictor):
        def predict(self, options: dict, ids: list[int]) -> dict:
            return {"options": options, "sum": sum(ids)}

    class Where(BasePredictor):
        def predict(self) -> str:
            return "main" if "cogfal.cli" in sys.modules else "another"

    class Steps(BasePredictor):
        def predict(self) -> str:
            for i in range(4):
                print(f"\\rSampling: {i * 25}%|##  | {i}/4 [00:01<00:02]", end="", flush=True)
            print("\\nStep 1/2", flush=True)
            print("at the end")
            return "done"

    class Fails(BasePredictor):
        def predict(self) -> str:
            raise ValueError("no luck")

    class Waits(BasePredictor):
        def predict(self) -> str:
            print("waiting", flush=True)
            while True:
                time.sleep(0.01)
"""
TRAIN = """
    def train(steps: int = 3) -> int:
        return steps * 2
"""


@dataclass(frozen=True)
class Ended:
    """What a process left."""

    status: int
    out: str
    err: str


Cogfal: TypeAlias = Callable[..., Ended]
COMMAND = [str(command("cogfal"))]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment without this user's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAL_", "COG"))}
    own = {"HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1", "PYTHONWARNINGS": "error"}
    return {**kept, **own, **more}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, in a directory of its own."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "cog.yaml").write_text(COG_YAML)
    (root / "predict.py").write_text(textwrap.dedent(PREDICT))
    (root / "train.py").write_text(textwrap.dedent(TRAIN))
    return root


@pytest.fixture
def cogfal(project: Path, tmp_path: Path) -> Cogfal:
    """Run `cogfal` in the project and return how it ended."""
    return partial(run_cogfal, cwd=project, home=tmp_path)


def run_cogfal(
    *arguments: str | Path,
    cwd: Path,
    home: Path,
    stdin: str = "",
    unread: bool = False,
    stdout: str | None = None,
    **more: str,
) -> Ended:
    """Run `cogfal` in a directory; return how it ended.

    Its output goes to the file `stdout`, if there is one; nobody reads it if `unread`.
    """
    reading, writing = os.pipe()
    os.close(reading)
    if stdout is not None:
        os.close(writing)
        writing = os.open(stdout, os.O_WRONLY)
    try:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=cwd,
            env=environment(home, **more),
            input=stdin,
            stdout=writing if unread or stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
    finally:
        os.close(writing)
    return Ended(done.returncode, done.stdout or "", done.stderr)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Fal's queue and direct calls, for all tests of a module."""
    with serving(tmp_path_factory.mktemp("tls")) as loopback:
        yield loopback

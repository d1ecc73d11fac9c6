"""`cogfal client`: what it writes runs against a loopback cloud, and mypy finds wrong calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, run_cogfal
from tests.client.loopback import Loopback
from tests.type_checking import findings

PREDICT = """
from enum import Enum
from typing import Literal, Optional
from cog import BaseModel, BasePredictor, ConcatenateIterator, Input, Path

class Quality(Enum):
    LOW = "low"
    HIGH = "high"

class Result(BaseModel):
    text: str
    mask: Optional[Path] = None

class Paints(BasePredictor):
    def predict(
        self,
        do: str = Input(description='What to do, "quoted" \\\\ and\\nlong', default="echo"),
        photo: Path = Input(default=None),
        more: list[Path] = Input(default=[]),
        style: str = Input(default="oil", choices=["oil", "ink"]),
        steps: Optional[int] = Input(default=3),
        quality: Quality = Input(default=Quality.LOW),
        mode: Literal["a", 1] = "a",
    ) -> dict:
        return {}

class Fields(BasePredictor):
    def predict(self, do: str) -> Result:
        return Result(text=do)

class Writes(BasePredictor):
    def predict(self, do: str = "") -> ConcatenateIterator[str]:
        yield do

def train(epochs: int) -> str:
    return "done"
"""
USE = """
from pathlib import Path
import fields
import model
import writer

photos = [Path("a.png")]
print(model.predict(do="x", photo=photos[0], more=photos, style="ink", steps=None, mode=1)["x"])
trained: str = model.train(epochs=3)
text: str = fields.predict(do="x")["text"]
pieces: list[str] = list(writer.stream())
model.predict(sytle="ink")  # call-arg
model.predict(style="water")  # arg-type
model.predict(photo=3)  # arg-type
fields.predict()  # call-arg
number: int = fields.predict(do="x")["text"]  # assignment
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with predictors of several kinds."""
    (tmp_path / "cog.yaml").write_text("predict: predict.py:Paints\ntrain: predict.py:train")
    (tmp_path / "predict.py").write_text(PREDICT)
    return tmp_path


def client(folder: Path, *arguments: str, **more: Any) -> Ended:
    """Run `cogfal client`."""
    return run_cogfal("client", *arguments, cwd=folder, home=folder, **more)


def test_every_call_is_typed(project: Path) -> None:
    """What is written passes mypy, strict; what is called wrongly is found where it stands."""
    for ref, name in (("", "model"), ("Fields", "fields"), ("Writes", "writer")):
        named = ("--ref", f"predict.py:{ref}") if ref else ()
        done = client(project, ".", "--app", "me/app", *named, "-o", f"{name}.py")
        assert done.status == 0, done.err
    (project / "use.py").write_text(USE)
    lines = USE.splitlines()
    expected = [("use.py", i, x.rpartition("# ")[2]) for i, x in enumerate(lines, 1) if "# " in x]

    files = ("model.py", "fields.py", "writer.py", "use.py")
    found = findings(project, *files, cache="client", installed=("fal_client", "httpx"))

    assert found == expected


def test_the_module_can_be_written_to_stdout(project: Path) -> None:
    """With `-o -`, alone and the same."""
    client(project, ".", "--app", "me/app", "-o", "model.py")

    printed = client(project, ".", "--app", "me/app", "-o", "-")

    assert (printed.status, printed.out) == (0, (project / "model.py").read_text())
    assert not (project / "-").exists()


def test_calls_reach_the_app(project: Path, loopback: Loopback) -> None:
    """Files are uploaded, defaults are sent, and inputs without one are left out."""
    client(project, ".", "--app", "me/app", "-o", "model.py")
    (project / "photo.png").write_bytes(b"photo")
    script = """
import sys
sys.path.insert(0, ".")
import model
photo = pathlib.Path("photo.png")
show(model.predict(photo=photo, more=[photo, "https://x.invalid/y.png"], steps=None))
show(model.train(epochs=2))
show(model.predict.__doc__)
"""

    sent, trained, told = loopback.script(script, project)

    assert sent["photo"].endswith("/photo.png")
    assert [url.rpartition("/")[2] for url in sent["more"]] == ["photo.png", "y.png"]
    assert {name: sent[name] for name in sent if name not in ("photo", "more")} == {
        "do": "echo",
        "style": "oil",
        "steps": None,
        "quality": "low",
        "mode": "a",
    }
    assert trained == {"epochs": 2}
    assert "do: What to do, 'quoted' \\ and long" in told


def test_pieces_arrive_as_they_are_made(project: Path, loopback: Loopback) -> None:
    """The last event, which repeats the whole, is left out; an error within is raised."""
    client(project, "--ref", "predict.py:Writes", "--app", "me/app", "-o", "writer.py")
    script = """
import sys
sys.path.insert(0, ".")
import writer
show(list(writer.stream()))
try:
    list(writer.stream(do="fail"))
except RuntimeError as error:
    show(str(error))
"""

    assert loopback.script(script, project) == [["a ", "picture"], "it broke"]


def test_a_deployed_app_is_asked(project: Path, loopback: Loopback) -> None:
    """`--app` alone takes the app's own document; it says the same as the project's text."""
    schema = run_cogfal("schema", cwd=project, home=project)
    loopback.cloud.own_document = json.loads(schema.out)
    client(project, ".", "--app", "me/app", "-o", "here.py")

    done = client(project, "--app", "me/app", "-o", "there.py", **loopback.environment)

    assert done.status == 0, done.err
    assert (project / "there.py").read_text() == (project / "here.py").read_text()


def test_what_somebody_else_wrote_is_not_replaced(project: Path) -> None:
    """Its own file it makes anew, another only when told; without --app the name is asked for."""
    (project / "mine.py").write_text("x = 1")

    refused = client(project, "-o", "mine.py")
    first = client(project, "-o", "made.py")
    again = client(project, "-o", "made.py")

    assert refused.status == 1
    assert "--force" in refused.err
    assert (project / "mine.py").read_text() == "x = 1"
    assert first.status == again.status == 0
    assert "set APP in made.py" in first.err

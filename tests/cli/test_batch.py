"""`cogfal predict --batch`: many predictions with one setup, kept and resumed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import COMMAND, Cogfal, environment
from tests.processes import Process

PREDICT = """
import tempfile
import time
from pathlib import Path as P
from cog import BasePredictor, Path

class Counts(BasePredictor):
    def setup(self) -> None:
        with open("setups", "a") as file:
            file.write("x")

    def predict(self, text: str = "none", photo: Path = None, times: int = 1) -> list[Path]:
        print("counting", text, flush=True)
        if text == "bad":
            raise ValueError("no luck")
        while text == "wait":
            time.sleep(0.01)
        made = [P(tempfile.mkdtemp()) / f"{i}.txt" for i in range(times)]
        for path in made:
            path.write_text(photo.read_text() if photo else text)
        return [Path(path) for path in made]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that notes its setups."""
    (tmp_path / "cog.yaml").write_text("predict: predict.py:Counts")
    (tmp_path / "predict.py").write_text(PREDICT)
    return tmp_path


def write(path: Path, *lines: Any) -> None:
    """Write inputs, one a line."""
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))


def results(project: Path) -> list[dict[str, Any]]:
    """Read what was kept."""
    text = (project / "out" / "results.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_one_failure_stops_no_other_and_the_rest_is_resumed(project: Path, cogfal: Cogfal) -> None:
    """One setup serves all; the second run does only what failed, and then all is well."""
    (project / "photo.txt").write_text("picture")
    good = [{"text": "a"}, {"photo": "@photo.txt", "times": 2}]
    write(project / "in.jsonl", good[0], {"text": "bad"}, "{", {"times": "many"}, good[1])

    first = cogfal("predict", "--batch", "in.jsonl", "-o", "out", "-i", "times=1")
    told = {each["item"]: each for each in results(project)}
    write(project / "in.jsonl", good[0], {"text": "b"}, {"text": "c"}, {"text": "d"}, good[1])
    second = cogfal("predict", "--batch", "in.jsonl", "-o", "out", "-i", "times=1")

    assert first.status == 1, first.err
    assert {name: each["status"] for name, each in told.items()} == {
        "0001": "succeeded",
        "0002": "failed",
        "0003": "failed",
        "0004": "failed",
        "0005": "succeeded",
    }
    assert told["0002"]["error"] == "no luck"
    assert "in.jsonl:3: it is not JSON" in told["0003"]["error"]
    assert [(project / "out" / name).read_text() for name in told["0005"]["output"]] == [
        "picture",
        "picture",
    ]
    assert "2 of 5 succeeded" in first.err
    assert second.status == 0, second.err
    assert "2 of 5 are in out/results.jsonl already" in second.err
    assert len(results(project)) == 8
    assert (project / "setups").read_text() == "xx"


def test_a_folder_gives_an_input_its_files(project: Path, cogfal: Cogfal) -> None:
    """Each file is an item, called as the file; hidden ones are none."""
    (project / "photos").mkdir()
    for name in ("b.txt", "a.txt", ".hidden"):
        (project / "photos" / name).write_text(name)

    ended = cogfal("predict", "--batch", "photos:photo", "-o", "out")

    assert ended.status == 0, ended.err
    assert [each["item"] for each in results(project)] == ["a.txt", "b.txt"]
    (made,) = results(project)[0]["output"]
    assert (project / "out" / made).read_text() == "a.txt"


def test_an_interrupted_batch_goes_on(project: Path, cogfal: Cogfal, tmp_path: Path) -> None:
    """Ctrl-C ends the prediction that runs; what was done before it is not done again."""
    write(project / "in.jsonl", {"text": "a"}, {"text": "wait"})
    command = [*COMMAND, "predict", "--batch", "in.jsonl", "-o", "out"]

    with Process(command, cwd=project, env=environment(tmp_path)) as process:
        process.wait_for("counting wait")
        os.kill(process.pid, signal.SIGINT)
        status = process.wait()
    with (project / "out" / "results.jsonl").open("a") as file:
        file.write('{"item": "0002", "stat')
    write(project / "in.jsonl", {"text": "a"}, {"text": "b"})
    again = cogfal("predict", "--batch", "in.jsonl", "-o", "out")

    assert status == 130
    assert again.status == 0, again.err
    assert "counting b" in again.err
    assert "counting a" not in again.err


def test_lines_that_are_no_inputs_fail_by_themselves(project: Path, cogfal: Cogfal) -> None:
    """With their numbers; where nothing is left to predict, nothing is set up."""
    write(project / "in.jsonl", [1], {"photo": "@none.txt"})

    ended = cogfal("predict", "--batch", "in.jsonl", "-o", "out")
    nowhere = cogfal("predict", "--batch", "in.jsonl", "-o", "predict.py")

    assert (ended.status, nowhere.status) == (1, 1)
    assert "in.jsonl:1: write the inputs as an object" in ended.err
    assert "in.jsonl:2: @none.txt: there is no such file" in ended.err
    assert "name a directory" in nowhere.err
    assert not (project / "setups").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--batch", "in.jsonl"), "-o DIR"),
        (("--batch", "none.jsonl", "-o", "out"), "cannot be read"),
        (("--batch", ".", "-o", "out"), "for which input"),
        (("--batch", ".:text", "-o", "out"), "the inputs that take files are photo"),
        (("--batch", "in.jsonl", "--json", "{}", "-o", "out"), "exclude each other"),
    ],
)
def test_a_batch_that_cannot_be_says_why(
    project: Path, cogfal: Cogfal, arguments: tuple[str, ...], told: str
) -> None:
    """Nothing is set up for it."""
    ended = cogfal("predict", *arguments)

    assert ended.status == 1
    assert told in ended.err
    assert not (project / "setups").exists()

"""`cogfal compare`, as one types it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ended, run_cogfal
from tests.compare.documents import document
from tests.compare.models import Model, answering, model, reply
from tests.project_files import write_project

BEFORE = """
    import wave
    from cog import BaseModel, BasePredictor, Input, Path
    from PIL import Image

    class Output(BaseModel):
        picture: Path
        sound: Path
        text: str

    class Predictor(BasePredictor):
        def teardown(self) -> None:
            for _ in range(2000):
                print("a long farewell " * 20)
            open("torn-down", "w").close()

        def predict(self, size: int = Input(default=8, ge=8, le=9)) -> Output:
            image = Image.new("RGB", (size, size), "red")
            image.save("picture.png")
            with wave.open("sound.wav", "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(b"00" * FRAMES)
            return Output(picture=Path("picture.png"), sound=Path("sound.wav"), text="same")

    FRAMES = 8000
"""
AFTER = BEFORE.replace("FRAMES = 8000", "FRAMES = 6000").replace(
    "image.save", "image.putpixel((0, 0), (0, 0, 255)); image.save"
)


def cogfal(*arguments: str | Path, cwd: Path, **variables: Any) -> Ended:
    """Run `cogfal compare`."""
    return run_cogfal("compare", *arguments, cwd=cwd, home=cwd, COGFAL_HERE="1", **variables)


def test_a_changed_model_is_found_out(tmp_path: Path) -> None:
    """Whole, as a user would: the picture, the sound, the page; then against a recording."""
    for name, text in (("before", BEFORE), ("after", AFTER)):
        write_project(tmp_path / name, predict_py=textwrap.dedent(text))
    sides = ("before", "after", "-i", "size=8")

    ended = cogfal(*sides, "--html", "report.html", "--record", "kept", "--json", cwd=tmp_path)
    against = cogfal("kept", "after", "--json", cwd=tmp_path)

    assert ended.status == 1, ended.err
    torn_down = [(tmp_path / side / "torn-down").exists() for side in ("before", "after")]
    assert torn_down == [True, True]  # whatever the models had to say by then
    result = json.loads(ended.out)
    told = {each["place"]: each["what"] for each in result["cases"][0]["differences"]}
    assert told["output.picture"].startswith("1 of 64 pixels differ")
    assert told["output.sound"] == "seconds 1.0 became 0.75"
    assert set(told) == {"output.picture", "output.sound"}
    page = (tmp_path / "report.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 3  # both, and their difference
    assert page.count("<audio controls") == 2
    assert not re.search(r"""(src|href)=["']?http""", page)
    recorded = json.loads(against.out)
    assert [each["place"] for each in recorded["cases"][0]["differences"]] == list(told)


def test_a_schema_that_breaks_is_told_without_a_prediction(tmp_path: Path) -> None:
    """The status is 3."""
    taken = {"n": {"type": "integer", "default": 1}}
    with _describing(taken) as before, _describing({}) as after:
        ended = cogfal(before.url, after.url, "--schema-only", cwd=tmp_path)
        paths = {each.path for each in [*before.asked, *after.asked]}

    assert ended.status == 3
    assert "breaking n: the input is gone" in ended.out
    assert paths == {"/openapi.json"}


def _describing(inputs: dict[str, Any]) -> AbstractContextManager[Model]:
    return model(
        answering(document(inputs), lambda _: reply({"status": "succeeded", "output": "x"}))
    )


@pytest.fixture
def steady() -> Iterator[Model]:
    """A model that answers x to everything."""
    with _describing({}) as running:
        yield running


def test_the_same_is_the_same(steady: Model, tmp_path: Path) -> None:
    """The status is 0, and a table says so."""
    ended = cogfal(steady.url, steady.url, cwd=tmp_path)

    assert ended.status == 0, ended.err
    assert "schema: same" in ended.out
    assert "differs" not in ended.out


def test_a_model_that_is_only_recorded_is_asked_once_for_each_case(
    steady: Model, tmp_path: Path
) -> None:
    """Nothing is asked for the sake of a comparison that there is not."""
    ended = cogfal(steady.url, "--record", "kept", "-i", "n=1", cwd=tmp_path)

    assert ended.status == 0, ended.err
    assert [each.path for each in steady.asked].count("/predictions") == 1
    assert {each.path for each in steady.asked} == {"/openapi.json", "/predictions"}
    assert (tmp_path / "kept" / "examples.yaml").is_file()


def test_nothing_is_asked_for_a_recording_that_has_no_place(steady: Model, tmp_path: Path) -> None:
    """A folder with something in it is refused first."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").touch()

    ended = cogfal(steady.url, "--record", "kept", "-i", "n=1", cwd=tmp_path)

    assert ended.status == 1
    assert "kept: there is something already" in ended.err
    assert not steady.asked


def test_cases_of_a_safe_push_file_are_read(steady: Model, tmp_path: Path) -> None:
    """As cog-safe-push writes them."""
    (tmp_path / "cog-safe-push.yaml").write_text(
        "model: me/model\npredict:\n  test_cases:\n    - inputs: {n: 1}\n      exact_string: x\n"
    )

    ended = cogfal(steady.url, steady.url, "--inputs", "cog-safe-push.yaml", "--json", cwd=tmp_path)

    assert [each["name"] for each in json.loads(ended.out)["cases"]] == ["case 1"]


WRONG = {
    "one side": (("x",), "there is nothing to compare with"),
    "no directory": (("no", "no"), "there is no such directory"),
    "no name": (("app:me", "app:me"), "'me' is no OWNER/NAME"),
    "a path for a name": (("replicate:../x", "."), "is no OWNER/NAME"),
    "no runs": ((".", ".", "--runs", "0"), "--runs is how often"),
    "no model": ((".", "."), "cannot be served"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_is_explained(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """In one line, without a traceback."""
    ended = cogfal(*arguments, cwd=tmp_path)

    assert ended.status == 1
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_calls_that_cost_money_need_a_yes(tmp_path: Path) -> None:
    """Without a terminal and without --yes nothing is called."""
    version = {"id": "v1", "openapi_schema": document({})}
    with model(lambda _: reply({"latest_version": version, "results": []})) as api:
        variables = {"REPLICATE_API_TOKEN": "r8_x", "REPLICATE_BASE_URL": api.url}
        ended = cogfal("replicate:me/a", "replicate:me/b", cwd=tmp_path, **variables)

    assert ended.status == 1
    assert "1 call of replicate:me/a and 1 call of replicate:me/b cost money" in ended.err
    assert "--yes" in ended.err
    assert {each.method for each in api.asked} == {"GET"}

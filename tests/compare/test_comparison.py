"""Two models, asked the same."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from cogfal.compare.cases import cases_of
from cogfal.compare.comparison import Comparison, Pair, compare, open_endpoint, open_pair
from cogfal.compare.endpoints import EndpointUnreachable, Outcome
from cogfal.compare.presentation import pieces_of, seconds_of
from cogfal.compare.signatures import Verdict
from cogfal.examples import Example
from tests.compare.documents import document
from tests.compare.models import Asked, Model, answering, model, reply
from tests.server.servers import OurCog, RealCog

EXAMPLES = Path(__file__).parents[2] / "examples"
FILE = {"type": "string", "format": "uri"}
SECONDS = 30.0


def run(before: str, after: str, examples: Sequence[Example] | None, folder: Path) -> Comparison:
    """Compare two models, with wrong inputs; without examples with those made of the schema."""

    async def compared() -> Comparison:
        async with open_pair(before, after, SECONDS) as pair:
            cases = cases_of(pair.before.signature) if examples is None else examples
            wrong = pair.wrong_inputs(cases[0].input)
            return await compare(pair, cases, wrong, folder=folder)

    return anyio.run(compared)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture to give to a model."""
    path = tmp_path / "picture.png"
    Image.new("RGB", (24, 16), "red").save(path)
    return path


INPUTS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "hello-text": lambda _: None,
    "audio": lambda _: {"seconds": 0.1},
    "image-list": lambda _: {"num_outputs": 2, "seed": 7},
    "image-tool": lambda picture: {"image": picture},
    "secret-input": lambda _: {"message": "x", "key": "hidden"},
    "streaming-text": lambda _: {"count": 2, "pause": 0},
    "training": lambda _: None,
}


@pytest.mark.parametrize("name", INPUTS)
def test_cogs_own_server_and_cogfal_answer_the_same(
    tmp_path: Path, picture: Path, name: str
) -> None:
    """Signatures, answers, refusals: what works with Cog works as before."""
    roots = [shutil.copytree(EXAMPLES / name, tmp_path / side) for side in ("cog", "cogfal")]
    inputs = INPUTS[name](picture)
    examples = None if inputs is None else [Example("given", inputs)]

    with (
        RealCog(roots[0], "predict.py:Predictor") as before,
        OurCog(roots[1], "predict.py:Predictor") as after,
    ):
        before.until_health("READY")
        after.until_health("READY")
        result = run(before.url, after.url, examples, tmp_path)

    assert result.verdict is Verdict.SAME, result.changes
    assert [each.differences for each in result.cases if not each.same] == []
    assert [each for each in result.behaviours if not each.same] == []
    assert {each.after.outcome for each in result.cases} == {Outcome.SUCCEEDED}


PLAIN = document({"n": {"type": "integer", "default": 1, "maximum": 5}}, {"type": "number"})


def predicted(output: Any, status: str = "succeeded", **more: Any) -> Callable[[Asked], Any]:
    """Return what answers every prediction alike."""
    return lambda _: reply({"status": status, "output": output, **more})


@pytest.fixture
def steady() -> Iterator[Model]:
    """A model that answers 1.0 to everything."""
    with model(answering(PLAIN, predicted(1.0))) as running:
        yield running


ONE = [Example("one", {"n": 1})]


def test_what_a_model_differs_from_itself_is_nothing_to_blame_the_other_for(
    tmp_path: Path,
) -> None:
    """With several runs of A, B may be as far away as those are from each other."""
    values = iter([1.0, 1.1, 1.1, 1.3])
    wandering = answering(PLAIN, lambda _: reply({"status": "succeeded", "output": next(values)}))
    with model(wandering) as before, model(answering(PLAIN, predicted(1.08))) as near:
        result = _cases_only(before.url, near.url, tmp_path, runs=2)

    assert result.cases[0].same
    assert result.cases[0].spread == pytest.approx(0.1 / 1.1)


def _cases_only(before: str, after: str, folder: Path, runs: int = 1) -> Comparison:
    async def compared() -> Comparison:
        async with open_pair(before, after, SECONDS) as pair:
            return await compare(pair, ONE, folder=folder, runs=runs)

    return anyio.run(compared)


@pytest.mark.parametrize(
    ("tolerance", "same"), [(0.0, False), (0.2, True), ({"output": 0.2}, True)]
)
def test_a_tolerance_is_the_cases_own(
    steady: Model, tmp_path: Path, tolerance: Any, same: bool
) -> None:
    """A number for all fields, or one for each."""
    case = Example("one", {"n": 1}, tolerance=tolerance)
    with model(answering(PLAIN, predicted(1.1))) as after:
        result = run(steady.url, after.url, [case], tmp_path)

    assert result.cases[0].same is same


def test_an_input_that_only_one_refuses_is_told(steady: Model, tmp_path: Path) -> None:
    """What callers get for mistakes is a part of what a model does."""
    detail = [{"loc": ["body", "input", "n"], "msg": "too large"}]

    def strict(asked: Asked) -> Any:
        fits = asked.json["input"]["n"] == 1
        return (
            reply({"status": "succeeded", "output": 1.0})
            if fits
            else reply({"detail": detail}, 422)
        )

    with model(answering(PLAIN, strict)) as after:
        result = run(steady.url, after.url, ONE, tmp_path)

    told = {each.what: (each.before, each.after) for each in result.behaviours if not each.same}
    assert told["n is 6"] == ("succeeded", "refused (422: input.n: too large)")
    assert not result.same


FAILURES = {
    "another error": (predicted(None, "failed", error="no luck"), "failed (no luck)"),
    "a refusal": (lambda _: reply({"detail": "busy"}, 409), "failed (409: busy)"),
    "no json": (lambda _: (200, {}, b"<html>"), "unreachable"),
    "a place that is none": (
        lambda _: reply({"detail": [{"loc": 3, "msg": "no"}]}, 422),
        "422: no",
    ),
    "no prediction": (lambda _: reply([1]), "failed (200: [1])"),
    "not ended": (predicted(None, "processing"), "unreachable"),
    "a file that is none": (predicted("file:///etc/passwd"), "no web address"),
    "a file that is gone": (predicted("http://127.0.0.1:9/x"), "unreachable"),
    "control characters": (predicted(None, "failed", error="\x1b[2J"), "failed (\ufffd[2J)"),
}


@pytest.mark.parametrize(("answer", "what"), FAILURES.values(), ids=FAILURES)
def test_a_server_that_answers_badly_is_a_difference(
    tmp_path: Path, answer: Callable[[Asked], Any], what: str
) -> None:
    """Every bad answer is told, and the comparison goes on."""
    described = document({"n": {"type": "integer"}}, FILE)
    good = answering(described, predicted("data:text/plain,x"))
    with model(good) as before, model(answering(described, answer)) as after:
        result = _cases_only(before.url, after.url, tmp_path)

    (difference,) = result.cases[0].differences
    assert what in difference.what


def test_a_slot_that_is_not_free_yet_is_no_difference(steady: Model, tmp_path: Path) -> None:
    """Cog's server answers a prediction before another one finds a slot."""
    answers = iter([reply({"error": "At capacity"}, 409)] * 2)
    done = predicted(1.0)
    with model(answering(PLAIN, lambda asked: next(answers, done(asked)))) as after:
        result = _cases_only(steady.url, after.url, tmp_path)

    assert result.cases[0].same


TEXTS = {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"}
EVENTS = document({"n": {"type": "integer"}}, TEXTS, Streams={"x-cog-streaming": True})
PIECES = {**document({"n": {"type": "integer"}}, TEXTS), "paths": {"/stream": {}}}
ON_COG = [
    ("start", {"status": "processing"}),
    ("output", {"chunk": "a", "index": 0}),
    ("output", {"chunk": "b", "index": 1}),
    ("completed", {"status": "succeeded", "output": ["a", "b"]}),
]
ON_FAL = [
    ("message", {"output": "a", "index": 0}),
    ("message", {"output": "b", "index": 1}),
    ("message", {"output": ["a", "b"], "completed": True}),
]


def streamed(*events: tuple[str, Any]) -> Callable[[Asked], Any]:
    """Return what answers with a stream of events."""
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return lambda _: (200, {"Content-Type": "text/event-stream"}, body.encode())


def test_pieces_are_the_same_in_either_stream(tmp_path: Path) -> None:
    """Cog's and fal's are both followed where a model has one, and their first piece is timed."""
    with (
        model(answering(EVENTS, streamed(*ON_COG))) as before,
        model(answering(PIECES, streamed(*ON_FAL))) as after,
    ):
        result = _cases_only(before.url, after.url, tmp_path, runs=3)

    (case,) = result.cases
    assert case.same
    assert case.after.output == ["a", "b"]
    assert (after.asked[1].method, after.asked[1].path) == ("POST", "/stream")
    assert pieces_of(case.after).startswith("2 pieces, the first after ")
    assert re.fullmatch(r"[\d.]+ s, then [\d.]+ \([\d.]+ to [\d.]+\)", seconds_of(case.before))


BAD_STREAMS = {
    "an error": (streamed(ON_FAL[0], ("message", {"error": "no luck"})), "failed (no luck)"),
    "no end": (streamed(*ON_FAL[:2]), "the stream ended before the prediction did"),
    "a refusal": (lambda _: reply({"detail": "busy"}, 503), "503: busy"),
}


@pytest.mark.parametrize(("answer", "what"), BAD_STREAMS.values(), ids=BAD_STREAMS)
def test_a_stream_that_goes_wrong_is_a_difference(
    tmp_path: Path, answer: Callable[[Asked], Any], what: str
) -> None:
    """At whichever point."""
    with (
        model(answering(EVENTS, streamed(*ON_COG))) as before,
        model(answering(PIECES, answer)) as after,
    ):
        result = _cases_only(before.url, after.url, tmp_path)

    assert what in result.cases[0].differences[0].what


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (lambda _: (200, {}, b"<html>"), lambda _: (200, {}, b"<html>"), "neither answers: "),
        (
            predicted(None, "failed", error="one"),
            predicted(None, "failed", error="two"),
            "the error 'one' became 'two'",
        ),
    ],
    ids=["unreachable", "failed"],
)
def test_what_fails_on_both_sides_is_told_unless_it_is_alike(
    tmp_path: Path, before: Callable[[Asked], Any], after: Callable[[Asked], Any], what: str
) -> None:
    """There is nothing else to compare."""
    with model(answering(PLAIN, before)) as old, model(answering(PLAIN, after)) as new:
        result = _cases_only(old.url, new.url, tmp_path)

    assert what in result.cases[0].differences[0].what


def test_a_server_that_does_not_answer_in_time_is_a_difference(tmp_path: Path) -> None:
    """Each call has its time."""
    gate = threading.Event()

    def slow(_: Asked) -> Any:
        gate.wait(SECONDS)
        return reply({"status": "succeeded", "output": 1.0})

    async def compared(before: str, after: str) -> Comparison:
        async with open_endpoint(before, SECONDS) as one, open_endpoint(after, 0.2) as other:
            return await compare(Pair(one, other), ONE, folder=tmp_path)

    with model(answering(PLAIN, predicted(1.0))) as good, model(answering(PLAIN, slow)) as late:
        result = anyio.run(partial(compared, good.url, late.url))
        gate.set()

    assert "no answer within 0.2 s" in result.cases[0].differences[0].what


def test_nothing_at_the_address_is_told_before_anything_runs(tmp_path: Path) -> None:
    """The error names the address without the password in it."""
    with pytest.raises(EndpointUnreachable) as caught:
        _cases_only("http://me:secret@127.0.0.1:9", "http://127.0.0.1:9", tmp_path)

    assert "http://127.0.0.1:9 cannot be reached" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_credentials_of_an_address_go_to_no_other_host(tmp_path: Path) -> None:
    """Neither with a redirect, which is not followed, nor with a file elsewhere."""
    described = document({"n": {"type": "integer"}}, FILE)
    with model(lambda _: (200, {"Content-Type": "text/plain"}, b"text")) as elsewhere:
        moved = answering(described, lambda _: (307, {"Location": elsewhere.url}, b"{}"))
        filed = answering(described, predicted(f"{elsewhere.url}/file.txt"))
        with model(moved) as before, model(filed) as after:
            first = before.url.replace("http://", "http://me:secret@")
            second = after.url.replace("http://", "http://me:secret@")
            _cases_only(first, second, tmp_path)

    assert {each.path for each in elsewhere.asked} == {"/file.txt"}
    assert not any("Authorization" in each.headers for each in elsewhere.asked)
    assert any("Authorization" in each.headers for each in after.asked)


def test_hostile_names_stay_in_the_folder(tmp_path: Path) -> None:
    """A file's name is its server's choice, its place ours."""
    described = document(
        {"n": {"type": "integer"}}, {"type": "object", "properties": {"../x": FILE}}
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    with model(
        lambda _: (200, {"Content-Disposition": 'attachment; filename="../../../evil"'}, b"x")
    ) as files:
        answer = answering(described, predicted({"../x": f"{files.url}/..%2f..%2fevil"}))
        with model(answer) as before, model(answer) as after:
            result = _cases_only(before.url, after.url, folder)

    assert result.same
    assert [each for each in tmp_path.rglob("*evil*") if not each.is_relative_to(folder)] == []

"""The examples that each show one further kind of predictor."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.local_run import LocalRun


def test_streaming_text_arrives_word_by_word(serve_example: Callable[[str], LocalRun]) -> None:
    """`/stream` sends every chunk as it is yielded, and the whole text last."""
    url = serve_example("streaming-text").url

    with httpx.stream("POST", f"{url}/stream", json={"count": 3, "pause": 0}) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data: ")]

    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["output"] for event in events] == ["one", " two", " three", "one two three"]
    assert [event.get("index") for event in events[:3]] == [0, 1, 2]
    assert events[-1]["completed"] is True


def test_concatenated_text_is_one_string_without_streaming(
    serve_example: Callable[[str], LocalRun],
) -> None:
    """`POST /` joins what the predictor yields."""
    url = serve_example("streaming-text").url

    answer = httpx.post(url, json={"count": 2, "pause": 0}).json()

    assert answer == {"output": "one two"}


def test_audio_is_delivered_as_the_bytes_it_is(serve_example: Callable[[str], LocalRun]) -> None:
    """A wave file keeps its length and gets its media type."""
    url = serve_example("audio").url

    audio = httpx.post(url, json={"seconds": 0.5}).json()["audio"]
    downloaded = httpx.get(audio["url"]).content

    assert audio["content_type"] in {"audio/wav", "audio/x-wav"}
    with wave.open(io.BytesIO(downloaded)) as file:
        assert file.getnframes() == 11025


def test_a_list_of_pictures_keeps_its_order(serve_example: Callable[[str], LocalRun]) -> None:
    """Each picture of a list is a media object, in the predictor's order."""
    url = serve_example("image-list").url

    images = httpx.post(url, json={"num_outputs": 4, "seed": 1}).json()["images"]

    assert [image["content_type"] for image in images] == ["image/webp"] * 4
    names = [image["file_name"] for image in images]
    assert [f"out-{number}" in name for number, name in enumerate(names)] == [True] * 4


def test_base_weights_are_used_until_others_are_named(
    serve_example: Callable[[str], LocalRun],
) -> None:
    """`setup` gets None where no weights are configured, and siblings and data files are found."""
    url = serve_example("training").url

    answer = httpx.post(url, json={"word": "the"}).json()

    assert answer == {"output": {"count": 3, "rank": 1}}


def test_a_training_leaves_weights_behind(serve_example: Callable[[str], LocalRun]) -> None:
    """`/trainings` runs train.py and delivers the weights it returns."""
    url = serve_example("training").url
    corpus = "data:text/plain;base64,Yi4gYiBh"

    answer = httpx.post(f"{url}/trainings", json={"input": {"corpus": corpus}}).json()
    weights = httpx.get(answer["output"]["weights"]).json()

    assert answer["status"] == "succeeded"
    assert answer["output"]["words"] == 2
    assert weights == {"b": 2, "a": 1}


def test_async_predictions_run_side_by_side(serve_example: Callable[[str], LocalRun]) -> None:
    """Up to `concurrency.max` predictions run at the same time."""
    url = serve_example("concurrency").url

    def ask(seconds: float) -> int:
        answer = httpx.post(url, json={"seconds": seconds}, timeout=120).json()
        return int(answer["output"])

    with ThreadPoolExecutor(4) as callers:
        running = list(callers.map(ask, [1.0, 1.5, 2.0, 2.5]))

    assert running[-1] == 1
    assert max(running) > 1


def test_a_secret_is_used_and_shown_nowhere(serve_example: Callable[[str], LocalRun]) -> None:
    """The predictor gets the secret's value; the answer, the log and a 422 do not."""
    process = serve_example("secret-input")
    key = "a-very-secret-key"

    answer = httpx.post(process.url, json={"message": "a", "key": key})
    refused = httpx.post(process.url, json={"key": key})

    assert len(answer.json()["output"]) == 64
    assert refused.status_code == 422
    assert key not in answer.text + refused.text + process.output

"""Use Replicate's Python client, 0.25 or 1.0: print what each call gives, a line of JSON each.

    python python_client.py           # REPLICATE_BASE_URL and REPLICATE_API_TOKEN say where

Runs in an environment that has nothing but that client.
"""

import asyncio
import io
import json
import sys

import replicate
from replicate.exceptions import ModelError, ReplicateError

NEW = hasattr(replicate, "helpers") or hasattr(replicate.Client, "files")
CLIENT = replicate.Client()
CLIENT.poll_interval = 0.05


def plain(value):
    """Return what JSON can say of a value."""
    if type(value).__name__ == "FileOutput":
        return {"file": value.read().decode()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def run_text():
    return CLIENT.run("me/model", input={"do": "echo", "text": "hi"})


def run_file_out():
    return plain(CLIENT.run("me/model", input={"do": "paint"}))


def run_list_out():
    return plain(CLIENT.run("me/model", input={"do": "paint-two"}))


def run_file_in():
    return CLIENT.run("me/model", input={"do": "read", "file": io.BytesIO(b"the bytes")})


def run_iterator():
    return "".join(CLIENT.run("me/words:words-1", input={"do": "words"}))


def run_failing():
    try:
        CLIENT.run("me/model", input={"do": "fail"})
    except ModelError as error:
        return str(error)


def run_wrong_input():
    try:
        CLIENT.run("me/model", input={"do": "refuse", "count": 99})
    except ModelError as error:
        return ["failed", str(error)]
    except ReplicateError as error:
        return [error.status, error.detail]


def create_and_wait():
    prediction = CLIENT.models.predictions.create("me/model", {"do": "echo", "text": "hi"})
    first = [prediction.status, prediction.output, prediction.model, prediction.error]
    prediction.wait()
    return [*first, prediction.status, prediction.output, prediction.logs, prediction.metrics != {}]


def create_and_reload():
    prediction = CLIENT.predictions.create(version="words-1", input={"do": "words"})
    while prediction.status != "succeeded":
        prediction.reload()
    return ["".join(prediction.output), prediction.version]


def create_and_cancel():
    prediction = CLIENT.models.predictions.create("me/model", {"do": "wait"})
    prediction.cancel()
    cancelled = prediction.status
    prediction.reload()
    return [cancelled, prediction.status]


def list_predictions():
    found = CLIENT.predictions.list()
    return [
        len(found.results) > 0,
        found.next,
        {one.model for one in found.results} <= {"me/model", "me/words", "me/streams"},
    ]


def stream():
    events = list(CLIENT.stream("me/streams", input={"do": "echo"}))
    return [
        "".join(map(str, events)),
        events[-1].event.value,
        "logs" in [e.event.value for e in events],
    ]


def stream_failing():
    try:
        list(CLIENT.stream("me/streams", input={"do": "fail"}))
    except RuntimeError as error:
        return str(error)


def stream_of_a_prediction():
    prediction = CLIENT.predictions.create(version="words-1", input={"do": "words"}, stream=True)
    return "".join(str(event) for event in prediction.stream())


def asynchronous():
    async def go():
        output = await CLIENT.async_run("me/model", input={"do": "echo", "text": "hi"})
        pieces = await CLIENT.async_run("me/words:words-1", input={"do": "words"})
        words = "".join([piece async for piece in pieces])
        streamed = await CLIENT.async_stream("me/streams", input={"do": "echo"})
        events = [str(event) async for event in streamed]
        prediction = await CLIENT.models.predictions.async_create("me/model", {"do": "wait"})
        await prediction.async_cancel()
        return [output, words, "".join(events), prediction.status]

    return asyncio.run(go())


def get_model():
    model = CLIENT.models.get("me/words")
    version = model.latest_version
    output = version.openapi_schema["components"]["schemas"]["Output"]
    same = model.versions.get(version.id).id == version.id == model.versions.list()[0].id
    return [model.owner, model.name, version.id, output["x-cog-array-type"], same]


def deployment():
    found = CLIENT.deployments.get("me/model")
    prediction = found.predictions.create({"do": "echo", "text": "hi"})
    prediction.wait()
    return [found.current_release.model, prediction.output]


def train():
    version = CLIENT.models.get("me/model").latest_version.id
    training = CLIENT.trainings.create(f"me/model:{version}", {"steps": 4}, "me/destination")
    while training.status not in ("succeeded", "failed"):
        training.reload()
    return [training.status, training.output]


def vanished():
    try:
        CLIENT.predictions.get("p" + 24 * "a" + "0b0f0a52-0000-4000-8000-000000000000")
    except ReplicateError as error:
        return error.status


def account():
    return CLIENT.accounts.current().type


def files():
    if not NEW:
        return None
    created = CLIENT.files.create(io.BytesIO(b"kept"), filename="a.txt", metadata={"a": 1})
    got = CLIENT.files.get(created.id)
    listed = created.id in [one.id for one in CLIENT.files.list()]
    used = CLIENT.run("me/model", input={"do": "read", "file": created.urls["get"]})
    gone = CLIENT.files.delete(created.id)
    return [got.name, got.content_type, got.size, got.metadata, listed, used, gone]


def secret():
    return CLIENT.webhooks.default.secret().key[:6] if NEW else None


CASES = [
    run_text, run_file_out, run_list_out, run_file_in, run_iterator, run_failing, run_wrong_input,
    create_and_wait, create_and_reload, create_and_cancel, list_predictions, stream,
    stream_failing, stream_of_a_prediction, asynchronous, get_model, deployment, train, vanished,
    account, files, secret,
]  # fmt: skip

for case in CASES:
    try:
        said = {"gives": case()}
    except Exception as error:
        said = {"raises": f"{type(error).__name__}: {error}"}
    print(json.dumps({"case": case.__name__, **said}))
    sys.stdout.flush()

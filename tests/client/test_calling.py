"""The client as people use it: scripts in a process of their own, against a loopback cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.loopback import Loopback, serving


@pytest.fixture(scope="module")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """The cloud, for all tests of the module."""
    with serving(tmp_path_factory.mktemp("tls")) as loopback:
        yield loopback


def test_run_returns_what_predict_returned(loopback: Loopback, tmp_path: Path) -> None:
    """The output comes without its envelope, and the inputs went as they are."""
    (output,) = loopback.script('show(client.run("me/app", {"steps": 3, "flag": None}))', tmp_path)

    assert output == {"steps": 3, "flag": None}
    assert "Key id:secret" in loopback.cloud.keys


def test_files_in_the_output_can_be_read(loopback: Loopback, tmp_path: Path) -> None:
    """A media object has its URL as text, its facts as attributes and its bytes on demand."""
    script = """
[file] = client.run("me/app", {"do": "paint"})
show([str(file) == file.url, file.read().decode(), file.width, file.content_type, file.file_name])
async def main():
    return (await file.aread()).decode()
show(asyncio.run(main()))
"""

    shown, read = loopback.script(script, tmp_path)

    assert shown == [True, "picture", 4, "image/png", "made.png"]
    assert read == "picture"


def test_a_data_url_is_read_without_a_network(loopback: Loopback, tmp_path: Path) -> None:
    """Answers with in-memory files read like any other."""
    script = 'show(client.FileOutput("data:text/plain;base64,aGk=").read().decode())'

    assert loopback.script(script, tmp_path) == ["hi"]


def test_an_answer_with_fields_stays_a_dict(loopback: Loopback, tmp_path: Path) -> None:
    """Fields keep their names, and media among them become files."""
    script = """
answer = client.run("me/app", {"do": "fields"})
show([answer["text"], type(answer["mask"]).__name__, answer["mask"].url])
"""

    assert loopback.script(script, tmp_path) == [["hi", "FileOutput", "u"]]


def test_local_files_are_uploaded_wherever_they_stand(loopback: Loopback, tmp_path: Path) -> None:
    """Paths and open files, also in lists, become URLs; one file is uploaded once."""
    (tmp_path / "photo.png").write_bytes(b"photo")
    script = """
photo = pathlib.Path("photo.png")
with open("photo.png", "rb") as opened:
    made = io.BytesIO(b"made")
    made.name = "made.txt"
    show(client.run("me/app", {"image": photo, "more": [opened, made, "https://x/y.png"]}))
"""

    (output,) = loopback.script(script, tmp_path)

    urls = [output["image"], *output["more"]]
    assert [url.rsplit("/", 1)[1] for url in urls] == [
        "photo.png",
        "photo.png",
        "made.txt",
        "y.png",
    ]
    assert loopback.cloud.uploads["photo.png"] == b"photo"
    assert loopback.cloud.uploads["made.txt"] == b"made"


def test_a_refusal_names_the_input(loopback: Loopback, tmp_path: Path) -> None:
    """The app's list of problems is text to read and data to use."""
    script = """
try:
    client.run("me/app", {"do": "refuse"})
except CallFailed as error:
    show([str(error), error.status, error.problems[0].loc])
"""

    (shown,) = loopback.script(script, tmp_path)

    assert shown == ["steps: Input should be at least 1", 422, ["steps"]]


def test_a_failure_has_the_predictors_message(loopback: Loopback, tmp_path: Path) -> None:
    """What the author's code raised is what the caller reads."""
    script = """
try:
    client.run("me/app", {"do": "fail"})
except CallFailed as error:
    show([str(error), error.status])
"""

    assert loopback.script(script, tmp_path) == [["it broke", 500]]


def test_missing_credentials_are_one_of_our_errors(loopback: Loopback, tmp_path: Path) -> None:
    """Without a key the call fails as any other failed call."""
    script = """
del os.environ["FAL_KEY"]
os.environ["FAL_HOME_DIR"] = os.environ["HOME"] = os.getcwd()
try:
    client.run("me/app")
except CallFailed as error:
    show(error.status)
"""

    assert loopback.script(script, tmp_path) == [None]


def test_a_submitted_call_can_be_followed_and_cancelled(loopback: Loopback, tmp_path: Path) -> None:
    """A handle tells id, status in Cog's words, logs and output."""
    script = """
run = client.submit("me/app", {"steps": 1})
show([run.id, run.status(), run.logs(), run.output()])
run.cancel()
show([client.submit("me/app", {"do": do}).status() for do in ("wait", "work", "fail")])
"""

    (identity, *rest), statuses = loopback.script(script, tmp_path)

    assert rest == ["succeeded", "painting\n", {"steps": 1}]
    assert identity in loopback.cloud.cancelled
    assert statuses == ["starting", "processing", "failed"]


def test_a_stream_yields_each_piece_once(loopback: Loopback, tmp_path: Path) -> None:
    """The last event, which repeats the whole, is not a piece."""
    script = 'show(list(client.stream("me/app", {"prompt": "x"})))'

    assert loopback.script(script, tmp_path) == [["a ", "picture"]]


@pytest.mark.parametrize(
    ("do", "shown"),
    [
        pytest.param("fail", [["a "], "it broke", 500], id="after-a-piece"),
        pytest.param("refuse", [[], "steps: Input should be at least 1", 422], id="before"),
    ],
)
def test_a_stream_that_fails_says_so(
    loopback: Loopback, tmp_path: Path, do: str, shown: list[Any]
) -> None:
    """A failure is raised where the next piece would have been."""
    script = f"""
pieces = []
try:
    for piece in client.stream("me/app", {{"do": {do!r}}}):
        pieces.append(piece)
except CallFailed as error:
    show([pieces, str(error), error.status])
"""

    assert loopback.script(script, tmp_path) == [shown]


def test_the_async_twins_do_the_same(loopback: Loopback, tmp_path: Path) -> None:
    """Running, submitting, following and streaming from a coroutine."""
    (tmp_path / "photo.png").write_bytes(b"photo")
    script = """
async def main():
    show(await client.run_async("me/app", {"image": pathlib.Path("photo.png")}))
    run = await client.submit_async("me/app", {"steps": 1})
    show([run.id, await run.status(), await run.logs(), await run.output()])
    await run.cancel()
    show([piece async for piece in client.stream_async("me/app")])
    try:
        await client.run_async("me/app", {"do": "refuse"})
    except CallFailed as error:
        show(error.status)
    try:
        async for piece in client.stream_async("me/app", {"do": "refuse"}):
            show(piece)
    except CallFailed as error:
        show([str(error), error.status])
asyncio.run(main())
"""

    ran, (identity, *followed), streamed, refused, unstreamed = loopback.script(script, tmp_path)

    assert ran["image"].endswith("/files/photo.png")
    assert followed == ["succeeded", "painting\n", {"steps": 1}]
    assert identity in loopback.cloud.cancelled
    assert streamed == ["a ", "picture"]
    assert refused == 422
    assert unstreamed == ["steps: Input should be at least 1", 422]


def test_a_file_may_come_with_its_answer(loopback: Loopback, tmp_path: Path) -> None:
    """A data URL is read without asking anybody."""
    script = 'show(client.run("me/app", {"do": "inline"}).read().decode())'

    assert loopback.script(script, tmp_path) == ["hi"]


def test_another_endpoint_is_called_by_its_path(loopback: Loopback, tmp_path: Path) -> None:
    """Training goes to the app's `/train`."""
    (output,) = loopback.script('show(client.run("me/app", {"n": 1}, path="/train"))', tmp_path)

    assert output == {"n": 1}

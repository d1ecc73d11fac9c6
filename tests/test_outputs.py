"""Outputs, from what `predict` returned to JSON with delivered files."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import io
import math
import os
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypedDict

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cogfal.cog import BaseModel as CogModel
from cogfal.cog.types import Path as CogPath
from cogfal.cog.types import Secret
from cogfal.errors import OutputError
from cogfal.files import (
    DataUrlStore,
    ImageSize,
    LocalFile,
    LocalStore,
    StoredFile,
    StoreError,
    Workspace,
    parse_data_url,
    stored,
)
from cogfal.outputs import Deliverer, Style
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    FileType,
    IteratorType,
    ListType,
    ObjectType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)
from tests.file_server import PNG

CALLER: contextvars.ContextVar[str] = contextvars.ContextVar("CALLER", default="nobody")


class Shelf:
    """A store that keeps what it was given, and who was calling."""

    def __init__(self) -> None:
        self.files: list[tuple[LocalFile, bytes]] = []
        self.callers: list[str] = []
        self.waiting = 0
        self.release: asyncio.Event | None = None
        self.all_here: Callable[[int], object] = lambda waiting: None

    async def put(self, file: LocalFile) -> StoredFile:
        """Keep a file, once it is released."""
        if file.name.startswith("bad"):
            raise StoreError("the shelf is full")
        self.waiting += 1
        self.all_here(self.waiting)
        if self.release is not None:
            await self.release.wait()
        self.files.append((file, file.path.read_bytes()))
        self.callers.append(CALLER.get())
        return stored(file, f"shelf://{file.name}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's directory."""
    root = tmp_path / "project"
    root.mkdir()
    return root


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory for temporary outputs, outside the project."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A prediction's directory."""
    with Workspace() as opened:
        yield opened


@dataclass
class Desk:
    """Delivers values of one test."""

    project: Path
    workspace: Workspace
    shelf: Shelf

    def deliver(self, value: Any, kind: Type | None = None, style: Style = Style.MEDIA) -> Any:
        """Deliver one value."""

        async def main() -> Any:
            deliverer = Deliverer(kind or AnyType(), self.shelf, style, self.project)
            return await deliverer.deliver(value, self.workspace)

        return asyncio.run(main())

    def urls(self, value: Any, kind: Type | None = None) -> Any:
        """Deliver one value, files as URLs."""
        return self.deliver(value, kind, Style.URL)


@pytest.fixture
def desk(project: Path, workspace: Workspace) -> Desk:
    """Where outputs are handed in."""
    return Desk(project, workspace, Shelf())


def a_file(directory: Path, name: str = "a.png", content: bytes = PNG) -> CogPath:
    """Write a file."""
    path = directory / name
    path.write_bytes(content)
    return CogPath(path)


def test_picture_is_a_media_object(desk: Desk, scratch: Path) -> None:
    """It has everything fal's Image has, and its bytes are untouched."""
    answer = desk.deliver(a_file(scratch), PathType())

    assert answer == {
        "url": "shelf://a.png",
        "content_type": "image/png",
        "file_name": "a.png",
        "file_size": len(PNG),
        "width": 2,
        "height": 3,
    }
    assert desk.shelf.files[0][1] == PNG


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.mp4", "video/mp4"), ("a.wav", "audio/wav"), ("a.glb", "model/gltf-binary"),
     ("a.safetensors", "application/octet-stream"), ("result", "image/png")],
)  # fmt: skip
def test_content_type_is_by_name_then_content(
    desk: Desk, scratch: Path, name: str, content_type: str
) -> None:
    """Width and height are a picture's alone."""
    answer = desk.deliver(a_file(scratch, name), PathType())

    assert answer["content_type"] == content_type
    assert ("width" in answer) == content_type.startswith("image/")


def test_url_style_is_a_string(desk: Desk, scratch: Path) -> None:
    """Cog's HTTP API has bare URLs."""
    assert desk.urls([a_file(scratch)], ListType(PathType())) == ["shelf://a.png"]


def test_data_urls_hold_the_bytes(project: Path, workspace: Workspace, scratch: Path) -> None:
    """With the store that needs no place, the answer is the file."""
    deliverer = Deliverer(PathType(), DataUrlStore(), Style.URL, project)

    url = asyncio.run(deliverer.deliver(a_file(scratch), workspace))

    assert url.startswith("data:image/png;base64,")
    assert parse_data_url(url).decode(1000) == PNG


class Colour(Enum):
    """An enumeration."""

    RED = "red"


class Output(CogModel):
    """Cog's kind of model."""

    picture: CogPath
    score: float
    note: str | None = None


class PydanticOutput(pydantic.BaseModel):
    """Pydantic's kind of model."""

    picture: Path
    hidden: str = pydantic.Field(default="x", exclude=True)


@dataclass
class Plain:
    """A dataclass."""

    picture: Path


class Typed(TypedDict):
    """A typed dictionary."""

    picture: Path


FIELDS = (FieldSpec("picture", PathType()),)


@pytest.mark.parametrize(
    ("make", "kind", "answer"),
    [
        pytest.param(lambda p: [p, p], ListType(PathType()), ["U", "U"], id="list"),
        pytest.param(lambda p: (p,), ListType(PathType()), ["U"], id="tuple"),
        pytest.param(lambda p: {"a": {"b": [p]}}, AnyType(), {"a": {"b": ["U"]}}, id="any"),
        pytest.param(lambda p: {"a": str(p)}, DictType(PathType()), {"a": "U"}, id="dict of str"),
        pytest.param(str, PathType(), "U", id="str as a Path"),
        pytest.param(str, OptionalType(PathType()), "U", id="str as an optional"),
        pytest.param(lambda p: None, OptionalType(PathType()), None, id="none"),
        pytest.param(lambda p: p, StringType(), "U", id="Path as a str"),
        pytest.param(lambda p: p, UnionType((StringType(), PathType())), "U", id="union"),
        pytest.param(lambda p: "x", UnionType((StringType(), PathType())), "x", id="union text"),
        pytest.param(lambda p: p, IteratorType(PathType()), "U", id="piece"),
        pytest.param(
            lambda p: Output(picture=p, score=0.5),
            ObjectType("Output", FIELDS),
            {"picture": "U", "score": 0.5, "note": None},
            id="Cog's model",
        ),
        pytest.param(
            lambda p: PydanticOutput(picture=p), AnyType(), {"picture": "U"}, id="Pydantic's model"
        ),
        pytest.param(Plain, AnyType(), {"picture": "U"}, id="dataclass"),
        pytest.param(
            lambda p: Typed(picture=str(p)),  # type: ignore[typeddict-item]  # as authors do
            ObjectType("Typed", FIELDS),
            {"picture": "U"},
            id="TypedDict with a str",
        ),
    ],
)
def test_files_are_found_wherever_they_are(
    desk: Desk, scratch: Path, make: Callable[[Path], Any], kind: Type, answer: Any
) -> None:
    """Paths are files everywhere, text is a path only where one is declared."""

    def with_urls(value: Any) -> Any:
        match value:
            case "U":
                return "shelf://a.png"
            case list():
                return [with_urls(each) for each in value]
            case dict():
                return {key: with_urls(each) for key, each in value.items()}
            case _:
                return value

    assert desk.urls(make(a_file(scratch)), kind) == with_urls(answer)


def opened(directory: Path) -> Any:
    """Return a file object that has just been written and not closed."""
    file = (directory / "w.txt").open("w")
    file.write("written")
    return file


def named(directory: Path) -> Any:
    """Return a file object with a name and no file."""
    file = io.BytesIO(b"GIF89a\x07\0\x05\0")
    file.name = "../my anim"
    return file


def halfway(directory: Path) -> Any:
    """Return a file object that has been read to its end."""
    file = io.BytesIO(PNG)
    file.read()
    return file


@pytest.mark.parametrize(
    ("make", "name", "content"),
    [
        pytest.param(lambda d: a_file(d).open("rb"), "a.png", PNG, id="binary"),
        pytest.param(lambda d: a_file(d, "t.txt", b"text").open(), "t.txt", b"text", id="text"),
        pytest.param(opened, "w.txt", b"written", id="unflushed"),
        pytest.param(lambda d: io.BytesIO(PNG), "output.png", PNG, id="BytesIO"),
        pytest.param(halfway, "output.png", PNG, id="read to the end"),
        pytest.param(lambda d: io.StringIO("é"), "output.txt", "é".encode(), id="StringIO"),
        pytest.param(named, "my anim.gif", b"GIF89a\x07\0\x05\0", id="named"),
        pytest.param(lambda d: PNG, "output.png", PNG, id="bytes"),
        pytest.param(lambda d: bytearray(b"\0\1"), "output", b"\0\1", id="unknown bytes"),
    ],
)
def test_file_objects_are_delivered_whole_and_closed(
    desk: Desk, scratch: Path, make: Callable[[Path], Any], name: str, content: bytes
) -> None:
    """From the beginning, with all that was written, named and typed by what they are."""
    value = make(scratch)

    assert desk.urls(value, FileType()) == f"shelf://{name}"

    assert desk.shelf.files[0][1] == content
    assert getattr(value, "closed", True)


def test_temporary_file_object_is_delivered(desk: Desk) -> None:
    """Python's own temporary files are file objects that are no `io.IOBase`."""
    with tempfile.NamedTemporaryFile(suffix=".png", delete=False) as file:
        file.write(PNG)

        answer = desk.deliver(file)

    assert answer["file_size"] == len(PNG)
    assert answer["content_type"] == "image/png"


def test_closed_memory_file_is_an_error(desk: Desk) -> None:
    """Its content is gone, which is said."""
    file = io.BytesIO(PNG)
    file.close()

    with pytest.raises(OutputError, match=r"output\.a: the file object cannot be read"):
        desk.deliver({"a": file})


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "CMYK", "F", "YCbCr"])
def test_pillow_images_are_saved_without_loss(desk: Desk, mode: str) -> None:
    """Whatever its mode, an image becomes a PNG of its size."""
    answer = desk.deliver([Image.new(mode, (5, 7))])

    assert answer[0]["content_type"] == "image/png"
    assert answer[0]["file_name"] == "0.png"
    assert (answer[0]["width"], answer[0]["height"]) == (5, 7)
    with Image.open(io.BytesIO(desk.shelf.files[0][1])) as saved:
        assert saved.size == (5, 7)


def test_moving_image_keeps_moving(desk: Desk, scratch: Path) -> None:
    """An animation that was opened is saved with all its frames."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    frames[0].save(scratch / "a.gif", save_all=True, append_images=frames[1:])

    with Image.open(scratch / "a.gif") as moving:
        answer = desk.deliver(moving)

    assert answer["content_type"] == "image/gif"
    with Image.open(io.BytesIO(desk.shelf.files[0][1])) as saved:
        assert getattr(saved, "n_frames", 1) == 3


class FakeArray:
    """What numpy arrays, numpy scalars and tensors have in common."""

    dtype = "float32"

    def __init__(self, content: Any) -> None:
        self.content = content

    def tolist(self) -> Any:
        """Return Python's own numbers."""
        return self.content


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (None, None), (True, True), (3, 3), (0.5, 0.5), ("é", "é"), ("", ""),
        ([1, [2]], [1, [2]]), ((1, 2), [1, 2]), (range(3), [0, 1, 2]),
        ({3, 1, 2}, [1, 2, 3]), (frozenset({"b", "a"}), ["a", "b"]),
        (Colour.RED, "red"), ({Colour.RED: Colour.RED}, {"red": "red"}),
        ({2: "a", None: "b", True: "c"}, {"2": "a", "null": "b", "true": "c"}),
        ({0.5: 1}, {"0.5": 1}),
        (b"text", "text"), (bytearray("é".encode()), "é"),
        (FakeArray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (FakeArray(0.5), 0.5),
        (Secret("hush"), "**********"), (pydantic.SecretStr("hush"), "**********"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Output(picture=None, score=1), {"picture": None, "score": 1, "note": None}),
    ],
    ids=repr,
)  # fmt: skip
def test_values_have_a_json_form(desk: Desk, value: Any, answer: Any) -> None:
    """Everything that can be said in JSON is, secrets stay masked."""
    assert desk.deliver(value) == answer


def circular() -> Any:
    """Return a list that is in a dictionary that is in the list."""
    inner: list[Any] = []
    inner.append({"again": inner})
    return inner


def deep() -> Any:
    """Return lists within lists."""
    value: list[Any] = []
    for _ in range(500):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "output is nan, which JSON cannot say"),
        ({"a": [1.0, math.inf]}, r"output\.a\[1\] is inf"),
        (FakeArray([1.0, math.nan]), r"output\[1\] is nan"),
        (b"\xff\0", "bytes that are no text; write them to a file"),
        (circular(), r"output\[0\]\.again contains itself"),
        (deep(), "nested more than 100 levels deep"),
        ({(1, 2): 3}, "key of type tuple"),
        (object(), "builtins.object, which has no JSON form"),
        ([lambda: 1], r"output\[0\] is a builtins.function"),
        ((n for n in range(3)), "is a generator"),
    ],
    ids=["nan", "inf", "array", "bytes", "circular", "deep", "key", "object", "function", "gen"],
)
def test_what_has_no_json_form_is_an_error_with_its_place(
    desk: Desk, value: Any, message: str
) -> None:
    """Nothing becomes null on the way."""
    with pytest.raises(OutputError, match=message):
        desk.deliver(value)


def test_same_object_twice_is_not_circular(desk: Desk) -> None:
    """Sharing is fine."""
    shared = [1]

    assert desk.deliver([shared, shared]) == [[1], [1]]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(value=JSON_VALUES)
def test_json_stays_as_it_is(value: Any) -> None:
    """A value that is JSON already comes back equal."""
    deliverer = Deliverer(AnyType(), Shelf(), Style.MEDIA, Path.cwd())
    with Workspace() as workspace:
        assert asyncio.run(deliverer.deliver(value, workspace)) == value


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/etc/passwd", "/etc/passwd lies outside the project"),
        ("/proc/self/environ", "lies outside"),
        ("/proc/self/cwd/pyproject.toml", "lies outside"),
        ("/dev/null", "lies outside"),
        ("/sys/kernel/uevent_seqnum", "lies outside"),
        ("/usr/bin/env", "lies outside"),
        ("{project}/missing.png", "missing.png does not exist"),
        ("{project}", "is a directory"),
        ("{project}/../../../../../../../../etc/passwd", "lies outside"),
        ("{project}/link", r"link \(really /etc/hostname\) lies outside"),
        ("{project}/pipe", "is not a regular file"),
        ("{project}/loop", "cannot be read|lies outside"),
        ("relative.png", "relative.png does not exist"),
        ("nul\0byte", "NUL"),
        ("", "lies outside"),
    ],
)
def test_misplaced_file_is_an_error_that_names_it(
    desk: Desk, project: Path, path: str, message: str
) -> None:
    """System files, links to them, directories, pipes and missing files are never delivered."""
    (project / "link").symlink_to("/etc/hostname")
    (project / "loop").symlink_to(project / "loop")
    os.mkfifo(project / "pipe")

    with pytest.raises(OutputError, match=message) as caught:
        desk.deliver([1, path.format(project=project)], ListType(PathType()))

    assert "output[1]" in str(caught.value)
    assert desk.shelf.files == []


def test_further_places_can_be_allowed(workspace: Workspace, project: Path) -> None:
    """A directory such as /data is an output's place if the App says so."""
    shelf = Shelf()
    deliverer = Deliverer(PathType(), shelf, Style.URL, project, other_places=[Path("/usr/bin")])

    asyncio.run(deliverer.deliver(Path("/usr/bin/env"), workspace))

    assert shelf.files[0][0].name == "env"
    assert Path("/usr/bin/env").exists()


def test_relative_paths_are_the_projects(desk: Desk, project: Path) -> None:
    """A relative path that is not in the working directory is looked for in the project."""
    a_file(project, "out.png")

    assert desk.urls(Path("out.png")) == "shelf://out.png"


def test_temporary_file_is_removed_once_delivered(desk: Desk, scratch: Path) -> None:
    """Outputs in the temporary directory do not pile up."""
    path = a_file(scratch)

    desk.deliver([path, path])

    assert not path.exists()
    assert len(desk.shelf.files) == 1


def test_project_file_is_never_removed(desk: Desk, project: Path) -> None:
    """Not even when the project lies in the temporary directory, or is reached by a link."""
    path = a_file(project)
    link = project / "link.png"
    link.symlink_to(path)

    desk.deliver([path, link, path.open("rb")])

    assert path.exists()
    assert link.exists()


def test_input_may_be_returned_and_returned_again(desk: Desk, workspace: Workspace) -> None:
    """The prediction's own files stay until it ends."""
    path = a_file(workspace.directory)

    assert desk.urls(path) == desk.urls(path) == "shelf://a.png"


def test_own_copies_are_removed_at_once(desk: Desk, workspace: Workspace) -> None:
    """A generator of a thousand images does not fill the disk."""
    desk.deliver([Image.new("L", (1, 1)), io.BytesIO(b"x")])

    assert list(workspace.directory.iterdir()) == []


def test_url_is_handed_on(desk: Desk) -> None:
    """What the author's code has already put somewhere stays there."""
    answer = desk.deliver("https://example.com/a/my%20cat.png?x=1", PathType())

    assert answer["url"] == "https://example.com/a/my%20cat.png?x=1"
    assert answer["content_type"] == "image/png"
    assert answer["file_name"] == "my cat.png"
    assert desk.shelf.files == []


def test_url_in_a_text_stays_a_text(desk: Desk) -> None:
    """Only declared places are looked at."""
    assert desk.deliver("https://example.com/a.png", StringType()) == "https://example.com/a.png"


def test_files_are_stored_side_by_side_in_order(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """Eight uploads are under way before the first one ends, and the order is the author's."""
    shelf = Shelf()
    paths = [a_file(scratch, f"{number}.png") for number in range(8)]

    async def main() -> Any:
        release = shelf.release = asyncio.Event()
        shelf.all_here = lambda waiting: release.set() if waiting == 8 else None
        deliverer = Deliverer(ListType(PathType()), shelf, Style.URL, project)
        return await asyncio.wait_for(deliverer.deliver(paths, workspace), 10)

    assert asyncio.run(main()) == [f"shelf://{number}.png" for number in range(8)]


def test_failed_upload_fails_the_output(desk: Desk, scratch: Path) -> None:
    """It is said which file and why; the file stays."""
    bad = a_file(scratch, "bad.png")

    with pytest.raises(
        OutputError, match=r"output\.b\[0\]: bad\.png was not delivered: the shelf is full"
    ):
        desk.deliver({"a": a_file(scratch), "b": [bad]})
    assert bad.exists()


def test_failed_upload_stops_the_others(project: Path, workspace: Workspace, scratch: Path) -> None:
    """One that would never end does not hold up the error."""
    shelf = Shelf()

    async def main() -> None:
        shelf.release = asyncio.Event()
        deliverer = Deliverer(AnyType(), shelf, Style.URL, project)
        value = [a_file(scratch), a_file(scratch, "bad.png")]
        await asyncio.wait_for(deliverer.deliver(value, workspace), 10)

    with pytest.raises(OutputError):
        asyncio.run(main())
    assert shelf.files == []


def test_cancelling_stops_the_uploads(project: Path, workspace: Workspace, scratch: Path) -> None:
    """At once, and the store sees it."""
    shelf = Shelf()

    async def main() -> None:
        shelf.release = asyncio.Event()
        under_way = asyncio.Event()
        shelf.all_here = lambda waiting: under_way.set()
        deliverer = Deliverer(AnyType(), shelf, Style.URL, project)
        task = asyncio.ensure_future(deliverer.deliver(a_file(scratch), workspace))
        await under_way.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert shelf.files == []


def test_files_are_stored_in_the_context_of_their_request(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """However long ago and wherever the task that delivers was made."""
    shelf = Shelf()

    async def request() -> Deliverer:
        CALLER.set("alice")
        return Deliverer(AnyType(), shelf, Style.URL, project)

    async def main() -> None:
        deliverer = await asyncio.create_task(request())
        assert CALLER.get() == "nobody"
        await deliverer.deliver([a_file(scratch), a_file(scratch, "b.png")], workspace)

    asyncio.run(main())

    assert shelf.callers == ["alice", "alice"]


def test_picture_size_reaches_the_store(desk: Desk, scratch: Path) -> None:
    """A store is told all that is known of a file."""
    desk.deliver(a_file(scratch))

    ((file, _),) = desk.shelf.files
    assert (file.pixels, file.size, file.disposable) == (ImageSize(2, 3), len(PNG), True)


def test_nothing_is_left_after_many_outputs(project: Path, scratch: Path) -> None:
    """Files, descriptors and threads are what they were, failures included."""
    store = LocalStore(max_bytes=100_000)
    deliverer = Deliverer(AnyType(), store.at("http://x"), Style.MEDIA, project)

    async def some() -> None:
        with Workspace() as workspace:
            value = [a_file(scratch), io.BytesIO(PNG), Image.new("L", (3, 3))]
            await deliverer.deliver(value, workspace)
            with pytest.raises(OutputError):
                await deliverer.deliver([io.BytesIO(PNG), Path("/etc/passwd")], workspace)

    async def main() -> tuple[list[int], list[int]]:
        for _ in range(3):
            await some()
        before = open_here()
        for _ in range(40):
            await some()
        return before, open_here()

    before, after = asyncio.run(main())

    assert after == before
    assert list(scratch.iterdir()) == []
    store.close()
    assert not store.folder.exists()


def open_here() -> list[int]:
    """Count this process's descriptors and threads."""
    return [len(list(Path("/proc/self/fd").iterdir())), threading.active_count()]

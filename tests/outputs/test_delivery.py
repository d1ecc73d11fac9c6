"""Files delivered: what the answer says of them, several at a time, or not at all."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cogfal.cog.types import Path as CogPath
from cogfal.errors import OutputError
from cogfal.files.data_urls import parse_data_url
from cogfal.files.media import ImageSize
from cogfal.files.store import DataUrlStore, LocalStore
from cogfal.files.workspace import Workspace
from cogfal.guest.encoding import Encoded
from cogfal.guest.saving import FileReference
from cogfal.json_text import JsonText
from cogfal.outputs.delivery import COPIED, Deliverer, Style, may_hold_file
from cogfal.outputs.directories import OutputDirectories
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    FileType,
    IntegerType,
    IteratorType,
    ListType,
    LiteralType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    StringType,
    Type,
    UnionType,
)
from tests.appearing import first_below
from tests.file_server import PNG
from tests.outputs.desk import CALLER, Desk, Shelf, a_file, encoded


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


@pytest.mark.parametrize("size", [0, 10**6])
@pytest.mark.parametrize("own", [False, True])
def test_data_urls_hold_the_bytes(
    project: Path, workspace: Workspace, scratch: Path, size: int, own: bool
) -> None:
    """With the store that needs no place, the answer is the file."""
    deliverer = Deliverer(DataUrlStore(), Style.URL, OutputDirectories(project))
    content = PNG + bytes(size)
    path = a_file(workspace.directory if own else scratch, content=content)

    url = asyncio.run(deliverer.deliver(encoded(path, workspace), workspace))

    assert url.startswith("data:image/png;base64,")
    assert b"".join(parse_data_url(url).pieces(10**7)) == content
    workspace.close()
    assert not path.exists()


def test_link_in_the_predictions_directory_is_followed_and_judged(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """A cached input is such a link; one to a system file is refused like the file."""
    deliverer = Deliverer(DataUrlStore(), Style.URL, OutputDirectories(project))
    good = workspace.link(a_file(project))
    bad = workspace.directory / "bad.png"
    bad.symlink_to("/etc/hostname")

    url = asyncio.run(deliverer.deliver(encoded(good, workspace), workspace))

    assert b"".join(parse_data_url(url).pieces(1000)) == PNG
    with pytest.raises(OutputError, match=r"really /etc/hostname\) lies outside"):
        asyncio.run(deliverer.deliver(encoded(bad, workspace), workspace))


def test_url_is_handed_on(desk: Desk) -> None:
    """What the author's code has already put somewhere stays there."""
    answer = desk.deliver("https://example.com/a/my%20cat.png?x=1", PathType())

    assert answer["url"] == "https://example.com/a/my%20cat.png?x=1"
    assert answer["content_type"] == "image/png"
    assert answer["file_name"] == "my cat.png"
    assert desk.shelf.files == []


def test_path_that_is_still_a_url_is_handed_on(desk: Desk) -> None:
    """Cog's own lazy path names the URL it was made from."""
    path = CogPath.validate("https://example.com/a.mp4")

    assert desk.deliver(path, PathType())["url"] == "https://example.com/a.mp4"


def test_data_url_is_handed_on(desk: Desk) -> None:
    """Its media type is known without decoding it; a broken one is an error."""
    assert desk.deliver("data:image/png;base64,aGk=", PathType())["content_type"] == "image/png"

    with pytest.raises(OutputError, match="no comma"):
        desk.deliver("data:image/png", PathType())


def test_files_are_stored_side_by_side_in_order(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """Eight uploads are under way before the first one ends, and the order is the author's."""
    shelf = Shelf()
    paths = [a_file(scratch, f"{number}.png") for number in range(8)]

    async def main() -> Any:
        release = shelf.release = asyncio.Event()
        shelf.all_here = lambda waiting: release.set() if waiting == 8 else None
        deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))
        return await asyncio.wait_for(deliverer.deliver(encoded(paths, workspace), workspace), 120)

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
        deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))
        value = [a_file(scratch), a_file(scratch, "bad.png")]
        await asyncio.wait_for(deliverer.deliver(encoded(value, workspace), workspace), 120)

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
        deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))
        task = asyncio.ensure_future(
            deliverer.deliver(encoded(a_file(scratch), workspace), workspace)
        )
        await under_way.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert shelf.files == []


def test_cancelling_waits_until_nothing_is_written_any_more(
    project: Path, workspace: Workspace
) -> None:
    """What is copied aside would else appear in a directory that is being removed."""
    file = a_file(project, content=PNG + bytes(COPIED - len(PNG)))

    async def main() -> int:
        shelf = Shelf()
        shelf.release = asyncio.Event()
        deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))
        delivered = deliverer.deliver(encoded(file, workspace), workspace, lambda: None)
        task = asyncio.ensure_future(delivered)
        copy = await first_below(workspace.directory)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return copy.stat().st_size

    assert asyncio.run(main()) == COPIED


def test_files_are_stored_in_the_context_that_delivers_them(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """Also where several are stored at a time, each by a task of its own."""
    shelf = Shelf()
    deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))

    async def request() -> None:
        CALLER.set("alice")
        files = [a_file(scratch), a_file(scratch, "b.png")]
        await deliverer.deliver(encoded(files, workspace), workspace)

    asyncio.run(request())

    assert shelf.callers == ["alice", "alice"]


def test_picture_size_reaches_the_store(desk: Desk, scratch: Path) -> None:
    """A store is told all that is known of a file."""
    desk.deliver(a_file(scratch))

    ((file, _),) = desk.shelf.files
    assert (file.pixels, file.size, file.disposable) == (ImageSize(2, 3), len(PNG), True)


def test_nothing_is_left_after_many_outputs(project: Path, scratch: Path) -> None:
    """Files, descriptors and threads are what they were, failures included."""
    idle = open_here()[1]
    store = LocalStore(max_bytes=100_000)
    deliverer = Deliverer(store.at("http://x"), Style.MEDIA, OutputDirectories(project))

    async def some() -> None:
        with Workspace() as workspace:
            value = [a_file(scratch), io.BytesIO(PNG), Image.new("L", (3, 3))]
            await deliverer.deliver(encoded(value, workspace), workspace)
            with pytest.raises(OutputError):
                await deliverer.deliver(
                    encoded([io.BytesIO(PNG), Path("/etc/passwd")], workspace), workspace
                )

    async def main() -> tuple[list[int], list[int]]:
        for _ in range(3):
            await some()
        before = open_here()
        for _ in range(40):
            await some()
        return before, open_here()

    before, after = asyncio.run(main())

    assert after[0] == before[0]
    assert after[1] - idle <= 4, "more threads than do the work of three files"
    assert list(scratch.iterdir()) == []
    folder = store.directory
    store.close()
    assert not folder.exists()


def open_here() -> list[int]:
    """Count this process's descriptors and threads."""
    return [len(list(Path("/proc/self/fd").iterdir())), threading.active_count()]


def put_aside(
    project: Path, workspace: Workspace, output: Any, spoil: Callable[[], object]
) -> tuple[bytes, bool]:
    """Deliver an output that is spoiled as soon as it may be; return what the store read.

    The second is whether that was before the file was stored.
    """
    shelf, early = Shelf(), False

    async def main() -> None:
        nonlocal early
        stored, moved = asyncio.Event(), asyncio.Event()
        released: list[bool] = []
        shelf.release = stored
        shelf.all_here = lambda waiting: moved.set()
        deliverer = Deliverer(shelf, Style.URL, OutputDirectories(project))
        task = asyncio.ensure_future(
            deliverer.deliver(encoded(output, workspace), workspace, lambda: released.append(True))
        )
        await moved.wait()
        early = bool(released)
        if early:
            spoil()
        stored.set()
        assert await task == "shelf://a.png"

    asyncio.run(main())
    ((_, content),) = shelf.files
    return content, early


def test_a_temporary_file_is_moved_aside(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """Its author finds it gone, as once it is delivered, and may write the next one there."""
    path = a_file(scratch)

    content, early = put_aside(project, workspace, path, lambda: path.write_bytes(b"next"))

    assert (content, early) == (PNG, True)
    assert path.read_bytes() == b"next"
    assert not list(workspace.directory.iterdir())


def test_a_file_of_the_project_is_copied_aside(project: Path, workspace: Workspace) -> None:
    """It stays, and may be overwritten."""
    path = a_file(project)

    content, early = put_aside(project, workspace, path, lambda: path.write_bytes(b"next"))

    assert (content, early) == (PNG, True)
    assert path.read_bytes() == b"next"
    assert not list(workspace.directory.iterdir())


def test_a_temporary_file_with_two_names_is_copied_aside(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """Its other name may be written to, and stays."""
    other = a_file(scratch, "other.png")
    path = scratch / "a.png"
    path.hardlink_to(other)

    content, early = put_aside(project, workspace, path, lambda: other.write_bytes(b"next"))

    assert (content, early) == (PNG, True)
    assert (path.exists(), other.read_bytes()) == (False, b"next")


def test_a_file_object_is_closed_at_the_end(
    project: Path, workspace: Workspace, scratch: Path
) -> None:
    """All that was written to it is delivered."""
    handle = (scratch / "a.png").open("wb")
    handle.write(PNG)

    content, early = put_aside(project, workspace, handle, lambda: None)

    assert (content, early) == (PNG, True)
    workspace.close()
    assert handle.closed


def test_a_large_file_that_stays_is_waited_for(
    project: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying it would cost as much as storing it."""
    monkeypatch.setattr("cogfal.outputs.delivery.COPIED", len(PNG) - 1)

    content, early = put_aside(project, workspace, a_file(project), lambda: None)

    assert (content, early) == (PNG, False)


def test_several_files_are_waited_for(project: Path, workspace: Workspace, scratch: Path) -> None:
    """They may be one another's; nothing is moved."""
    released: list[bool] = []

    async def main() -> Any:
        deliverer = Deliverer(Shelf(), Style.URL, OutputDirectories(project))
        files = [a_file(scratch, "a.png"), a_file(scratch, "b.png")]
        return await deliverer.deliver(
            encoded(files, workspace), workspace, lambda: released.append(True)
        )

    assert asyncio.run(main()) == ["shelf://a.png", "shelf://b.png"]
    assert released == []


def test_large_result_with_a_file_goes_out_as_its_text(desk: Desk, scratch: Path) -> None:
    """It is not read again; the file's place in it is right."""
    value = {"before": "x" * 100_000, "file": a_file(scratch), "after": [1.5] * 3}

    answer = desk.urls(value)

    assert isinstance(answer, JsonText)
    assert json.loads(answer.data) == value | {"file": "shelf://a.png"}


def test_large_text_is_a_text(desk: Desk) -> None:
    """Whatever has to join it to others can."""
    assert desk.deliver("é" * 100_000) == "é" * 100_000


def test_what_the_authors_side_has_written_is_delivered(desk: Desk, scratch: Path) -> None:
    """Its text as it is, and its files at their places."""
    path = str(a_file(scratch))
    files = (FileReference((0,), path=path), FileReference((1,), url="https://x.example/b.mp4"))

    answer = desk.urls(Encoded((b"[", b",", b",2]"), files))

    assert answer == ["shelf://a.png", "https://x.example/b.mp4", 2]


def an_object(*kinds: Type) -> ObjectType:
    """Make an object type with a field of each kind."""
    return ObjectType("Output", tuple(FieldSpec(f"f{i}", kind) for i, kind in enumerate(kinds)))


@pytest.mark.parametrize(
    "kind",
    [
        PathType(),
        FileType(),
        AnyType(),
        OpaqueType(),
        ListType(PathType()),
        DictType(AnyType()),
        OptionalType(FileType()),
        IteratorType(PathType()),
        UnionType((StringType(), PathType())),
        an_object(StringType(), an_object(ListType(PathType()))),
    ],
    ids=repr,
)
def test_files_may_be_among_it(kind: Type) -> None:
    """Where a file is declared, at any depth, and where nothing is."""
    assert may_hold_file(kind)


@pytest.mark.parametrize(
    "kind",
    [
        StringType(),
        LiteralType(("a",)),
        ListType(IntegerType()),
        DictType(StringType()),
        OptionalType(IntegerType()),
        IteratorType(StringType(), concatenate=True),
        UnionType((StringType(), IntegerType())),
        an_object(StringType(), an_object(IntegerType())),
    ],
    ids=repr,
)
def test_no_file_is_among_it(kind: Type) -> None:
    """Text and numbers, however they are put together."""
    assert not may_hold_file(kind)

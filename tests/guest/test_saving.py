"""File objects, bytes and images made into files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cogfal.files.workspace import Workspace
from cogfal.guest.saving import Unfit
from cogfal.spec import (
    FileType,
)
from tests.file_server import PNG
from tests.outputs.desk import GIF, Desk, a_file, halfway, named


def opened(directory: Path) -> Any:
    """Return a file object that has just been written and not closed."""
    file = (directory / "w.txt").open("w")
    file.write("written")
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
        pytest.param(partial(named, "../my anim"), "my anim.gif", GIF, id="named"),
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
    desk.workspace.close()
    assert getattr(value, "closed", True)


def test_temporary_file_object_is_delivered(desk: Desk) -> None:
    """Python's own temporary files are file objects that are no `io.IOBase`."""
    with tempfile.NamedTemporaryFile(suffix=".png", delete=False) as file:
        file.write(PNG)

        answer = desk.deliver(file)

    assert answer["file_size"] == len(PNG)
    assert answer["content_type"] == "image/png"


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_pipe_is_read_to_its_end(desk: Desk, buffering: int) -> None:
    """However much of it comes at once, and whenever."""
    reads, writes = os.pipe()
    content = PNG * 20_000

    def write() -> None:
        with os.fdopen(writes, "wb", buffering=0) as file:
            for at in range(0, len(content), 300_000):
                file.write(content[at : at + 300_000])

    with ThreadPoolExecutor() as pool, os.fdopen(reads, "rb", buffering=buffering) as pipe:
        written = pool.submit(write)
        desk.deliver(pipe)
        written.result()

    assert desk.shelf.files[0][1] == content


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_pipe_of_text_is_read_to_its_end(desk: Desk, buffering: int) -> None:
    """What was read in part goes on where it was; it is cut anywhere, and decoded as it says."""
    program = "import sys, os\nfor each in sys.stdin.buffer.read(): os.write(1, bytes([each]))"
    written = "Grüße, 東京\r\n" * 500
    with tempfile.TemporaryFile() as file:
        file.write(written.encode("utf-16"))
        file.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-c", program],
            bufsize=buffering,
            encoding="utf-16",
            stdin=file,
            stdout=subprocess.PIPE,
        )

    with child:
        assert child.stdout is not None
        first = child.stdout.read(10)
        desk.deliver(child.stdout)

    assert first + desk.shelf.files[0][1].decode() == written.replace("\r\n", "\n")


class Computed(io.RawIOBase):
    """A raw file of the author's that no descriptor stands behind."""

    def __init__(self, data: bytes) -> None:
        self._left = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._left.readinto(buffer)


def test_a_file_without_a_descriptor_is_delivered(desk: Desk) -> None:
    """It is read as any other, and is no pipe."""
    desk.deliver(Computed(PNG))

    assert desk.shelf.files[0][1] == PNG


def test_closed_memory_file_is_an_error(desk: Desk) -> None:
    """Its content is gone, which is said."""
    file = io.BytesIO(PNG)
    file.close()

    with pytest.raises(Unfit, match=r"output\.a: the file object cannot be read"):
        desk.deliver({"a": file})


def test_what_only_resembles_a_file_is_an_error(desk: Desk) -> None:
    """An archive reads and closes too, but not as files do."""
    archive = zipfile.ZipFile(io.BytesIO(), "w")

    with archive, pytest.raises(Unfit, match="the file object cannot be read"):
        desk.deliver(archive)


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


def test_own_copies_are_removed_at_once(desk: Desk, workspace: Workspace) -> None:
    """A generator of a thousand images does not fill the disk."""
    desk.deliver([Image.new("L", (1, 1)), io.BytesIO(b"x")])

    assert list(workspace.directory.iterdir()) == []

"""Files that are hard work: whoever sends or returns them, the event loop stays free."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cogfal.cog.types import Path as CogPath
from cogfal.errors import FileInputError
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import FileLimits
from cogfal.files.store import DataUrlStore, LocalStore, Store
from cogfal.files.workspace import Workspace
from cogfal.inputs import Materialiser
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from cogfal.spec import AnyType, InputSpec, ListType, PathType, PredictorSpec
from tests.file_server import FileServer, file_server
from tests.outputs.desk import encoded
from tests.watchdog import watched

MEGA = 1_000_000
LIMITS = FileLimits(max_files=2000, allow_private_hosts=True)
SPEC = PredictorSpec(
    "predict.py", "Predictor", "predict", (InputSpec("x", ListType(PathType())),), AnyType()
)
SENT: dict[str, Callable[[FileServer], list[str]]] = {
    "one address 2,000 times": lambda server: [server.url("/file/a.png")] * 2000,
    "many files of one name": lambda server: [server.url(f"/file/{n}/a.png") for n in range(200)],
    "2,000 data URLs": lambda _: ["".join(["data:,", str(n)]) for n in range(2000)],
    "a large data URL": lambda _: [f"data:;base64,{base64.b64encode(bytes(45 * MEGA)).decode()}"],
    "a large data URL in lines": lambda _: ["data:;base64," + ("QUJD" * 19 + "\r\n") * 200_000],
    "a large data URL of escapes": lambda _: ["data:," + "%41" * 5 * MEGA],
    "a slow charset": lambda server: [
        server.url("/file/a?disposition=") + quote("x; filename*=punycode''" + "a" * 50_000)
    ],
}
RETURNED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a JPEG of empty segments": ("a.jpg", lambda: b"\xff\xd8" + b"\xff\xe0\0\2" * 5 * MEGA),
    "a JPEG of fill bytes": ("a.jpg", lambda: b"\xff\xd8" + b"\xff" * 20 * MEGA),
    "a PPM of one comment": ("a.ppm", lambda: b"P6\n#" + b"x" * 50 * MEGA),
    "an icon of many sizes": ("a.ico", lambda: b"\0\0\1\0\xff\xff" + b"\1" * 20 * MEGA),
    "a film": ("a.mp4", lambda: bytes(50 * MEGA)),
}


@pytest.mark.parametrize("name", SENT)
def test_no_input_holds_up_the_loop(name: str, tmp_path: Path) -> None:
    """Each place gets its file."""
    with file_server() as server, Workspace(tmp_path) as workspace, watched() as found:
        urls = SENT[name](server)

        materialise = Materialiser(SPEC, HttpFetcher(LIMITS), LIMITS).materialise
        paths = asyncio.run(materialise({"x": urls}, workspace))["x"]

        assert len({*paths}) == len(urls)
    assert found == []


def test_a_caller_who_leaves_is_waited_for_one_step(tmp_path: Path) -> None:
    """Not for what is left of some hundred megabytes."""
    urls = [f"data:;base64,{base64.b64encode(bytes(MEGA)).decode()}" for _ in range(100)]

    async def main(workspace: Workspace) -> None:
        task = asyncio.ensure_future(
            Materialiser(SPEC, HttpFetcher(LIMITS), LIMITS).materialise({"x": urls}, workspace)
        )
        while not workspace.made:  # noqa: ASYNC110  # a directory has no event
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len([*workspace.directory.iterdir()]) < len(urls)

    with Workspace(tmp_path) as workspace, watched() as found:
        asyncio.run(main(workspace))
    assert found == []


def test_more_files_than_the_limit_are_refused_at_once(tmp_path: Path) -> None:
    """However many there are, the answer is short."""
    urls = ["data:,x"] * 300_000

    with Workspace(tmp_path) as workspace, watched() as found, pytest.raises(FileInputError) as no:
        asyncio.run(
            Materialiser(SPEC, HttpFetcher(LIMITS), LIMITS).materialise({"x": urls}, workspace)
        )

    assert len(no.value.problems) == 1
    assert found == []


def deliver(value: Any, store: Store, project: Path, workspace: Workspace) -> list[str]:
    """Deliver a value, and return the long steps of the loop meanwhile."""
    deliverer = Deliverer(store, Style.MEDIA, OutputDirectories(project))
    with watched() as found:
        asyncio.run(deliverer.deliver(encoded(value, workspace), workspace))
    return found


@pytest.mark.parametrize("own", [False, True], ids=["made", "given back"])
@pytest.mark.parametrize("name", RETURNED)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_returned_file_holds_up_the_loop(name: str, own: bool, tmp_path: Path) -> None:
    """Whether the predictor made it, or a caller did."""
    file_name, content = RETURNED[name]
    with Workspace() as workspace:
        path = CogPath(workspace.directory if own else tmp_path) / file_name
        path.write_bytes(content())
        store = LocalStore()

        found = deliver(path, store, tmp_path, workspace)

        store.close()
    assert found == []


@pytest.mark.parametrize(
    "make",
    [lambda: [0.5 + n for n in range(MEGA)], lambda: {"a": "x" * 60 * MEGA}, lambda: "é" * MEGA],
    ids=["numbers", "a text inside", "a text"],
)
def test_no_large_result_holds_up_the_loop(make: Callable[[], Any], tmp_path: Path) -> None:
    """It is written on a thread, and goes out as it was written."""
    with Workspace(tmp_path) as workspace:
        assert deliver(make(), DataUrlStore(), tmp_path, workspace) == []

"""File inputs, from URLs to what `predict` receives."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cogfal.cog.types import Path as CogPath
from cogfal.cog.types import Secret
from cogfal.errors import FileInputError, Problem
from cogfal.files.cache import FileCache
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import FileLimits
from cogfal.files.workspace import Workspace
from cogfal.guest.arguments import Arguments
from cogfal.inputs import Materialiser
from cogfal.spec import (
    AnyType,
    DictType,
    FieldSpec,
    FileType,
    InputSpec,
    ListType,
    ObjectType,
    OpaqueType,
    OptionalType,
    PathType,
    PredictorSpec,
    SecretType,
    StringType,
    Type,
    UnionType,
)
from tests.file_server import PNG, FileServer, file_server, file_server_process

LIMITS = FileLimits(max_file_bytes=100_000, allow_private_hosts=True)
HELLO = "data:text/plain,hello"


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A file server on the loopback."""
    with file_server() as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A prediction's directory."""
    with Workspace(tmp_path) as opened:
        yield opened


class Receiver:
    """What a predictor with some inputs receives of a request's values."""

    def __init__(
        self, inputs: tuple[InputSpec, ...], limits: FileLimits, cache: FileCache | None
    ) -> None:
        spec = PredictorSpec("predict.py", "Predictor", "predict", inputs, AnyType())
        self._materialiser = Materialiser(spec, HttpFetcher(limits), limits, cache=cache)
        self._arguments = Arguments(spec, lambda: None)

    async def materialise(self, values: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
        """Materialise values, which is plain JSON then, and make arguments of them."""
        plain = await self._materialiser.materialise(values, workspace)
        assert json.loads(json.dumps(plain)) == plain
        return self._arguments.build(
            plain, lambda handle: workspace.ends_with(handle.close), str(workspace.path)
        )


def materialiser(
    *inputs: InputSpec, limits: FileLimits = LIMITS, cache: FileCache | None = None
) -> Receiver:
    """Make what materialises the values of `inputs`."""
    return Receiver(inputs, limits, cache)


def given_one(kind: Type, value: Any, workspace: Workspace) -> Any:
    """Materialise a single input called `x`."""
    make = materialiser(InputSpec("x", kind)).materialise
    return asyncio.run(make({"x": value}, workspace))["x"]


def problems(kind: Type, value: Any, workspace: Workspace) -> tuple[Problem, ...]:
    """Return what is wrong with a single input called `x`."""
    with pytest.raises(FileInputError) as caught:
        given_one(kind, value, workspace)
    return caught.value.problems


def test_path_input_is_a_real_file(server: FileServer, workspace: Workspace) -> None:
    """It is a cog.Path that everything model code does with paths works on."""
    path = given_one(PathType(), server.url("/file/cat.png?sig=a%2Fb"), workspace)

    assert type(path) is CogPath
    assert path.parent == workspace.directory
    assert path.name == "cat.png"
    assert path.suffix == ".png"
    assert path.read_bytes() == PNG
    with Image.open(path) as by_path, Image.open(str(path)) as by_name:
        assert by_path.size == by_name.size == (2, 3)
    with open(path, "rb") as file:  # noqa: PTH123 (as model code does)
        assert file.read() == PNG
    assert os.path.getsize(path) == len(PNG)  # noqa: PTH202 (as model code does)
    shown = subprocess.run(["cat", path], check=True, capture_output=True).stdout
    assert shown == PNG


def test_file_input_is_a_binary_file_that_is_closed_afterwards(workspace: Workspace) -> None:
    """It reads bytes, seeks, has a name, and ends with the prediction."""
    file = given_one(FileType(), HELLO, workspace)

    assert file.read() == b"hello"
    assert file.seek(1) == 1
    assert file.name.endswith(".txt")
    workspace.close()
    assert file.closed


@pytest.mark.parametrize(
    ("kind", "value", "contents"),
    [
        pytest.param(PathType(), HELLO, "hello", id="path"),
        pytest.param(OptionalType(PathType()), HELLO, "hello", id="optional"),
        pytest.param(OptionalType(PathType()), None, None, id="optional without"),
        pytest.param(ListType(PathType()), [HELLO, "data:,b"], ["hello", "b"], id="list"),
        pytest.param(ListType(PathType()), [], [], id="empty list"),
        pytest.param(DictType(PathType()), {"a": HELLO}, {"a": "hello"}, id="dict"),
        pytest.param(
            ObjectType(
                "O", (FieldSpec("f", OptionalType(PathType())), FieldSpec("s", StringType()))
            ),
            {"f": HELLO, "s": HELLO, "extra": HELLO},
            {"f": "hello", "s": HELLO, "extra": HELLO},
            id="object",
        ),
        pytest.param(
            ListType(DictType(ListType(PathType()))), [{"a": [HELLO]}], [{"a": ["hello"]}],
            id="nested",
        ),
        pytest.param(UnionType((PathType(), StringType())), HELLO, "hello", id="path or str"),
        pytest.param(UnionType((PathType(), StringType())), "text", "text", id="text"),
        pytest.param(UnionType((StringType(), PathType())), HELLO, HELLO, id="str or path"),
        pytest.param(
            UnionType((PathType(), ListType(PathType()))), [HELLO], ["hello"], id="path or list"
        ),
        pytest.param(
            UnionType((StringType(), DictType(PathType()))), {"a": HELLO}, {"a": "hello"},
            id="str or dict",
        ),
        pytest.param(
            DictType(OptionalType(ListType(PathType()))), {"a": [HELLO], "b": None},
            {"a": ["hello"], "b": None}, id="optional in a dict",
        ),
        pytest.param(StringType(), HELLO, HELLO, id="str"),
        pytest.param(AnyType(), HELLO, HELLO, id="any"),
        pytest.param(OpaqueType(), {"url": HELLO}, {"url": HELLO}, id="opaque"),
        pytest.param(ListType(StringType()), [HELLO], [HELLO], id="list of str"),
    ],
)  # fmt: skip
def test_files_are_put_where_they_are_declared_and_only_there(
    workspace: Workspace, kind: Type, value: Any, contents: Any
) -> None:
    """Whatever the type is made of; a URL in a `str` stays a string."""

    def read(result: Any) -> Any:
        match result:
            case CogPath():
                return result.read_text()
            case list():
                return [read(each) for each in result]
            case dict():
                return {key: read(each) for key, each in result.items()}
            case _:
                return result

    assert read(given_one(kind, value, workspace)) == contents


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "../x",
        "",
        "C:\\x",
        3,
        "gs://b/k",
    ],
)
def test_anything_but_a_url_is_refused(workspace: Workspace, value: Any) -> None:
    """A path, another scheme or no text at all never reaches the predictor."""
    (problem,) = problems(ListType(PathType()), [HELLO, value], workspace)

    assert problem.loc == ("x", 1)
    assert problem.type == "file_download_error"


@pytest.mark.parametrize(
    ("url", "kind", "context"),
    [
        ("/status?code=403", "file_download_error", None),
        ("/bytes?size=100001", "file_too_large", {"max_size": 100_000}),
        ("/reset", "file_download_error", None),
    ],
)
def test_failure_names_its_input(
    server: FileServer, workspace: Workspace, url: str, kind: str, context: Any
) -> None:
    """The problem says which input, of which of fal's types, and which URL."""
    address = server.url(url)

    (problem,) = problems(DictType(PathType()), {"a": HELLO, "b": address}, workspace)

    assert (problem.loc, problem.type, problem.context) == (("x", "b"), kind, context)
    assert problem.value == address


def test_failing_url_names_every_input_that_wanted_it(
    server: FileServer, workspace: Workspace
) -> None:
    """Two places of one bad URL are two problems."""
    address = server.url("/status?code=404")

    found = problems(ListType(PathType()), [address, address], workspace)

    assert [problem.loc for problem in found] == [("x", 0), ("x", 1)]


def test_only_some_places_of_a_failing_url_are_named(
    server: FileServer, workspace: Workspace
) -> None:
    """An answer about hundreds of them says no more than one about ten."""
    address = server.url("/status?code=404")

    assert len(problems(ListType(PathType()), [address] * 300, workspace)) == 10


def test_long_urls_are_not_repeated_whole(workspace: Workspace) -> None:
    """An error about a data URL does not carry megabytes."""
    (problem,) = problems(PathType(), "data:;base64," + "%" * 10_000, workspace)

    assert len(problem.value) < 300


def test_private_hosts_are_refused_by_default(server: FileServer, workspace: Workspace) -> None:
    """Nothing is asked of a loopback server unless a setting says so."""
    make = materialiser(InputSpec("x", PathType()), limits=FileLimits()).materialise

    with pytest.raises(FileInputError, match="not on the public internet"):
        asyncio.run(make({"x": server.url("/file")}, workspace))

    assert server.requests == []
    assert list(workspace.directory.iterdir()) == []


def test_downloads_run_side_by_side(server: FileServer, workspace: Workspace) -> None:
    """Eight files that are only answered together arrive."""
    server.barrier = threading.Barrier(8)
    urls = [server.url(f"/together/{number}.png") for number in range(8)]

    paths = given_one(ListType(PathType()), urls, workspace)

    assert [path.name for path in paths] == [f"{number}.png" for number in range(8)]


def test_url_that_occurs_twice_is_fetched_once(server: FileServer, workspace: Workspace) -> None:
    """Each place still gets a file that it may move away."""
    url = server.url("/file/a.png")

    first, second = given_one(ListType(PathType()), [url, url], workspace)
    first.unlink()

    assert server.paths() == ["/file/a.png"]
    assert second.read_bytes() == PNG


def test_path_and_file_of_one_url_are_fetched_once(
    server: FileServer, workspace: Workspace
) -> None:
    """Also when one input is a Path and the other a File."""
    url = server.url("/file/a.png")
    make = materialiser(InputSpec("p", PathType()), InputSpec("f", FileType())).materialise

    values = asyncio.run(make({"p": url, "f": url}, workspace))

    assert len(server.requests) == 1
    assert values["p"].read_bytes() == values["f"].read() == PNG


def test_same_names_do_not_collide(server: FileServer, workspace: Workspace) -> None:
    """Two URLs whose last component is the same are two files."""
    urls = [server.url("/file/1/a.png"), server.url("/file/2/a.png")]

    names = {path.name for path in given_one(ListType(PathType()), urls, workspace)}

    assert names == {"a.png", "a-2.png"}


def test_first_failure_stops_the_siblings(server: FileServer, workspace: Workspace) -> None:
    """A download that would never end does not delay the error, and leaves no bytes."""
    urls = [server.url("/stall"), server.url("/status?code=500")]

    (problem,) = problems(ListType(PathType()), urls, workspace)

    assert problem.loc == ("x", 1)
    assert list(workspace.directory.iterdir()) == []


def test_cancelling_stops_every_download(server: FileServer, workspace: Workspace) -> None:
    """At once, and with nothing left on disk."""
    make = materialiser(InputSpec("x", ListType(PathType()))).materialise
    urls = [server.url("/stall"), server.url("/silent"), server.url("/stall?2")]

    async def main() -> None:
        task = asyncio.ensure_future(make({"x": urls}, workspace))
        await asyncio.to_thread(server.busy.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert list(workspace.directory.iterdir()) == []


@pytest.mark.parametrize("sizes", [[9], [200_000], [9, 9, 8], [9] * 20, [9, 90_000, 60_000]])
def test_data_urls_are_written_however_large_and_many(
    workspace: Workspace, sizes: list[int]
) -> None:
    """Every one gets a file of its own, equal ones too, and all of their bytes are counted."""
    contents = [bytes(range(256)) * (size // 256 + 1) for size in sizes]
    urls = [f"data:;base64,{base64.b64encode(content).decode()}" for content in contents]
    limits = FileLimits(max_file_bytes=10**6)
    make = materialiser(InputSpec("x", ListType(PathType())), limits=limits).materialise

    paths = asyncio.run(make({"x": urls}, workspace))["x"]

    assert [path.read_bytes() for path in paths] == contents
    assert len(set(paths)) == len(paths)
    assert workspace.received == sum(map(len, contents))


def test_cancelling_ends_the_decoding_of_data_urls(workspace: Workspace) -> None:
    """Before its next step, so that the slot is free and the directory can be removed."""
    urls = [f"data:;base64,{base64.b64encode(bytes(10**6)).decode()}" for _ in range(50)]
    limits = FileLimits(max_file_bytes=10**8)
    make = materialiser(InputSpec("x", ListType(PathType())), limits=limits).materialise

    async def main() -> None:
        task = asyncio.ensure_future(make({"x": urls}, workspace))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    written = {path: path.stat().st_size for path in workspace.directory.iterdir()}

    assert len(written) < len(urls)
    assert written == {path: path.stat().st_size for path in workspace.directory.iterdir()}


def test_number_of_files_is_bounded(workspace: Workspace) -> None:
    """One more than the limit is refused before anything is fetched, at its place."""
    limits = FileLimits(max_files=3)
    kinds = InputSpec("a", ListType(PathType())), InputSpec("b", PathType())
    make = materialiser(*kinds, limits=limits).materialise

    with pytest.raises(FileInputError, match="max_files") as caught:
        asyncio.run(make({"a": [HELLO] * 3, "b": HELLO}, workspace))

    (problem,) = caught.value.problems
    assert (problem.loc, problem.type, problem.context) == (("b",), "too_long", {"max_length": 3})
    assert workspace.made is None


def test_open_files_are_bounded_by_what_the_process_may_have_open(workspace: Workspace) -> None:
    """One request cannot take the descriptors of all the others; paths take none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kinds = InputSpec("p", ListType(PathType())), InputSpec("f", ListType(FileType()))
    make = materialiser(*kinds).materialise
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with pytest.raises(FileInputError, match="256 open files") as caught:
            asyncio.run(make({"p": [HELLO], "f": [HELLO] * 300}, workspace))
        given = asyncio.run(make({"p": [HELLO] * 300, "f": [HELLO]}, workspace))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert caught.value.problems[0].loc == ("f", 256)
    assert len(given["p"]) == 300


class Reluctant(Workspace):
    """Gives no file another name before it is told to."""

    def __init__(self, parent: Path) -> None:
        super().__init__(parent)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def another_name(self, path: Path) -> Path:
        """Give one, in time."""
        self.asked.set()
        self.go_on.wait()
        return super().another_name(path)


def test_cancelling_ends_the_giving_of_names(tmp_path: Path) -> None:
    """One file that was asked for ten times has no further names then."""

    async def main(workspace: Reluctant) -> int:
        make = materialiser(InputSpec("x", ListType(PathType()))).materialise
        task = asyncio.ensure_future(make({"x": [HELLO] * 10}, workspace))
        await asyncio.to_thread(workspace.asked.wait)
        task.cancel()
        await asyncio.sleep(0)
        workspace.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len([*workspace.directory.iterdir()])

    with Reluctant(tmp_path) as workspace:
        assert asyncio.run(main(workspace)) == 2


@pytest.mark.parametrize("same", [True, False])
def test_a_name_that_two_thousand_files_share_costs_few_tries(
    workspace: Workspace, same: bool
) -> None:
    """Each of them gets another one, whether or not they are one file."""
    limits = FileLimits(max_files=2000)
    make = materialiser(InputSpec("x", ListType(PathType())), limits=limits).materialise
    urls = [HELLO if same else "".join(["data:text/plain,", "hello"]) for _ in range(2000)]

    paths = asyncio.run(make({"x": urls}, workspace))["x"]

    assert len(set(paths)) == 2000
    assert {path.read_text() for path in paths} == {"hello"}


def test_files_of_one_request_share_its_limit(workspace: Workspace) -> None:
    """The sum counts, data URLs too."""
    limits = FileLimits(max_file_bytes=10, max_request_bytes=15)
    make = materialiser(InputSpec("x", ListType(PathType())), limits=limits).materialise

    with pytest.raises(FileInputError) as caught:
        asyncio.run(make({"x": ["data:,0123456789", "data:,012345"]}, workspace))

    (problem,) = caught.value.problems
    assert problem.type == "file_too_large"
    assert problem.context == {"max_size": 15}


@pytest.mark.parametrize("kind", [PathType(), OptionalType(PathType())])
def test_default_may_be_a_file_of_the_author(
    workspace: Workspace, tmp_path: Path, kind: Type
) -> None:
    """A default that is a path is used as it is, and not removed with the prediction."""
    own = tmp_path / "default.txt"
    own.write_text("own")
    make = materialiser(InputSpec("x", kind, default=str(own))).materialise

    path = asyncio.run(make({"x": str(own)}, workspace))["x"]

    assert type(path) is CogPath
    assert list(tmp_path.iterdir()) == [own], "a directory was made for nothing"
    workspace.close()
    assert path.read_text() == "own"


def test_defaults_in_a_dict_are_files_of_the_author(workspace: Workspace, tmp_path: Path) -> None:
    """At any depth."""
    own = tmp_path / "default.txt"
    own.write_text("own")
    default = {"a": [str(own)]}
    make = materialiser(InputSpec("x", DictType(ListType(PathType())), default=default)).materialise

    made = asyncio.run(make({"x": default}, workspace))["x"]

    assert made["a"][0].read_text() == "own"


def test_default_of_a_file_input_is_opened(workspace: Workspace, tmp_path: Path) -> None:
    """A File input gets a file object from its default as well."""
    own = tmp_path / "default.txt"
    own.write_text("own")
    make = materialiser(InputSpec("x", FileType(), default=str(own))).materialise

    assert asyncio.run(make({"x": str(own)}, workspace))["x"].read() == b"own"


def test_default_url_is_fetched(server: FileServer, workspace: Workspace) -> None:
    """A default that is a URL is a URL like any other."""
    url = server.url("/file/a.png")
    make = materialiser(InputSpec("x", ListType(PathType()), default=[url])).materialise

    (path,) = asyncio.run(make({"x": [url]}, workspace))["x"]

    assert path.read_bytes() == PNG


def test_secrets_cross_as_their_texts(workspace: Workspace) -> None:
    """They are secrets again where the predictor gets them."""
    make = materialiser(InputSpec("x", ListType(SecretType()))).materialise

    (secret,) = asyncio.run(make({"x": [Secret("shh")]}, workspace))["x"]

    assert type(secret) is Secret
    assert secret.get_secret_value() == "shh"


def test_undeclared_values_pass(workspace: Workspace) -> None:
    """A value without a declaration is not looked into."""
    make = materialiser(InputSpec("x", StringType())).materialise

    assert asyncio.run(make({"y": HELLO}, workspace)) == {"y": HELLO}


def test_cached_inputs_are_not_sent_twice(
    server: FileServer, workspace: Workspace, tmp_path: Path
) -> None:
    """With a cache, the next prediction asks only whether the file has changed."""
    cache = FileCache(tmp_path / "cache", HttpFetcher(LIMITS))
    make = materialiser(InputSpec("x", ListType(PathType())), cache=cache).materialise
    url = server.url("/versioned/lora.safetensors")

    first = asyncio.run(make({"x": [url, url]}, workspace))["x"]
    second = asyncio.run(make({"x": [url, HELLO]}, workspace))["x"]

    assert [path.read_bytes() for path in (*first, second[0])] == [b"weights"] * 3
    assert first[0] != first[1]
    assert {path.suffix for path in first} == {".safetensors"}
    assert {path.parent for path in first} == {workspace.directory}
    assert server.requests[1][1]["If-None-Match"] == '"one"'


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=20).map("data:".__add__) | st.just(HELLO), max_size=4))
def test_every_answer_is_right_or_an_error_and_always_inside(urls: list[str]) -> None:
    """Files land directly in the prediction's directory, or the input is refused."""
    with Workspace() as workspace:
        try:
            paths = given_one(ListType(PathType()), urls, workspace)
        except FileInputError:
            return
        assert {path.parent for path in paths} <= {workspace.directory}
        assert len(set(paths)) == len(urls)


def test_nothing_is_left_after_many_predictions(tmp_path: Path) -> None:
    """Files, descriptors and threads are what they were, failures and cancellations included."""
    kinds = InputSpec("x", ListType(PathType())), InputSpec("f", FileType())
    make = materialiser(*kinds).materialise

    async def one(urls: list[str], seconds: float = 20.0) -> None:
        with Workspace(tmp_path) as workspace:
            await asyncio.wait_for(make({"x": urls, "f": urls[0]}, workspace), seconds)

    async def some(good: str, bad: str, slow: str) -> None:
        await one([good, HELLO])
        with pytest.raises(FileInputError):
            await one([good, bad])
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await one([good, slow], seconds=0.02)

    async def main(address: str) -> tuple[tuple[int, int], tuple[int, int]]:
        urls = [f"{address}/file/a.png", f"{address}/reset", f"{address}/stall"]
        # The usual one grows with the number of names that are looked up at once.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        for _ in range(3):
            await some(*urls)
        before = open_here()
        for _ in range(40):
            await some(*urls)
        return before, open_here()

    with file_server_process() as address:
        before, after = asyncio.run(main(address))

    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert list(tmp_path.iterdir()) == []


def open_here() -> tuple[int, int]:
    """Count this process's descriptors and threads."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def test_package_is_importable_without_fal() -> None:
    """The runner side of file inputs needs nothing of fal."""
    program = (
        "import sys; sys.modules['fal'] = None; import cogfal.inputs, cogfal.outputs;"
        "assert not any(name.startswith('fal.') for name in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)

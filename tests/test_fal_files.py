"""Storing files through fal.toolkit, here and where neither fal nor its credentials are."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import trustme
from fal._serialization import include_module, patch_pickle
from fal.toolkit.exceptions import FileUploadException
from fal.toolkit.file.types import FileData, FileRepository

from cogfal.errors import OutputError, SettingError
from cogfal.fal_files import FalStore, choose_store, has_credentials
from cogfal.files.store import DataUrlStore, LocalFile, LocalStore, StoredFile, StoreError
from cogfal.files.workspace import Workspace
from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.directories import OutputDirectories
from tests.appearing import first_below
from tests.cdn import Cdn, cdn
from tests.file_server import PNG
from tests.outputs.desk import encoded
from tests.uploader import Uploader, uploader

REQUEST: contextvars.ContextVar[Any] = contextvars.ContextVar("REQUEST", default=None)


@dataclass
class Memory(FileRepository):
    """A repository as an App's author may write one."""

    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    problem: Exception | None = None

    def save(self, data: FileData, *args: Any, **kwargs: Any) -> str:
        """Keep the bytes."""
        if self.problem is not None:
            raise self.problem
        self.kept.append((data.file_name, data.content_type, data.data))
        return f"memory://{data.file_name}"


@dataclass
class Request:
    """What fal.toolkit reads of a request."""

    headers: dict[str, str]
    request_id: str | None = None
    upload_policy: None = None

    @property
    def lifecycle_preference(self) -> Any:
        """The caller's wish for how long files are kept."""
        return json.loads(self.headers.get("x-fal-object-lifecycle-preference", "null"))


class App:
    """What fal.toolkit reads of an App."""

    @property
    def current_request(self) -> Any:
        """The request in whose context this is asked."""
        return REQUEST.get()


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploader]:
    """A node with a local uploader, on which an app is running."""
    with uploader(tmp_path) as running:
        monkeypatch.setenv("FAL_USE_LOCAL_UPLOADER", "1")
        monkeypatch.setenv("FAL_API_SOCKET", str(running.socket))
        monkeypatch.setenv("FAL_KEY", "id:secret")
        monkeypatch.setattr("fal.ref.current_app", App())
        yield running


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without credentials."""
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("fal.auth.local._FAL_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("FAL_HOME_DIR", str(tmp_path))


def a_file(
    directory: Path, name: str = "cat.png", content: bytes = PNG, disposable: bool = False
) -> LocalFile:
    """Write a file."""
    path = directory / name
    path.write_bytes(content)
    return LocalFile(path, name, "image/png", len(content), disposable=disposable)


def put(store: FalStore, file: LocalFile) -> StoredFile:
    """Put one file."""
    return asyncio.run(store.put(file))


def test_any_repository_can_be_used(tmp_path: Path) -> None:
    """It gets the bytes, the name and the type as they are."""
    repository = Memory()

    stored = put(FalStore(repository), a_file(tmp_path))

    assert repository.kept == [("cat.png", "image/png", PNG)]
    assert stored == StoredFile("memory://cat.png", "image/png", "cat.png", len(PNG))


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            FileUploadException("Error uploading part 1 to https://x/y?sig=hush#a."),
            "to https://x/y$",
        ),
        (PermissionError("denied"), "denied"),
        (KeyError(), "KeyError"),
    ],
)
def test_failed_upload_says_why(tmp_path: Path, problem: Exception, message: str) -> None:
    """Whatever a repository raises, without what would let others upload."""
    with pytest.raises(StoreError, match=message) as caught:
        put(FalStore(Memory(problem=problem)), a_file(tmp_path))

    assert "hush" not in str(caught.value)


def test_a_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    """fal.toolkit would open it."""
    os.mkfifo(tmp_path / "cat.png")

    with pytest.raises(StoreError, match=r"cat\.png cannot be read"):
        put(FalStore(Memory()), LocalFile(tmp_path / "cat.png", "cat.png", "image/png", 5))


def test_failed_upload_fails_the_prediction(tmp_path: Path) -> None:
    """The output names the file and the reason."""
    store = FalStore(Memory(problem=FileUploadException("quota")))
    file = a_file(tmp_path)

    async def main(workspace: Workspace) -> None:
        await Deliverer(store, Style.URL, OutputDirectories(tmp_path)).deliver(
            encoded(file.path, workspace), workspace
        )

    with Workspace() as workspace, pytest.raises(OutputError, match=r"cat\.png .* quota"):
        asyncio.run(main(workspace))


def test_upload_goes_through_the_local_uploader(node: Uploader, tmp_path: Path) -> None:
    """With the bytes, the name, the type and the runner's credentials."""
    stored = put(FalStore(), a_file(tmp_path))

    (upload,) = node.uploads
    assert upload.content == PNG
    assert upload.headers["X-Fal-File-Name"] == "cat.png"
    assert upload.headers["Content-Type"] == "image/png"
    assert upload.headers["Authorization"] == "Key id:secret"
    assert stored.url == "https://cdn.test/0/cat.png"


def test_large_file_is_streamed_to_the_uploader(node: Uploader, tmp_path: Path) -> None:
    """Beyond 16 MiB as well every byte arrives."""
    content = bytes(range(256)) * (17 * 4096)

    put(FalStore(), a_file(tmp_path, content=content))

    assert node.uploads[0].content == content


def test_uploads_carry_the_callers_preferences(node: Uploader, tmp_path: Path) -> None:
    """Lifecycle, CDN token and request id are those of the request, from every thread."""
    headers = {
        "x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 60}',
        "x-fal-cdn-token": "token",
        "x-fal-caller-user-id": "alice",
    }
    paths = [a_file(tmp_path, f"{number}.png").path for number in range(3)]

    async def main(workspace: Workspace) -> Any:
        REQUEST.set(Request(headers, "request-1"))
        deliverer = Deliverer(FalStore(), Style.URL, OutputDirectories(tmp_path))
        return await deliverer.deliver(encoded(paths, workspace), workspace)

    with Workspace() as workspace:
        urls = asyncio.run(main(workspace))

    assert [url.rsplit("/", 1)[1] for url in urls] == ["0.png", "1.png", "2.png"]
    for upload in node.uploads:
        assert json.loads(upload.headers["X-Fal-Object-Lifecycle"]) == {
            "expiration_duration_seconds": 60
        }
        assert upload.headers["X-Fal-CDN-Token"] == "token"
        assert upload.headers["X-Fal-Request-ID"] == "request-1"
        assert upload.headers["x-fal-caller-user-id"] == "alice"


def test_reserved_url_is_answered_before_the_bytes_are_up(node: Uploader, tmp_path: Path) -> None:
    """The file may be removed at once; its bytes arrive all the same."""
    node.gate.clear()
    store = FalStore(reserve=True)
    file = a_file(tmp_path, disposable=True)

    async def main() -> StoredFile:
        stored = await store.put(file)
        assert node.uploads[0].content is None
        file.path.unlink(missing_ok=True)
        node.gate.set()
        await store.drain()
        return stored

    stored = asyncio.run(main())

    assert stored.url == "https://cdn.test/0/cat.png"
    assert node.finished.is_set()
    assert node.uploads[0].content == PNG


def test_cancelling_waits_for_the_copy_behind_a_reserved_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not written to any more, and its directory is gone."""
    held, file = tmp_path / "held", a_file(tmp_path, content=bytes(64 * 1024**2))
    held.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(held))

    async def main() -> list[str]:
        task = asyncio.ensure_future(FalStore(Memory(), reserve=True).put(file))
        await first_below(held)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return open_here()

    opened = asyncio.run(main())

    assert not [each for each in opened if each.startswith(str(held))]
    assert list(held.iterdir()) == []


def open_here() -> list[str]:
    """Return what this process has open."""
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [str(each.readlink()) for each in links]


def test_a_file_that_cannot_be_kept_gets_no_reserved_url(tmp_path: Path) -> None:
    """What the system says of it is told."""
    file = a_file(tmp_path)._replace(name="a" * 300)

    with pytest.raises(StoreError, match=r"aaa cannot be kept: File name too long$"):
        put(FalStore(Memory(), reserve=True), file)


def test_repository_without_reservations_is_an_error(tmp_path: Path) -> None:
    """The setting and the repository do not go together, which is said."""
    with pytest.raises(StoreError, match="set reserve_outputs = False"):
        put(FalStore(Memory(), reserve=True), a_file(tmp_path))


def test_reserved_url_that_fails_is_logged(
    node: Uploader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can be told any more but the log."""
    store = FalStore(reserve=True)

    async def main() -> None:
        node.gate.clear()
        await store.put(a_file(tmp_path))
        node.uploads.clear()
        node.gate.set()
        await store.drain()

    asyncio.run(main())

    assert "The file cat.png did not reach its reserved URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "kind"),
    [("fal", FalStore), ("r2", FalStore), ("in_memory", DataUrlStore), (Memory(), FalStore),
     ("local", LocalStore), (None, LocalStore)],
    ids=["fal", "r2", "in_memory", "repository", "local", "default"],
)  # fmt: skip
def test_store_is_chosen_by_setting(nobody: None, files: Any, kind: type[Any]) -> None:
    """Without credentials and without a setting, files stay local."""
    local = LocalStore()

    assert type(choose_store(files, reserve=False, local=lambda: local)) is kind
    local.close()


def test_default_is_the_cdn_where_there_are_credentials(
    nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is enough."""
    assert not has_credentials()

    monkeypatch.setenv("FAL_KEY", "id:secret")

    assert has_credentials()
    assert isinstance(choose_store(None, reserve=False, local=DataUrlStore), FalStore)


def test_login_counts_as_credentials(nobody: None, tmp_path: Path) -> None:
    """`fal auth login` leaves a token."""
    (tmp_path / "auth0_token").write_text("refresh\naccess")

    assert has_credentials()


def test_nobody_is_logged_in_where_there_can_be_no_login(
    nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that nothing can be written to is no error."""
    monkeypatch.setattr("fal.auth.local._FAL_HOME_DIR", "/proc/nobody")

    assert not has_credentials()


@pytest.mark.parametrize("files", ["nonsense", 3, object()])
def test_unknown_setting_is_refused(files: Any) -> None:
    """The error says what may be written."""
    with pytest.raises(SettingError, match='write "fal", "local", "in_memory"'):
        choose_store(files, reserve=False, local=DataUrlStore)


UPLOADING = """
import asyncio, pathlib, sys
from cogfal.fal_files import FalStore
from cogfal.files.store import LocalFile, StoreError

path = pathlib.Path(sys.argv[1])
file = LocalFile(path, path.name, "image/png", path.stat().st_size)
try:
    print(asyncio.run(FalStore().put(file)).url, file=sys.stderr)
except StoreError as error:
    print("StoreError", error, file=sys.stderr)
"""


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cdn]:
    """A network on which fal's hosts are a CDN of the test's own."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with cdn(context) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("FAL_REST_HOST", running.host)
        monkeypatch.setenv("FAL_KEY", "id:secret")
        yield running


def upload_elsewhere(file: LocalFile) -> str:
    """Upload from a process that reads fal's hosts from its environment; return what it says."""
    ran = subprocess.run(
        [sys.executable, "-c", UPLOADING, str(file.path)],
        capture_output=True,
        timeout=120,
        check=True,
        text=True,
    )
    return ran.stderr.strip()


def test_small_file_goes_up_whole(network: Cdn, tmp_path: Path) -> None:
    """Fal's CDN is told name and type, and gets the bytes; a busy CDN is asked again."""
    network.refusals[:] = [503]

    said = upload_elsewhere(a_file(tmp_path))

    ((headers, body),) = network.initiated
    assert headers["Authorization"] == "Key id:secret"
    assert body == {"file_name": "cat.png", "content_type": "image/png"}
    assert network.whole == [PNG]
    assert said == f"https://{network.host}/f/cat.png"


def test_large_file_goes_up_in_parts(network: Cdn, tmp_path: Path) -> None:
    """Beyond 16 MiB in parts of 8 MiB, so that memory holds few of them."""
    content = bytes(range(256)) * (17 * 4096)

    said = upload_elsewhere(a_file(tmp_path, content=content))

    assert said == f"https://{network.host}/f/cat.png"
    assert network.completed == [[1, 2, 3]]
    assert b"".join(network.parts[number] for number in (1, 2, 3)) == content
    assert {len(part) for part in network.parts.values()} == {8 * 2**20, 2**20}


def test_refused_file_says_why(network: Cdn, tmp_path: Path) -> None:
    """Fal's repository and its fallback are both named."""
    network.refusals[:] = [403, 403]

    said = upload_elsewhere(a_file(tmp_path))

    assert said.startswith("StoreError Failed to save_file to all 2 repositories")
    assert "Status 403" in said


RUNNER = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"fal", "rich", "isolate", "isolate_proto", "grpc"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[1])

import asyncio, json, pathlib, pickle
from cogfal.files.store import LocalFile

store, choose, credentials = pickle.loads(sys.stdin.buffer.read())
path = pathlib.Path(sys.argv[2])
file = LocalFile(path, path.name, "image/png", path.stat().st_size)
stored = asyncio.run(store.put(file))
print(json.dumps([stored.url, type(choose("fal", reserve=False, local=None)).__name__,
                  credentials(), "fal" in sys.modules]))
"""


@pytest.mark.parametrize("reserve", [False, True])
def test_store_works_by_value_where_fal_is_not_installed(
    node: Uploader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserve: bool
) -> None:
    """Pickled as fal pickles, it uploads from an interpreter that cannot import fal."""
    monkeypatch.setattr("fal.ref.current_app", None)
    patch_pickle()
    include_module("cogfal.fal_files")
    try:
        payload = cloudpickle.dumps((FalStore(reserve=reserve), choose_store, has_credentials))
    finally:
        cloudpickle.cloudpickle._PICKLE_BY_VALUE_MODULES.discard("cogfal.fal_files")
    source = Path(__file__).parents[1] / "src"
    file = a_file(tmp_path)

    answer = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER, str(source), str(file.path)],
        input=payload,
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr.decode()
    assert json.loads(answer.stdout) == ["https://cdn.test/0/cat.png", "FalStore", True, False]
    if not reserve:
        assert node.uploads[0].content == PNG

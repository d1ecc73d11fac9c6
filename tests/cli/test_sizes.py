"""What goes to the runner; and what is downloaded there, asked of servers on loopback."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.cli.conftest import Cogfal
from tests.http_server import QuietServer, running


def wheel(name: str, needs: str = "") -> bytes:
    """Return a wheel of a package that holds nothing."""
    body = io.BytesIO()
    folder = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(body, "w") as archive:
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        archive.writestr(
            f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
        )
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr(f"{folder}/RECORD", "")
    return body.getvalue()


FILES = {
    "big-1.0-py3-none-any.whl": wheel("big", "small"),
    "small-1.0-py3-none-any.whl": wheel("small"),
}
SIZES = {"big": 5 * 10**9, "small": 10**6}
"""What the index says of the packages; they are not downloaded."""


class Handler(BaseHTTPRequestHandler):
    """An index of two packages, and weights of two gigabytes that can only be asked for."""

    def do_HEAD(self) -> None:
        """Tell a length."""
        known = self.path == "/weights.bin"
        self.send_response(200 if known else 405)
        if known:
            self.send_header("content-length", str(2 * 10**9))
        self.end_headers()

    def do_GET(self) -> None:
        """Answer as an index does, in JSON, which tells sizes; give wheels for their metadata."""
        name = self.path.strip("/").rpartition("/")[2]
        if name in FILES:
            self._answer(FILES[name], "application/octet-stream")
        else:
            self._answer(_listing(name).encode(), "application/vnd.pypi.simple.v1+json")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _listing(package: str) -> str:
    files = [
        {
            "filename": name,
            "url": f"/files/{name}",
            "size": SIZES[package],
            "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
        }
        for name, body in FILES.items()
        if name.startswith(package)
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": package, "files": files})


@pytest.fixture
def server() -> Iterator[str]:
    """The address of the index and the weights."""
    server = QuietServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_sizes_are_asked_for(server: str, project: Path, cogfal: Cogfal) -> None:
    """Packages with what they need in turn, weights by their length, and the time that takes."""
    (project / "cog.yaml").write_text(
        "build: {python_packages: [big], gpu: true}\npredict: predict.py:Greets\n"
    )
    (project / "app.py").write_text(
        "import cogfal\n"
        "class Greets(cogfal.App):\n"
        '    predictor = "predict.py:Greets"\n'
        f'    weights = {{"a.bin": "{server}/weights.bin", "b.bin": "{server}/none.bin"}}\n'
    )

    ended = cogfal("check", "--sizes", UV_DEFAULT_INDEX=f"{server}/simple", UV_NO_CACHE="1")

    assert "packages to download: 2, 5.0 GB" in ended.out + ended.err
    assert "weights to download: 1, 2.0 GB, and 1 of a size that is not known" in ended.err
    assert "7.0 GB are about 70 s at 100 MB/s the first time" in ended.err


def test_what_cannot_be_known_is_said(server: str, project: Path, cogfal: Cogfal) -> None:
    """An index that does not answer leaves the packages' size open, with the reason."""
    (project / "cog.yaml").write_text(
        "build: {python_packages: [big]}\npredict: predict.py:Greets\n"
    )

    ended = cogfal("check", "--sizes", UV_DEFAULT_INDEX="http://127.0.0.1:1/simple")

    assert "packages to download: how large they are is not known:" in ended.err


def test_nothing_is_asked_unasked(project: Path, cogfal: Cogfal) -> None:
    """Without `--sizes` it is said that they are not known; where nothing is fetched, nothing."""
    before = cogfal("check")
    (project / "cog.yaml").write_text(
        "build: {python_packages: [big, small]}\npredict: predict.py:Greets\n"
    )
    after = cogfal("check", UV_DEFAULT_INDEX="http://127.0.0.1:1/simple")

    assert "downloads:" not in before.err
    assert "packages named: 2, weights: 0; how large they are is not known" in after.err


def test_what_travels_is_told_and_what_looks_unintended(cogfal: Cogfal, project: Path) -> None:
    """The largest first; -v lists all."""
    for name in ("train.log", "photo.png", ".env.local", "a.txt", "b.txt"):
        (project / name).write_text(name)
    (project / "large.bin").write_bytes(bytes(10_000))
    (project / "out" / "1").mkdir(parents=True)
    for name in ("results.jsonl", "1/voice.txt"):
        (project / "out" / name).write_text("")

    short, whole = cogfal("check"), cogfal("check", "-v")

    assert "the largest: large.bin (10.0 kB), predict.py" in short.err
    assert "more (-v lists all)" in short.err
    assert all(name in whole.err for name in ("a.txt (5 bytes)", "b.txt (5 bytes)"))
    assert "logs go along: train.log" in short.err
    assert "inputs or results go along: out/1/voice.txt, out/results.jsonl, photo.png" in short.err
    assert "secrets, by their name, go along: .env.local" in short.err

"""Tests of fetching weights, from a real server on this machine."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import cogfal
from cogfal.errors import SetupError
from cogfal.provision.pget import main
from cogfal.provision.runner import install_pget
from cogfal.provision.weights import fetch_once, place_weights
from cogfal.spec import Weight
from tests.http_server import running

WEIGHTS = b"weights " * 1000
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


class Site:
    """A server whose answers are set by path; `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {"/w.bin": WEIGHTS}
        self.asked: list[str] = []
        self.cut_short = False
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.bodies.get(self.path.partition("?")[0])
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write((body or b"")[: 100 if site.cut_short else None])

            def log_message(self, *_args: object) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    site = Site()
    with running(site.server):
        yield site


def test_weights_are_fetched_once(site: Site, tmp_path: Path) -> None:
    """Two runners with one disk fetch the file once, and each has it at its place."""
    weights = {"models/w.bin": Weight(f"{site.url}/w.bin", DIGEST.upper())}
    for runner in ("a", "b"):
        (tmp_path / runner).mkdir()

        place_weights(weights, tmp_path / runner, store=tmp_path / "data")

        assert (tmp_path / runner / "models/w.bin").read_bytes() == WEIGHTS
    assert site.asked == ["/w.bin"]


def test_weights_that_are_there_are_left_alone(site: Site, tmp_path: Path) -> None:
    """A file of the project is not replaced."""
    (tmp_path / "w.bin").write_text("mine")

    place_weights({"w.bin": Weight(f"{site.url}/w.bin")}, tmp_path, store=tmp_path / "data")

    assert (tmp_path / "w.bin").read_text() == "mine"
    assert site.asked == []


def test_wrong_bytes_are_refused(site: Site, tmp_path: Path) -> None:
    """A file that is not the one promised leaves nothing behind."""
    with pytest.raises(SetupError, match=DIGEST):
        place_weights({"w.bin": Weight(f"{site.url}/w.bin", "0" * 64)}, tmp_path, store=tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interrupted_fetch_leaves_nothing(site: Site, tmp_path: Path) -> None:
    """Half a file never gets the file's name, and the next try starts afresh."""
    site.cut_short = True
    with pytest.raises(SetupError, match="cannot be fetched"):
        fetch_once(f"{site.url}/w.bin", tmp_path)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]

    site.cut_short = False
    found = fetch_once(f"{site.url}/w.bin?token=a", tmp_path)

    assert left == []
    assert (found.name, found.read_bytes()) == ("w.bin", WEIGHTS)


@pytest.mark.parametrize("url", ["{site}/missing", "ftp://x/y", "nonsense", "http://127.0.0.1:1/x"])
def test_what_cannot_be_fetched_is_named(url: str, site: Site, tmp_path: Path) -> None:
    """The error names the URL."""
    wanted = url.format(site=site.url)

    with pytest.raises(SetupError) as caught:
        fetch_once(wanted, tmp_path)

    assert wanted in str(caught.value)


def test_weights_stay_within_the_project(site: Site, tmp_path: Path) -> None:
    """A path that leads out of the project is refused before anything is fetched."""
    with pytest.raises(SetupError, match="outside the project"):
        place_weights({"../x": Weight(f"{site.url}/w.bin")}, tmp_path / "p", store=tmp_path)

    assert site.asked == []


def test_pget_keeps_what_it_downloads(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in downloads once, with pget's own options."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))
    first, second = tmp_path / "a/w.bin", tmp_path / "b/w.bin"

    statuses = [
        main(["-m", "5M", "--concurrency", "8", f"{site.url}/w.bin", str(first)]),
        main([f"{site.url}/w.bin", str(second)]),
        main(["-f", f"{site.url}/w.bin", str(second)]),
    ]

    assert statuses == [0, 0, 0]
    assert first.read_bytes() == second.read_bytes() == WEIGHTS
    assert site.asked == ["/w.bin"]


def test_pget_does_not_overwrite(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without `-f` an existing file is an error, as with pget."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))
    (tmp_path / "w.bin").write_text("mine")

    assert main([f"{site.url}/w.bin", str(tmp_path / "w.bin")]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_pget_extracts(
    kind: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-x` unpacks an archive into the destination."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))
    buffer = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo("m/w.bin")
            info.size = len(WEIGHTS)
            tar.addfile(info, io.BytesIO(WEIGHTS))
    else:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("m/w.bin", WEIGHTS)
    site.bodies["/w.archive"] = buffer.getvalue()

    assert main(["-x", f"{site.url}/w.archive", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/m/w.bin").read_bytes() == WEIGHTS


def test_pget_refuses_archives_that_lead_out(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A member named `../x` does not leave the destination."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    site.bodies["/w.tar"] = buffer.getvalue()

    assert main(["-x", f"{site.url}/w.tar", str(tmp_path / "out")]) == 1
    assert "evil" in capsys.readouterr().err
    assert not (tmp_path / "evil").exists()


def test_pget_multifile(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of URLs and destinations is worked off."""
    monkeypatch.setenv("COGFAL_DOWNLOADS", str(tmp_path / "data"))
    listing = tmp_path / "list"
    listing.write_text(f"{site.url}/w.bin {tmp_path}/x\n\n{site.url}/w.bin {tmp_path}/y\n")

    assert main(["multifile", str(listing)]) == 0
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes() == WEIGHTS


def test_pget_is_found_on_path(site: Site, tmp_path: Path) -> None:
    """A predictor that runs `pget` as a command gets the stand-in."""
    install_pget(tmp_path / "bin", root=Path(cogfal.__file__).parent.parent)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"

    subprocess.run(
        ["pget", f"{site.url}/w.bin", str(tmp_path / "w.bin")],
        env={"PATH": path, "COGFAL_DOWNLOADS": str(tmp_path / "data")},
        check=True,
        timeout=120,
    )

    assert (tmp_path / "w.bin").read_bytes() == WEIGHTS


def test_the_runner_needs_no_yaml() -> None:
    """Weights are placed where PyYAML is not installed."""
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "import cogfal.provision.runner, cogfal.provision.pget, cogfal.environments"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

"""Weights of the Hugging Face Hub, fetched by its own library from a server on this machine."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cogfal.errors import SetupError
from cogfal.provision.weights import place_weights
from cogfal.spec import Weight
from tests.provision.hub import Cut, hub
from tests.waiting import until

FILES = {"config.json": b"{}", "model.bin": b"weights" * 100, "vae/a.bin": b"a", "vae/b.txt": b"b"}


@contextmanager
def taken_for_real(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, bytes], cut: Cut | None = None
) -> Iterator[list[str]]:
    """Serve files at what the library takes for the real hub; yields those that it asks for."""
    with hub(files, cut) as (endpoint, names):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        yield names


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files that were asked for at a hub with `FILES`."""
    with taken_for_real(monkeypatch, FILES) as names:
        yield names


def placed(project: Path, target: str = "w") -> dict[str, bytes]:
    """What lies at the target."""
    root = project / target
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("weight", "names"),
    [
        (Weight("hf://me/model"), ["config.json", "model.bin", "vae/a.bin", "vae/b.txt"]),
        (Weight("hf://me/model@main", include=("*.bin",)), ["model.bin", "vae/a.bin"]),
        (
            Weight("hf://me/model", include=("*.bin", "*.json"), exclude=("vae/*",)),
            ["config.json", "model.bin"],
        ),
    ],
)
def test_a_repository_fills_a_directory(
    weight: Weight, names: list[str], asked: list[str], tmp_path: Path
) -> None:
    """With the files that its patterns choose, and no others are fetched."""
    place_weights([("w", weight)], tmp_path / "p", store=tmp_path / "data")

    assert placed(tmp_path / "p") == {name: FILES[name] for name in names}
    assert sorted(asked) == names


def test_a_directory_of_a_repository_is_placed_alone(asked: list[str], tmp_path: Path) -> None:
    """Under the target, without the directory's own name."""
    place_weights([("w", Weight("hf://me/model/vae"))], tmp_path / "p", store=tmp_path / "data")

    assert placed(tmp_path / "p") == {"a.bin": b"a", "b.txt": b"b"}
    assert sorted(asked) == ["vae/a.bin", "vae/b.txt"]


def test_a_file_of_a_repository_is_linked_at_its_place(asked: list[str], tmp_path: Path) -> None:
    """As a URL's file is."""
    weights = [("w/x.bin", Weight("hf://me/model/model.bin"))]

    place_weights(weights, tmp_path / "p", store=tmp_path / "data")

    assert placed(tmp_path / "p") == {"x.bin": FILES["model.bin"]}
    assert asked == ["model.bin"]


def test_two_runners_fetch_it_once(asked: list[str], tmp_path: Path) -> None:
    """They have one disk; what a project has already stays."""
    (tmp_path / "b/w").mkdir(parents=True)
    (tmp_path / "b/w/config.json").write_text("mine")
    for runner in ("a", "b"):
        place_weights([("w", Weight("hf://me/model"))], tmp_path / runner, store=tmp_path / "data")

    assert placed(tmp_path / "b") == {**FILES, "config.json": b"mine"}
    assert len(asked) == len(FILES)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("hf://me/other", "hf://me/other cannot be fetched"),
        ("hf://me", "names no repository"),
        ("hf://me/model/nowhere", "has no such files"),
    ],
)
def test_what_cannot_be_had_is_told(url: str, what: str, asked: list[str], tmp_path: Path) -> None:
    """By its address, with what the library said."""
    with pytest.raises(SetupError, match=what):
        place_weights([("w", Weight(url))], tmp_path / "p", store=tmp_path / "data")

    assert asked == []


def test_a_broken_connection_is_gone_on_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not from the beginning, and what arrives in two parts is whole."""
    content = bytes(range(256)) * 4096 * 12
    cut = Cut("model.bin", 11 * 1024 * 1024, threading.Event())
    cut.gate.set()

    with taken_for_real(monkeypatch, {**FILES, "model.bin": content}, cut) as asked:
        place_weights([("w", Weight("hf://me/model"))], tmp_path / "p", store=tmp_path / "data")

    assert (tmp_path / "p/w/model.bin").read_bytes() == content
    (again,) = (each for each in asked if each.startswith("model.bin from "))
    assert int(again.rpartition(" ")[2]) > 0


def test_what_was_fetched_before_the_parent_ended_is_not_fetched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A runner that is killed takes its download along; the next one asks for the rest alone."""
    cut = Cut("model.bin", 300, threading.Event())
    program = (
        "import sys; from pathlib import Path; from cogfal.spec import Weight\n"
        "from cogfal.provision.weights import place_weights\n"
        "root = Path(sys.argv[1])\n"
        "place_weights([('w', Weight('hf://me/model'))], root / 'a', store=root / 'data')\n"
    )
    with taken_for_real(monkeypatch, FILES, cut) as asked:
        parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
        assert cut.reached.wait(120)
        until(lambda: len(list((tmp_path / "data").glob("hub/*/snapshots/*/**/*.*"))) == 3)
        parent.kill()
        parent.wait()
        before = len(asked)
        cut.gate.set()
        place_weights([("w", Weight("hf://me/model"))], tmp_path / "b", store=tmp_path / "data")

    assert placed(tmp_path / "b") == FILES
    assert asked[before:] == ["model.bin"]

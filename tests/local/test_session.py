"""A project in this process: found, read, set up and called without fal, HTTP or sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cogfal.app_file import open_project
from cogfal.errors import ConfigError, FileInputError, SetupError
from cogfal.files.fetching import HttpFetcher
from cogfal.files.limits import FetchBudget, FileLimits
from cogfal.local.session import GivenFiles, LocalProject, find_project, open_session
from cogfal.spec import Role
from tests.appearing import first_below
from tests.file_server import file_server

COG_YAML = """
    predict: "predict.py:Doubles"
    environment:
      - GREETING=hello
"""
PREDICT = """
    from cog import BasePredictor, Path

    class Doubles(BasePredictor):
        def predict(self, source: Path) -> Path:
            target = Path("doubled.txt")
            target.write_text(source.read_text() * 2)
            source.write_text("mine now")
            return target

    class Other(BasePredictor):
        def setup(self):
            raise RuntimeError("no")

        def predict(self, x: int = 1) -> int:
            return x
"""
APP = """
    import cogfal

    class App(cogfal.App):
        predictor = "predict.py:Other"
        queue_limit = 3
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two predictors."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cog.yaml").write_text(dedent(COG_YAML))
    (folder / "predict.py").write_text(dedent(PREDICT))
    return folder


def run(project: LocalProject, values: Mapping[str, Any], folder: Path, **options: Any) -> Any:
    """Set the project up, run it once, and return its output with paths."""

    async def once() -> Any:
        async with open_session(project, project.read(), folder, **options) as session:
            output = await session.submit(values).result()
            return session.files.with_paths(output)

    return asyncio.run(once())


def test_a_project_is_found_by_its_directory_or_its_cog_yaml(root: Path) -> None:
    """Both lead to the same one, with the variables it asks for."""
    found = find_project(root)

    assert find_project(root / "cog.yaml") == found
    assert found.variables == {"GREETING": "hello"}
    assert found.read().name == "Doubles"


def test_a_usual_file_is_enough(root: Path) -> None:
    """Without a cog.yaml the predictor is in predict.py; a trainer must be named."""
    (root / "cog.yaml").unlink()
    (root / "predict.py").write_text("class Predictor:\n    def predict(self) -> int: ...\n")
    project = find_project(root)

    assert project.read().name == "Predictor"
    with pytest.raises(ConfigError, match="names no training function"):
        project.read(Role.TRAIN)


def test_no_directory_is_told(tmp_path: Path) -> None:
    """The error names what was asked for."""
    with pytest.raises(ConfigError, match="nope: there is no such directory"):
        find_project(tmp_path / "nope")


def test_an_app_says_what_is_served(root: Path) -> None:
    """Its predictor and settings; a predictor that is named has none."""
    (root / "app.py").write_text(dedent(APP))

    served, named = open_project(root), open_project(root, "predict.py:Doubles")

    assert (served.read().name, served.settings.engine.queue_limit) == ("Other", 3)
    assert (named.read().name, named.settings.engine.queue_limit) == ("Doubles", 100)


def test_files_are_given_as_copies_and_come_back_as_paths(root: Path, tmp_path: Path) -> None:
    """What the predictor does to its input does not reach the caller's file."""
    given = tmp_path / "given.txt"
    given.write_text("ab")

    made = run(find_project(root), {"source": given}, tmp_path / "kept")

    assert (made.name, made.read_text(), given.read_text()) == ("doubled.txt", "abab", "ab")
    assert made.is_relative_to(tmp_path / "kept")


def test_cancelling_stops_the_copy_of_a_file_before_it_ends(tmp_path: Path) -> None:
    """Nothing is written any more into a directory that is removed then."""
    given, directory = tmp_path / "given.bin", tmp_path / "prediction"
    directory.mkdir()
    with given.open("wb") as file:
        file.truncate(64 * 1024**2)

    async def main() -> tuple[Path, int, list[Path]]:
        files = GivenFiles(None)
        copying = files.fetch(files.url_of(given), directory, FetchBudget(FileLimits()))
        task = asyncio.ensure_future(copying)
        copy = await first_below(directory)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return copy, copy.stat().st_size, open_here()

    copy, size, opened = asyncio.run(main())

    assert size < given.stat().st_size
    assert copy not in opened


def open_here() -> list[Path]:
    """Return what this process has open."""
    return [each.resolve() for each in Path("/proc/self/fd").iterdir()]


def test_there_is_no_network_unless_it_is_given(root: Path, tmp_path: Path) -> None:
    """An URL is refused, or fetched by what the caller brings."""
    limits = FileLimits(allow_private_hosts=True)
    with file_server() as server:
        url = server.url("/bytes?size=3")
        with pytest.raises(FileInputError, match="there is no network here"):
            run(find_project(root), {"source": url}, tmp_path / "none")
        made = run(
            find_project(root),
            {"source": url},
            tmp_path / "some",
            network=lambda _: HttpFetcher(limits),
        )

    assert len(made.read_bytes()) == 6


def test_a_setup_that_fails_is_an_error(root: Path, tmp_path: Path) -> None:
    """Its cause is the author's exception."""
    with pytest.raises(SetupError, match="RuntimeError: no") as caught:
        run(open_project(root, "predict.py:Other"), {}, tmp_path)

    assert isinstance(caught.value.__cause__, RuntimeError)


def test_download_libraries_keep_their_files_where_they_always_do(root: Path) -> None:
    """A runner's disk is for runners, also where this machine has such a directory."""
    (root / "app.py").write_text(
        dedent(APP) + f'    data_cache = "{root}/cache"\n' + '    weights = {"a": "https://x/a"}\n'
    )
    project = open_project(root)

    here = project.provided(project.read())

    assert here.caches == ()
    assert [path for path, _ in here.weights] == ["a"]

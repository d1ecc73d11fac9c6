"""What a runner gives the author's code: variables, caches, Cog's directory, its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import cogfal
from cogfal.environments import environments_directory, interpreter_of
from cogfal.provision import make_model_environment, provide
from cogfal.provision.runner import cog_directory, install_pget, weights_store
from cogfal.spec import PredictorSpec, ProjectSpec, StringType
from tests.environments.packages import wheel
from tests.project.cases import Case, packages
from tests.provision.conftest import WEIGHTS, Site


def test_caches_move_to_a_disk_that_is_there(tmp_path: Path) -> None:
    """Where neither cog.yaml nor the image has said where they are."""
    project = ProjectSpec(
        PredictorSpec("predict.py", "Predictor", None, (), StringType()),
        None,
        str(tmp_path),
        str(tmp_path),
        variables=(("TORCH_HOME", "/of/cog.yaml"),),
        caches=(
            ("HF_HOME", f"{tmp_path}/huggingface"),
            ("TORCH_HOME", f"{tmp_path}/torch"),
            ("XDG_CACHE_HOME", f"{tmp_path}"),
            ("NLTK_DATA", "/no-such-disk/nltk"),
        ),
    )
    environ = {"PATH": "", "XDG_CACHE_HOME": "/of/the/image"}

    withdraw = provide(project, tmp_path, environ)

    withdraw()
    assert environ == {
        "PATH": "",
        "TORCH_HOME": "/of/cog.yaml",
        "HF_HOME": f"{tmp_path}/huggingface",
        "XDG_CACHE_HOME": "/of/the/image",
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a file."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "config.yaml").write_text("a: 1")
    return tmp_path / "app"


@contextmanager
def without_rights() -> Iterator[None]:
    """Lay down root's rights for a while, which no mode of a directory stops."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("disk", ["/no-such-disk", "/usr"], ids=["absent", "not-writable"])
def test_weights_are_kept_in_the_users_cache(
    disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the models' environments, where there is no disk that can be written to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with without_rights():
        store = weights_store(Path(disk))

    assert store == tmp_path / "cogfal/weights"
    assert environments_directory() == tmp_path / "cogfal/environments"


def test_weights_are_kept_on_a_disk_that_is_there() -> None:
    """It outlives the runner."""
    assert weights_store(Path("/tmp")) == Path("/tmp/cogfal/weights")


def test_files_are_found_below_the_directory_of_cog(root: Path, tmp_path: Path) -> None:
    """The link reads and writes the project's files, and is gone afterwards."""
    place = tmp_path / "src"

    with cog_directory(root, place):
        assert (place / "config.yaml").read_text() == "a: 1"
        (place / "made.txt").write_text("made")
        assert (root / "made.txt").read_text() == "made"

    assert not place.is_symlink()
    assert (root / "config.yaml").exists()


def test_a_directory_that_is_there_stays(root: Path, tmp_path: Path) -> None:
    """Nothing is done to a `/src` of an image, then or afterwards."""
    place = tmp_path / "src"
    place.mkdir()
    (place / "theirs").touch()

    with cog_directory(root, place):
        pass

    assert [file.name for file in place.iterdir()] == ["theirs"]


def test_a_project_that_is_there_itself_needs_no_link(tmp_path: Path) -> None:
    """As in an image; not even where it is missing, and the link would lead to itself."""
    with cog_directory(tmp_path / "src", tmp_path / "src"):
        assert not (tmp_path / "src").is_symlink()


def test_another_runners_link_is_not_withdrawn(root: Path, tmp_path: Path) -> None:
    """Whoever came later goes on, though the first one ends."""
    place, other = tmp_path / "src", tmp_path / "other"
    other.mkdir()
    first, second = ExitStack(), ExitStack()
    first.enter_context(cog_directory(root, place))
    second.enter_context(cog_directory(other, place))

    first.close()

    assert place.samefile(other)


def test_runners_that_come_and_go_at_once_all_begin(root: Path, tmp_path: Path) -> None:
    """Whatever another does to the link between two looks at it, no start or end fails."""
    place, other = tmp_path / "src", tmp_path / "other"
    other.mkdir()

    def come_and_go(project: Path) -> None:
        for _ in range(2000):
            with cog_directory(project, place):
                pass

    with ThreadPoolExecutor(2) as runners:
        ends = [runners.submit(come_and_go, project) for project in (root, other)]

    assert [end.exception() for end in ends] == [None, None]


@pytest.mark.parametrize("target", ["gone", "other"])
def test_a_link_that_leads_elsewhere_is_made_anew(target: str, root: Path, tmp_path: Path) -> None:
    """A runner that was killed leaves its link behind."""
    (tmp_path / "other").mkdir()
    place = tmp_path / "src"
    place.symlink_to(tmp_path / target)

    with cog_directory(root, place):
        assert (place / "config.yaml").exists()


def test_the_log_says_where_there_can_be_no_link(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A runner without a place for it serves all the same."""
    with cog_directory(root, tmp_path / "missing" / "src"):
        pass

    (line,) = capsys.readouterr().err.splitlines()
    assert "missing/src cannot lead to the project" in line
    assert 'kind = "container"' in line


@pytest.mark.parametrize("gpu", [False, True])
def test_what_was_planned_is_made_where_it_was_planned(gpu: bool, tmp_path: Path) -> None:
    """The first runner makes it, with the builds that its machine needs; the next finds it."""
    wheel(tmp_path / "wheels", "alpha")
    case = Case(
        "x", packages("six", gpu=gpu), settings={"kind": "virtualenv", "environment": "own"}
    )
    (tmp_path / "project").mkdir()
    plan = case.plan(tmp_path / "project")
    assert plan.model is not None
    assert plan.interpreter is not None
    given = ("--no-index", f"--find-links {tmp_path / 'wheels'}", "alpha")
    model = replace(plan.model, requirements=given)
    expected = interpreter_of(model, tmp_path / "data", cpu=not gpu)

    python = make_model_environment(model.to_json(), str(expected))
    again = make_model_environment(model.to_json(), str(expected))

    assert plan.made_by_runner
    assert plan.interpreter == str(
        interpreter_of(plan.model, Path("/data/cogfal/environments"), cpu=not gpu)
    )
    assert "uv" in plan.requirements
    assert python == again == expected
    assert subprocess.run([python, "-c", "import alpha"], check=False).returncode == 0


def test_pget_is_found_on_path(site: Site, tmp_path: Path) -> None:
    """A predictor that runs `pget` as a command gets the stand-in."""
    install_pget(tmp_path / "bin", Path(cogfal.__file__).parent.parent)
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

"""Tests of the whole plan, against the table of projects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fal.container import ContainerImage
from fal.file_sync import FileSync

from cogfal.project.plan import app_name, cache_variables
from tests.project.cases import CASES, Case
from tests.project.snapshots import DIRECTORY, expected, render


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_plan_is_the_one_written_down(case: Case, tmp_path: Path) -> None:
    """A project's requirements, machine, files, Dockerfile and report are as in its snapshot."""
    found = render(case.plan(tmp_path))

    assert expected(case.name, found) == found


def test_every_snapshot_has_its_case() -> None:
    """No snapshot is left over from a case that is gone, and the table is large."""
    names = {path.stem for path in DIRECTORY.glob("*.txt")}

    assert names == {case.name for case in CASES}
    assert len(CASES) == len(names) >= 60


@pytest.mark.parametrize("name", ["run-mounts", "cuda", "cog-debug", "hashes-in-an-image"])
def test_fal_receives_the_image(name: str, tmp_path: Path) -> None:
    """What fal's client would send: the text, the project to upload, the ignored, the secrets."""
    case = next(case for case in CASES if case.name == name)
    environment = case.plan(tmp_path)
    assert environment.dockerfile is not None
    for stray in ("x.pyc", ".git/HEAD", "notes/a.md"):
        (tmp_path / stray).parent.mkdir(exist_ok=True)
        (tmp_path / stray).touch()

    sent = ContainerImage.from_dockerfile_str(
        environment.dockerfile,
        context_dir=environment.files.context,
        dockerignore=list(environment.files.dockerignore),
        secrets=dict(environment.build_secrets),
    ).to_dict()

    ignored = [re.compile(pattern) for pattern in sent["docker_ignore"]]
    sync = FileSync(str(tmp_path), credentials=object())
    files = sync.collect_files(sent["docker_files_list"], str(tmp_path), files_ignore=ignored)
    names = {file.relative_path for file in files}
    assert names == {*environment.files.names, "notes/a.md"}
    assert sent["secrets"] == dict(environment.build_secrets)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("r8.im/me/My_Model:v2", "my-model"),
        ("localhost:5000/a/b@sha256:00", "b"),
        ("plain", "plain"),
        ("r8.im/me/___", None),
        (None, None),
    ],
)
def test_image_becomes_a_name_for_the_app(image: str | None, name: str | None) -> None:
    """The registry, account and tag are left out, and the rest is made to fit fal's names."""
    assert app_name(image) == name


def test_caches_lie_below_the_directory() -> None:
    """Every variable names a directory of the disk, its own or the shared one."""
    variables = dict(cache_variables("/data/.cache/"))

    assert variables["HF_HOME"] == "/data/.cache/huggingface"
    assert variables["TORCH_HOME"] == "/data/.cache/torch"
    assert variables["XDG_CACHE_HOME"] == "/data/.cache"
    assert all(value.startswith("/data/.cache") for value in variables.values())


def test_caches_can_be_left_where_they_are() -> None:
    """None sets nothing."""
    assert cache_variables(None) == ()

"""The loopback itself, shown with a plain fal.App."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.loopback import AppDirectoryTaken, Loopback
from tests.loopback.app_directory import made_here
from tests.loopback.records import StoredFile
from tests.virtualenvs import wheel_of

PLAIN = Path(__file__).parents[1] / "projects" / "plain"

pytestmark = pytest.mark.timeout(600)


def test_run_answers_from_a_fresh_environment_with_the_app_files(cloud: Loopback) -> None:
    """`fal run` serves from `/app` with the requirements asked for, and without the client's."""
    with cloud.fal("run", "app.py::Plain", cwd=PLAIN) as process:
        answer = httpx.post(process.url, json={"text": "world"}).json()

    assert answer["text"] == "hello world"
    assert answer["folder"] == "/app"
    assert "pyfiglet" in answer["packages"]
    assert not {"fal", "cogfal", "pillow", "rich", "pytest"} & set(answer["packages"])


def test_stopping_the_client_ends_the_runner_and_removes_the_app_files(cloud: Loopback) -> None:
    """When the client goes away the app tears down, and `/app` is gone."""
    with cloud.fal("run", "app.py::Plain", cwd=PLAIN) as process:
        assert httpx.get(f"{process.url}/health").status_code == 200

    cloud.wait_until_idle()

    assert "the app sets up" in cloud.logs
    assert "the app tears down" in cloud.logs
    assert not Path("/app").exists()


def test_uploads_reach_the_cdn_with_the_callers_preference(cloud: Loopback) -> None:
    """A file of the app is handed to the uploader and can be downloaded from its URL."""
    preference = '{"expiration_duration_seconds": 60}'
    with cloud.fal("run", "app.py::Plain", cwd=PLAIN) as process:
        answer = httpx.post(
            f"{process.url}/file",
            json={"text": "content"},
            headers={"x-fal-object-lifecycle-preference": preference, "x-fal-request-id": "r1"},
        ).json()
        downloaded = httpx.get(answer["file"]["url"])

    (upload,) = cloud.uploads
    assert downloaded.content == b"content"
    assert downloaded.headers["content-type"] == "text/plain"
    assert upload.headers["x-fal-request-id"] == "r1"
    assert upload.headers["x-fal-object-lifecycle"] == preference


def test_deploy_registers_the_app(cloud: Loopback) -> None:
    """`fal deploy` leaves its name, machine, requirements, files and OpenAPI document behind."""
    with cloud.fal("deploy", "app.py::Plain", cwd=PLAIN) as process:
        process.succeed()

    (registered,) = cloud.registrations
    assert registered.name == "plain"
    assert registered.machine["machine_types"] == ["M"]
    assert registered.requirements[0] == "pyfiglet==1.0.4"
    assert registered.files["greeting.txt"].content == b"hello"
    assert set(registered.openapi["paths"]) == {"/", "/file", "/health"}


def test_deploy_registers_an_image_with_the_files_it_copies(cloud: Loopback) -> None:
    """A container app's Dockerfile and the files of its build context are recorded.

    fal takes the directory in which it was imported for the context.
    """
    with cloud.fal("deploy", "app.py::Boxed", cwd=PLAIN, anew=True) as process:
        process.succeed()

    (registered,) = cloud.registrations
    assert registered.kind == "container"
    assert registered.image["dockerfile_str"].startswith("FROM python:3.11")
    assert set(registered.files) == {"greeting.txt"}


def test_an_entry_point_is_imported_on_the_runner(cloud: Loopback, tmp_path: Path) -> None:
    """The package is installed there, asked for its metadata, and served; nothing is pickled."""
    project = PLAIN.parent / "entry"
    wheel = wheel_of(project, project.iterdir())
    (tmp_path / "pyproject.toml").write_text(
        f"""
        [tool.fal.apps.entry]
        python_entry_point = "entry_app:Entry"
        requirements = ["fal=={version("fal")}", "entry-app @ {wheel.as_uri()}"]
        """
    )

    with cloud.fal("run", "entry", cwd=tmp_path) as process:
        answer = httpx.post(process.url, json={"text": "hello"}).json()

    assert answer == {"text": "imported: hello"}
    assert [run.entrypoint for run in cloud.runs] == [
        "entry_app:Entry.build_metadata",
        "entry_app:Entry.run_local",
    ]


def test_an_app_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """One that no loopback made is left alone, and the error says so."""
    theirs, record = tmp_path / "app", tmp_path / "record"
    theirs.mkdir()
    record.touch()

    refused = pytest.raises(AppDirectoryTaken, match="exists and was not made by a loopback")
    with refused, made_here({"a.txt": StoredFile(b"a", 0o600)}, theirs, record):
        pass

    assert theirs.is_dir()


def test_an_app_directory_that_a_killed_loopback_left_is_made_anew(tmp_path: Path) -> None:
    """It is known by its record, and gone with what was in it."""
    place, record = tmp_path / "app", tmp_path / "record"
    record.touch()
    killed = made_here({"old.txt": StoredFile(b"a", 0o600)}, place, record)
    killed.__enter__()

    with made_here({"new.txt": StoredFile(b"b", 0o644)}, place, record):
        found = {each.name: each.read_bytes() for each in place.iterdir()}

    assert found == {"new.txt": b"b"}
    assert not place.exists()

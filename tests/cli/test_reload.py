"""`cogfal serve --reload` while somebody edits the project."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from cogfal.cli.serve import Watched
from tests.cli.conftest import environment
from tests.cli.serving import serve_command
from tests.processes import Process

ADDRESS = r"serving at (http://127.0.0.1:\d+)"


def test_an_edit_is_served_at_the_same_address(project: Path, tmp_path: Path) -> None:
    """A mistake ends the server, and its correction brings it back."""
    predict = project / "predict.py"
    text = predict.read_text()

    with Process(serve_command(0, "--reload"), cwd=project, env=environment(tmp_path)) as process:
        url = process.wait_for(ADDRESS)[1]
        before = httpx.post(url, json={"name": "Ada"}).json()
        predict.write_text(text.replace("import os", "import os, nothing_there"))
        process.wait_for("it starts again when a file changes")
        predict.write_text(text.replace("Hello", "Good day"))
        process.wait_until(lambda: _second(process, url), 300)
        after = httpx.post(url, json={"name": "Ada"}).json()
        status = process.stop()

    assert before == {"output": "Hello, Ada!"}
    assert after == {"output": "Good day, Ada!"}
    assert "predict.py changed" in process.output
    assert status == 143


def _second(process: Process, url: str) -> re.Match[str] | None:
    found = [m for line in process.lines if (m := re.search(ADDRESS, line)) and m[1] == url]
    return found[1] if len(found) > 1 else None


def test_only_code_and_settings_are_watched(tmp_path: Path) -> None:
    """What a model writes beside its code is no change; nor is what lies in hidden folders."""
    (tmp_path / "predict.py").write_text("1")
    watched = Watched(tmp_path)
    for name in ("output.png", "output.txt", ".hidden.py", ".git/a.py", "__pycache__/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")

    assert watched.change() is None

    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/helper.py").write_text("1")
    assert watched.change() == "sub/helper.py"
    (tmp_path / "predict.py").unlink()
    assert watched.change() == "predict.py"
    assert watched.change() is None

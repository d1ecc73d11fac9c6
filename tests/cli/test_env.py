"""`cogfal exec`, `cogfal env`, and options that were written for Cog."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cogfal

PURE = "build:\n  python_packages:\n    - {package}\npredict: predict.py:Greets\n"


@pytest.fixture
def packaged(project: Path, tmp_path: Path) -> Path:
    """The project, which asks for a package of one module that lies beside it."""
    package = project / "greeting"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[project]\nname = "greeting"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (package / "backend.py").write_text(BACKEND)
    (project / "cog.yaml").write_text(PURE.format(package="./greeting"))
    return project


BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "greeting-1-py3-none-any.whl"
    info = "greeting-1.dist-info"
    files = {
        "greeting.py": "WORD = 'hello'",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in files))
    return name
"""
SAY = "import greeting, importlib.util as u; print(greeting.WORD, u.find_spec('fal'))"


def test_a_command_runs_in_the_models_own_environment(
    cogfal: Cogfal, packaged: Path, tmp_path: Path
) -> None:
    """Made at the first use, kept for the next, listed, and removed."""
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    first = cogfal("exec", "-e", "MARK=1", "python", "-c", SAY, **cache)
    again = cogfal("exec", "python", "-c", "import sys; sys.exit(7)", **cache)
    listed = cogfal("env", "--json", **cache)
    (kept,) = json.loads(listed.out)
    shown = cogfal("env", **cache)
    unused = cogfal("env", "--remove-unused", "1", **cache)
    removed = cogfal("env", "--remove", kept["key"][:6], **cache)
    left = cogfal("env", "--json", **cache)
    none = cogfal("env", **cache)

    assert first.out == "hello None\n", first.err
    assert again.status == 7
    assert kept["packages"] == 1
    assert kept["key"] in shown.out
    assert f"in {Path(kept['path']).parent}\n" in shown.out
    assert "removed" not in unused.err
    assert f"{kept['key']} removed" in removed.err
    assert json.loads(left.out) == []
    assert "there are none" in none.err
    assert not Path(kept["path"]).exists()


def test_the_present_environment_is_used_when_asked_for(cogfal: Cogfal, packaged: Path) -> None:
    """`--here` makes nothing."""
    ended = cogfal("exec", "--here", sys.executable, "-c", "import fal; print('here')")

    assert ended.out == "here\n", ended.err


def test_a_command_that_is_not_there_is_told(cogfal: Cogfal) -> None:
    """With the shell's status for it."""
    ended = cogfal("exec", "no-such-command")

    assert ended.status == 127
    assert "no-such-command: there is no such command" in ended.err


def test_no_command_is_told(cogfal: Cogfal) -> None:
    """The options alone say nothing of what is to run."""
    ended = cogfal("exec", "--here", "--")

    assert ended.status == 1
    assert "there is no command; write it after the options" in ended.err


def test_a_key_has_to_name_one(cogfal: Cogfal, tmp_path: Path) -> None:
    """The error lists what there is."""
    ended = cogfal("env", "--remove", "abc", XDG_CACHE_HOME=str(tmp_path / "cache"))

    assert ended.status == 1
    assert "--remove abc: there are none" in ended.err


def test_options_that_were_written_for_cog_are_taken(cogfal: Cogfal, project: Path) -> None:
    """What they mean here is done, or told."""
    (project / "other.yaml").write_text("predict: predict.py:Greets\nenvironment: [MARK=x]\n")
    flags = ("-f", "other.yaml", "--setup-timeout", "60", "--progress", "plain", "--gpus", "all")

    ended = cogfal("run", *flags, "--use-replicate-token", "-i", "name=Ada")

    assert ended.out == "Hello, Adax\n", ended.err
    assert "--gpus: a model that runs here sees every GPU" in ended.err
    assert "--use-replicate-token: a token is a variable" in ended.err


def test_what_cog_has_for_containers_is_told(cogfal: Cogfal) -> None:
    """A command line that was written for `cog exec` goes on working."""
    asked = ("-p", "8888", "--gpus", "all", "--here", sys.executable, "-c", "print('here')")
    ended = cogfal("exec", *asked)

    assert (ended.status, ended.out) == (0, "here\n")
    assert "--publish: no container is in between" in ended.err
    assert "CUDA_VISIBLE_DEVICES" in ended.err


@pytest.mark.parametrize("command", ["run", "predict"])
def test_who_means_another_command_is_told_which(cogfal: Cogfal, command: str) -> None:
    """`cog run` was for any command, and `cog predict` takes an image."""
    ended = cogfal(command, "python", "-c", "print(1)")

    assert ended.status == 2
    assert "`cogfal exec python -c 'print(1)'`" in ended.err
    assert "--url" in ended.err

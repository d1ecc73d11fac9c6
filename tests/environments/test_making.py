"""Making, reusing and removing environments, with real interpreters and packages of our own."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cogfal.environments import (
    ModelEnvironment,
    interpreter_of,
    kept_environments,
    make,
    remove_environment,
)
from cogfal.environments.uv import TORCH_INDEX
from cogfal.errors import SetupError
from tests.environments.packages import index, wheel
from tests.interpreters import INTERPRETERS

HERE = f"3.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where uv keeps what it has unpacked, for the tests of this file."""
    return tmp_path_factory.mktemp("uv")


@pytest.fixture
def kept(tmp_path: Path, uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for environments."""
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    return tmp_path / "kept"


def of_wheels(folder: Path, *requirements: str, python: str = HERE) -> ModelEnvironment:
    """An environment whose packages come from a folder alone."""
    return ModelEnvironment(python, ("--no-index", f"--find-links {folder}", *requirements))


def said(python: Path, program: str) -> str:
    """What a program prints in an environment."""
    done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("python", INTERPRETERS)
def test_each_python_gets_its_packages(python: str, kept: Path, tmp_path: Path) -> None:
    """From the oldest to the newest, with the versions asked for, and its own virtualenv."""
    wheel(tmp_path, "alpha", "1.0")
    wheel(tmp_path, "alpha", "2.0")

    found = make(of_wheels(tmp_path, "alpha<2", python=python), directory=kept)

    told = "import alpha, sys; print(alpha.VERSION, *sys.version_info[:2], sys.prefix)"
    major, minor = python.split(".")
    assert said(found, told) == f"1.0 {major} {minor} {found.parent.parent}"
    assert found == interpreter_of(of_wheels(tmp_path, "alpha<2", python=python), kept)


def test_nothing_of_this_environment_is_in_it(kept: Path) -> None:
    """Neither fal nor cogfal nor what they need; pip is there, as in any virtualenv."""
    found = make(ModelEnvironment(HERE), directory=kept)

    program = "import importlib.util as u; print([n for n in {!r} if u.find_spec(n)])"
    assert said(found, program.format(["fal", "cogfal", "pydantic", "uv", "pip"])) == "['pip']"


def test_what_is_there_is_used_again_without_a_word(kept: Path, tmp_path: Path) -> None:
    """Nothing is run: its packages may even have gone from where they came from."""
    one = wheel(tmp_path, "alpha")
    environment = of_wheels(tmp_path, "alpha")
    told: list[str] = []
    first = make(environment, progress=told.append, directory=kept)
    one.unlink()
    heard = len(told)

    second = make(environment, progress=told.append, directory=kept)

    assert second == first
    assert heard
    assert len(told) == heard


def test_a_program_that_finds_it_imports_little() -> None:
    """What asks uv, and whatever installs, is left alone where there is nothing to make."""
    program = (
        "import sys, cogfal.environments; "
        "print([n for n in ('uv', 'fal', 'yaml', 'packaging', 'cogfal.environments.uv') "
        "if n in sys.modules])"
    )

    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_plain_lines_of_run_are_installed_last(kept: Path, tmp_path: Path) -> None:
    """In their order, so that a later one wins; pip's own switches mean nothing to uv."""
    for version in ("1.0", "2.0", "3.0"):
        wheel(tmp_path, "alpha", version)
    given = of_wheels(tmp_path, "alpha==1.0")
    links = ("--no-index", "--find-links", str(tmp_path))
    installs = (("alpha==3.0", *links), ("-q", "--no-cache-dir", "alpha==2.0", *links))

    found = make(
        ModelEnvironment(given.python, given.requirements, installs=installs), directory=kept
    )

    assert said(found, "import alpha; print(alpha.VERSION)") == "2.0"


def test_constraints_hold(kept: Path, tmp_path: Path) -> None:
    """They bound what is installed, and install nothing."""
    wheel(tmp_path, "alpha", "1.0")
    wheel(tmp_path, "alpha", "2.0")
    wheel(tmp_path, "beta", requires=("alpha",))
    given = of_wheels(tmp_path, "beta")

    found = make(
        ModelEnvironment(HERE, given.requirements, constraints=("alpha<2", "gamma==1")),
        directory=kept,
    )

    assert said(found, "import alpha; print(alpha.VERSION)") == "1.0"


def test_several_that_start_at_once_make_it_once(kept: Path, tmp_path: Path) -> None:
    """One makes it, the others say that they wait, and all get the same."""
    wheel(tmp_path / "wheels", "alpha")
    with index(tmp_path / "wheels") as (url, asked), ThreadPoolExecutor() as pool:
        environment = ModelEnvironment(HERE, (f"--index-url {url}", "alpha"))
        told: list[str] = []
        starts = [
            pool.submit(make, environment, progress=told.append, directory=kept) for _ in range(4)
        ]
        found = {start.result() for start in starts}

    assert found == {interpreter_of(environment, kept)}
    assert sum("once: Python" in line for line in told) == 1
    assert sum(path.endswith(".whl") for path in asked) >= 1


def test_one_that_is_killed_leaves_nothing_in_the_way(kept: Path, tmp_path: Path) -> None:
    """The next one makes it, whatever the first had written by then."""
    wheel(tmp_path, "alpha")
    environment = of_wheels(tmp_path, "alpha")
    program = (
        "import os, signal; from pathlib import Path; "
        "from cogfal.environments import ModelEnvironment, make; "
        f"made = ModelEnvironment.from_json({environment.to_json()!r}); "
        f"make(made, directory=Path({str(kept)!r}),"
        " progress=lambda line: 'Installed' in line and os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    left = list(kept.glob(".*-*/environment"))

    found = make(environment, directory=kept)

    assert killed.returncode == -signal.SIGKILL
    assert left
    assert said(found, "import alpha; print(alpha.VERSION)") == "1.0"
    assert not list(kept.glob(".*-*"))


def test_one_whose_python_has_gone_is_made_again(kept: Path) -> None:
    """A Python that was removed or moved leaves links to nothing."""
    environment = ModelEnvironment(HERE)
    found = make(environment, directory=kept)
    found.unlink()
    found.symlink_to(kept / "gone")

    again = make(environment, directory=kept)

    assert said(again, "print(1)") == "1"


def test_what_uv_says_is_in_the_error(kept: Path, tmp_path: Path) -> None:
    """With what can be done; nothing is left that would be taken for an environment."""
    environment = of_wheels(tmp_path, "missing-package")

    with pytest.raises(SetupError, match=r"(?s)requirements.*missing-package.*COGFAL_HERE=1"):
        make(environment, directory=kept)

    assert kept_environments(kept) == []
    assert not interpreter_of(environment, kept).exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the way is no directory."""
    (tmp_path / "kept").write_text("")

    with pytest.raises(SetupError, match="cannot be written"):
        make(ModelEnvironment(HERE), directory=tmp_path / "kept")


def test_without_a_gpu_torch_is_the_cpu_build(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same version, from another index, where cog.yaml asks for one that is built for CUDA."""
    wheel(tmp_path / "pypi", "torch", "2.1.0")
    wheel(tmp_path / "cpu", "torch", "2.1.0+cpu")
    with index(tmp_path / "pypi") as (pypi, _), index(tmp_path / "cpu") as (cpu, _):
        monkeypatch.setenv(TORCH_INDEX, cpu)
        cuda = "--extra-index-url http://127.0.0.1:1/whl/cu118"
        lines = (f"--index-url {pypi}", cuda, "torch==2.1.0+cu118")
        environment = ModelEnvironment(HERE, lines)

        found = make(environment, directory=kept, cpu=True)

    assert said(found, "import torch; print(torch.VERSION)") == "2.1.0+cpu"


def test_a_gpu_gets_what_is_asked_for(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another environment than the one without a GPU."""
    wheel(tmp_path / "pypi", "torch", "2.1.0")
    with index(tmp_path / "pypi") as (pypi, _):
        environment = ModelEnvironment(HERE, (f"--index-url {pypi}", "torch==2.1.0"))

        found = make(environment, directory=kept, cpu=False)

    assert said(found, "import torch; print(torch.VERSION)") == "2.1.0"
    assert found != interpreter_of(environment, kept, cpu=True)


def test_environments_are_listed_and_removed(kept: Path, tmp_path: Path) -> None:
    """The last used first; no password of an index is in what is kept."""
    secret = f"--find-links https://me:hunter2@host.invalid/{tmp_path.name}"
    first, second = ModelEnvironment(HERE), ModelEnvironment(HERE, (secret,))
    made = make(second, directory=kept)
    make(first, directory=kept)
    make(second, directory=kept)

    listed = kept_environments(kept)
    size = listed[0].size()
    remove_environment(listed[0])

    assert [each.environment.python for each in listed] == [HERE, HERE]
    assert "hunter2" not in repr(listed)
    assert listed[0].path == made.parent.parent
    assert size > 1000
    assert not made.exists()
    assert [each.key for each in kept_environments(kept)] == [listed[1].key]

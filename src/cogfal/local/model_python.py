"""Find or make the Python that a project's code has on this machine, and read a model in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from packaging.utils import canonicalize_name

from cogfal.engine.guest_python import own_python, python_at
from cogfal.environments import interpreter_of, make
from cogfal.errors import PredictorError
from cogfal.guest.wire import from_plain
from cogfal.project.config import CogConfig, client_python
from cogfal.project.config_reader import read_config
from cogfal.project.environment_choice import decide_here
from cogfal.project.model_environment import local_model
from cogfal.spec import PredictorSpec, ProjectSpec, Role

if TYPE_CHECKING:
    import subprocess

    from cogfal.server.lifespan import Provided
    from cogfal.settings import AppSettings

_PACKAGE: Final = str(Path(__file__).parents[1])
_BOOT: Final = """
import importlib.util, sys
directory = sys.argv[1]
found = importlib.util.spec_from_file_location(
    "cogfal", directory + "/__init__.py", submodule_search_locations=[directory])
sys.modules["cogfal"] = importlib.util.module_from_spec(found)
found.loader.exec_module(sys.modules["cogfal"])
from cogfal.guest.live import main
main(*sys.argv[2:])
"""

DPKG: Final = Path("/var/lib/dpkg/info")
"""Where Debian and what stands on it list what is installed; no other system is looked at."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_LIBRARIES: Final = {
    "audioread": ("ffmpeg",),
    "cairosvg": ("libcairo2",),
    "ffmpeg-python": ("ffmpeg",),
    "librosa": ("libsndfile1",),
    "mediapipe": ("libgl1", "libglib2.0-0"),
    "moviepy": ("ffmpeg",),
    "openai-whisper": ("ffmpeg",),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "opencv-python-headless": ("libglib2.0-0",),
    "pydub": ("ffmpeg",),
    "pytesseract": ("tesseract-ocr",),
    "soundfile": ("libsndfile1",),
}
"""What packages load or call that no wheel of theirs holds, and Cog's base images do."""


def tell(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"cogfal: {line}\n")
    sys.stderr.flush()


def local_python(
    config: CogConfig,
    root: Path,
    wanted: Literal["auto", "own", "shared"] = "auto",
    *,
    progress: Callable[[str], None] = tell,
) -> Path | None:
    """Return the model's own Python, made where it is wanted for the first time, or None.

    None is the Python that runs this: where cog.yaml names neither packages nor another Python, or
    where `wanted`, the App's `environment`, or `COGFAL_HERE` says so. `progress` is told, line by
    line, what takes long and what is not done here.

    Raises:
        ConfigError: The requirements cannot be read.
        SetupError: The environment cannot be made.
    """
    environment, not_run = local_model(config, root)
    decision = decide_here(environment, client_python(), wanted)
    if not decision.own:
        return None
    missing = install_line(config.build.system_packages, environment.requirements)
    if missing:
        progress(f"system packages are missing here; `{missing}` brings them")
    if not interpreter_of(environment).exists():
        progress(f"making the model's own environment: {'; '.join(decision.reasons)}")
        for key, command in not_run:
            progress(f"{key.where}: not run on this machine: {command}")
    return make(environment, progress=progress)


def install_line(
    named: Iterable[str], requirements: Iterable[str] = (), *, installed: Path = DPKG
) -> str | None:
    """Return the command that brings the system packages that a model needs and this machine lacks.

    They are those that cog.yaml names, with versions and options, and those that its requirements
    need. None where there are none, or where it cannot be told.
    """
    if not installed.is_dir():
        return None
    words = (word for text in named for word in text.split() if not word.startswith("-"))
    wanted = [re.split(r"[=<>:]", word, maxsplit=1)[0] for word in words]
    for line in requirements:
        if match := _NAME.match(line):
            wanted += _LIBRARIES.get(canonicalize_name(match[0]), ())
    missing = [
        name
        for name in dict.fromkeys(filter(None, wanted))
        if not any(
            (installed / f"{each}.list").exists() or any(installed.glob(f"{each}:*.list"))
            for each in (name, f"{name}t64")  # the suffix of a longer time
        )
    ]
    return f"sudo apt-get install -y {shlex.join(missing)}" if missing else None


def provide_here(
    project: ProjectSpec, root: Path, settings: AppSettings, *, given: bool
) -> Provided:
    """Provide for a project on one's own machine; a `given` predictor runs where its App runs.

    Raises:
        ProjectError: cog.yaml's requirements cannot be read.
        SetupError: Weights cannot be fetched, or the environment cannot be made.
    """
    # Whoever only asks for the model's Python does without what serves and fetches.
    from cogfal.provision import provide  # noqa: PLC0415
    from cogfal.server.lifespan import Provided, provide_own  # noqa: PLC0415

    config = read_config(Path(project.config)) if project.config else CogConfig()
    project = looked_up_here(project, config)
    if given:
        return Provided(provide(project, root))
    python = local_python(config, root, settings.environment.environment)
    return (
        Provided(provide(project, root)) if python is None else provide_own(project, root, python)
    )


def looked_up_here(project: ProjectSpec, config: CogConfig) -> ProjectSpec:
    """Return it as it holds on this machine, whose variables and caches are no runner's.

    What cog.yaml's variables refer to is looked up here and not in an image, and download libraries
    keep their files where they always do.
    """
    planned = dict(config.variables())
    given = {name: value for name, value in project.variables if planned.get(name) != value}
    found = dict(config.variables(os.environ)) | given
    return project._replace(variables=tuple(found.items()), caches=())


def read_imported(ref: str, root: Path, role: Role, python: Path | None) -> PredictorSpec:
    """Return what the predictor `path.py:Name` says of itself, imported in a Python.

    None is the Python that runs this.

    Raises:
        PredictorError: It cannot be imported, or is no predictor.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415  # looking for a Python needs none

    path, _, name = ref.partition(":")
    with TemporaryDirectory(prefix="cogfal-") as folder:
        file = Path(folder, "answer.json")
        words = [str(file), str(root), path, name, role.value]
        done = _run(python, words, root)
        if not file.is_file():
            raise _failure(ref, (done.stderr.strip().splitlines() or ["it ended"])[-1])
        answer = json.loads(file.read_bytes())
    if "failed" in answer:
        raise _failure(ref, answer["failed"])
    if "wrong" in answer:
        what, where, remedy = answer["wrong"]
        named = where is not None and path in where
        raise PredictorError(what, where=where if named else ref, remedy=remedy)
    spec = from_plain(answer["spec"])
    assert isinstance(spec, PredictorSpec)
    return spec


def _run(python: Path | None, words: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    import subprocess  # noqa: PLC0415  # as `tempfile`

    interpreter = own_python() if python is None else python_at(python)
    return subprocess.run(  # noqa: S603  # the model's own Python, as its project asks
        [interpreter.path, "-c", _BOOT, _PACKAGE, *words],
        cwd=root,
        env=dict(interpreter.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _failure(ref: str, reason: str) -> PredictorError:
    return PredictorError(
        f"it cannot be read by importing: {reason}",
        where=ref,
        remedy="name what it needs in cog.yaml, or unset read_by_importing",
    )

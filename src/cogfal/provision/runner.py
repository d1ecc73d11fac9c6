"""Give a project what its author's code expects to find on the machine."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from cogfal.files.workspace import Scratch
from cogfal.provision.weights import place_weights
from cogfal.spec import ProjectSpec
from cogfal.user_cache import user_cache

COG_DIRECTORY: Final = Path("/src")
"""Where every project lies under Cog."""

DISK = Path("/data")
"""fal's persistent disk."""

_SCRIPT: Final = """#!{python}
import sys
sys.path.insert(0, {root!r})
from cogfal.provision.pget import main
sys.exit(main())
"""


def provide(
    project: ProjectSpec, root: Path, environ: MutableMapping[str, str] = os.environ
) -> Callable[[], None]:
    """Set the project's variables, place its weights in `root`, and put a `pget` on PATH.

    Caches of download libraries are moved only where their disk exists and nobody else has moved
    them, and Replicate's own `pget` stays where it is installed. On a runner, but on nobody's own
    machine, `/src` leads to the project.

    Args:
        project: What is provided for.
        root: Its directory on this machine.
        environ: The variables of the process in which the author's code will run.

    Returns:
        What removes the files that only this process needs, for its end.

    Raises:
        SetupError: Weights cannot be fetched.
    """
    # Before the caches: where cog.yaml says it, nobody moves them.
    environ.update(project.variables)
    for name, directory in project.caches:
        if _is_mounted(Path(directory)):
            environ.setdefault(name, directory)
    place_weights(project.weights, root, store=weights_store())
    withdraw = ExitStack()
    if os.environ.get("IS_ISOLATE_AGENT"):
        withdraw.enter_context(cog_directory(root))
    if shutil.which("pget", path=environ.get("PATH")) is None:
        withdraw.enter_context(_pget_on_path(environ))
    return withdraw.close


def make_model_environment(description: str, interpreter: str) -> Path:
    """Make the environment that was planned for this runner's disk, unless it is there.

    Where the runner has no such disk, it is made in the user's cache.

    Args:
        description: What it is made of, as `ModelEnvironment.to_json` writes it.
        interpreter: Where the plan expects its Python.

    Raises:
        SetupError: It cannot be made.
    """
    # Only where an App takes it along does a runner have it.
    from cogfal.environments import (  # noqa: PLC0415
        ModelEnvironment,
        environments_directory,
        make,
    )

    environment = ModelEnvironment.from_json(description)
    place = Path(interpreter).parent.parent
    cpu = environment.key(cpu=True) == place.name
    directory = place.parent if _is_mounted(place) else environments_directory()
    return make(environment, directory=directory, cpu=cpu, progress=_log)


def _log(line: str) -> None:
    sys.stderr.write(f"cogfal: {line}\n")


def _is_mounted(directory: Path) -> bool:
    """Whether the top-level directory, such as `/data`, is there to be written to."""
    disk = Path(*directory.parts[:2])
    return disk.is_dir() and os.access(disk, os.W_OK, effective_ids=True)


def weights_store(disk: Path = DISK) -> Path:
    """Return where downloads outlive this runner, or at least this process."""
    return (disk / "cogfal" if _is_mounted(disk) else user_cache()) / "weights"


@contextmanager
def _pget_on_path(environ: MutableMapping[str, str]) -> Iterator[None]:
    scratch = Scratch()
    directory = str(scratch.directory)
    install_pget(scratch.directory, Path(__file__).parents[2])
    environ["PATH"] = f"{directory}{os.pathsep}{environ.get('PATH', '')}"
    try:
        yield
    finally:
        # Whatever PATH has become by now.
        entries = environ.get("PATH", "").split(os.pathsep)
        environ["PATH"] = os.pathsep.join(each for each in entries if each != directory)
        scratch.close()


def install_pget(directory: Path, root: Path) -> None:
    """Write an executable `pget` to `directory`, which is to be put on PATH.

    Args:
        directory: Where to write it.
        root: The directory that holds the package cogfal.
    """
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / "pget"
    script.write_text(_SCRIPT.format(python=sys.executable, root=str(root)), encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


@contextmanager
def cog_directory(root: Path, place: Path = COG_DIRECTORY) -> Iterator[None]:
    """Make `place` a link to the project, for authors who write `/src/config.yaml`.

    A directory that is there already stays; a link gives way, since a runner has one project. Where
    the link cannot be made, the log says so once.
    """
    made = _linked(root, place)
    try:
        yield
    finally:
        with suppress(OSError):  # it is gone, or no link any more
            if made and place.readlink() == root:  # else it is another runner's by now
                place.unlink()


def _linked(root: Path, place: Path) -> bool:
    """Make the link; return whether it was made here."""
    try:
        if place == root or not _gives_way(place, root):
            return False
        place.unlink(missing_ok=True)  # what a killed runner left behind
        place.symlink_to(root, target_is_directory=True)
    except FileExistsError:  # another runner on this machine made it at the same time
        return False
    except OSError as error:
        sys.stderr.write(
            f"cogfal: {place} cannot lead to the project in {root} ({error.strerror}); "
            f'if the predictor opens files in {place}, set kind = "container" on the App\n'
        )
        return False
    return True


def _gives_way(place: Path, root: Path) -> bool:
    """Tell whether nothing is there, or a link that leads elsewhere.

    Another runner may make it, or take it away, between two looks: none of them may fail for that.
    """
    try:
        is_link = stat.S_ISLNK(place.lstat().st_mode)
    except FileNotFoundError:
        return True
    return is_link and os.path.realpath(place) != os.path.realpath(root)

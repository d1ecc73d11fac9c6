"""Run the file that defines an App, as `fal run` does, and take the App out of it."""

from __future__ import annotations

import ast
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cogfal.errors import CogfalError, SettingError
from cogfal.local.session import LocalProject, find_project
from cogfal.project.config_reader import read_config
from cogfal.spec import Location

if TYPE_CHECKING:
    from cogfal.app import App

APP_FILE: Final = "app.py"
FAL_APP_FILE: Final = "fal_app.py"
"""The App's file where app.py is another thing: the predictor's, or somebody else's."""
MISSING_PACKAGE: Final = (
    "fal runs this file on the machine that deploys: install the package there, or name the "
    'predictor as text, `predictor = "predict.py:Predictor"`, which imports nothing of it'
)
MISTAKE: Final = "correct this line; fal runs this file on the machine that deploys"


def split_reference(text: str) -> tuple[Path, str | None]:
    """Split `app.py::App` into the file and the class, None where none is named."""
    file, _, name = text.partition("::")
    return Path(file), name or None


def defines_app(file: Path) -> bool:
    """Whether a file imports cogfal; somebody else's `app.py` must not be run to find out."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError):
        return False
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return any(name.partition(".")[0] == "cogfal" for name in names)


def find_app_file(directory: Path) -> Path:
    """Return where a project's App is, or would be: app.py, unless fal_app.py alone has one."""
    usual, beside = directory / APP_FILE, directory / FAL_APP_FILE
    return beside if defines_app(beside) and not defines_app(usual) else usual


def load_app(file: Path, name: str | None = None) -> type[App]:
    """Return the App that a file defines; the only one where `name` is None.

    The file is executed with its directory as an import root, and prints to stderr. What it imports
    must be installed.

    Raises:
        ProjectError: The file or the App is wrong, or it has no such App.
    """
    with redirect_stdout(sys.stderr):  # stdout is for what a command answers, not for fal's words
        from cogfal.app import App  # noqa: PLC0415  # imports fal, for which not everybody waits

        executed = _executed(file)
    found = {
        key: value
        for key, value in executed.items()
        if isinstance(value, type) and issubclass(value, App) and value is not App
    }
    listed = ", ".join(found) or "none"
    if name is not None and name not in found:
        raise SettingError(
            f"there is no App called {name}", where=str(file), remedy=f"name one of: {listed}"
        )
    if name is None and len(found) != 1:
        raise SettingError(
            f"there are {len(found)} Apps: {listed}" if found else "there is no App",
            where=str(file),
            remedy=f"name one as {file}::NAME" if found else "`cogfal migrate` writes one",
        )
    return found[name] if name is not None else next(iter(found.values()))


def open_project(directory: Path, ref: str | None = None) -> LocalProject:
    """Return a project as the App in app.py or fal_app.py has it, else as its cog.yaml says.

    Args:
        directory: The project, or the path of its cog.yaml.
        ref: The App, as `app.py::App`, or a predictor, as `predict.py:Predictor`, which no App
            serves; relative to `directory`.

    Raises:
        ProjectError: The project or its App is wrong.
    """
    project = find_project(directory)
    if ref is not None and "::" not in ref:
        return replace(project, named=ref)
    path, name = (None, None) if ref is None else split_reference(ref)
    file = find_app_file(project.root) if path is None else project.root / path
    if ref is None and not defines_app(file):
        return project
    app = load_app(file, name)
    if app.project is None:
        return project
    config = app.project.config
    return replace(
        project,
        root=Path(app.project.root),
        config=project.config if config is None else read_config(Path(config)),
        settings=app.checked_settings,
        served=app.project,
        given=app.given[0] if app.given else None,
    )


def _executed(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise SettingError(
            "there is no such file",
            where=str(file),
            remedy="name the file of the App, or let `cogfal migrate` write one",
        )
    path = str(file.resolve())
    with _at_home(file.parent.resolve()):
        try:
            return runpy.run_path(path, run_name="app")
        except CogfalError:
            raise
        except Exception as error:
            # The line of the file in which it came about.
            frames = reversed(traceback.extract_tb(error.__traceback__))
            line = next((frame.lineno for frame in frames if frame.filename == path), None)
            line = error.lineno if isinstance(error, SyntaxError) else line
            raise SettingError(
                f"{type(error).__name__}: {error}",
                where=Location(file.name, line or 1),
                remedy=MISSING_PACKAGE if isinstance(error, ImportError) else MISTAKE,
            ) from error


@contextmanager
def _at_home(directory: Path) -> Iterator[None]:
    """Make a directory the working one, and an import root after all others, as fal does."""
    before = Path.cwd()
    os.chdir(directory)
    sys.path.append(str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        os.chdir(before)

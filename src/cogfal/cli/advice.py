"""Say which line of a project asks for what its code could not find."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Final

from cogfal.errors import AdvisedError, CogfalError
from cogfal.local import LocalProject

_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
_PROGRAM: Final = re.compile(r"No such file or directory: '([\w.+-]+)'|([\w.+-]+): not found")
_DISTRIBUTIONS: Final = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "OpenSSL": "pyopenssl",
    "Crypto": "pycryptodome",
    "google.protobuf": "protobuf",
}
"""Modules whose distribution has another name, among those that models import most."""


def advise(error: CogfalError, project: LocalProject) -> CogfalError:
    """Return an error that says what brings the module or program that is missing."""
    text = error.what if isinstance(error, AdvisedError) else str(error)
    remedy = _for_module(text, project) or _for_program(text, project)
    if remedy is None:
        return error
    advised = AdvisedError(text, remedy=remedy)
    advised.__cause__ = error.__cause__
    return advised


def _for_module(text: str, project: LocalProject) -> str | None:
    found = _MODULE.search(text)
    if found is None:
        return None
    name = _distribution(found[1])
    for place, line in _requirements(project):
        if _named(line) == _canonical(name):
            return (
                f"{place} asks for {line}, which the present environment lacks: "
                f'`pip install "{line}"`, or run without --here'
            )
    return f"name {name} under build.python_packages in {project.config.name}"


def _for_program(text: str, project: LocalProject) -> str | None:
    found = _PROGRAM.search(text)
    program = found and (found[1] or found[2])
    if not program or "." in program or shutil.which(program):
        return None
    wanted = project.config.build.system_packages
    here = f"here `apt-get install {program}` brings it"
    if program in wanted:
        place = project.config.where(f"build.system_packages[{wanted.index(program)}]")
        return f"{place} asks for it; {here}"
    return f"name {program} under build.system_packages in {project.config.name}; {here}"


def _requirements(project: LocalProject) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each line that asks for a package."""
    build = project.config.build
    for index, line in enumerate(build.python_packages):
        yield str(project.config.where(f"build.python_packages[{index}]")), line
    if build.python_requirements is not None:
        file = project.root / build.python_requirements
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        for number, line in enumerate(lines, 1):
            yield f"{build.python_requirements}:{number}", line.strip()


def _distribution(module: str) -> str:
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(module) or _DISTRIBUTIONS.get(top) or top.replace("_", "-")


def _named(line: str) -> str:
    return _canonical(re.split(r"[\s<>=!~;\[@(]", line, maxsplit=1)[0])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

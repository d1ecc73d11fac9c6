"""What a generated Dockerfile runs makes an environment: its commands, below a directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cogfal.environments import find_interpreter
from cogfal.environments.interpreters import find_uv
from cogfal.project.plan import Environment
from tests.environments.packages import wheel
from tests.interpreters import INTERPRETERS
from tests.project import parsed
from tests.project.cases import Case

HERE = f"3.{sys.version_info.minor}"
OTHER = next(name for name in reversed(INTERPRETERS) if name not in {HERE, "3.7"})


def planned(project: Path, *more: str) -> Environment:
    """A project of another Python, whose packages lie in it, with layers of the App's own."""
    for name in ("alpha", "beta", "gamma"):
        wheel(project / "wheels", name)
    text = "\n".join(
        [
            "build:",
            f'  python_version: "{OTHER}"',
            "  python_requirements: requirements.txt",
            "  run:",
            "    - pip install --no-index --find-links /src/wheels beta",
            "    - python -c \"import alpha, os; print(os.environ['SEEN'])\"",
            *more,
            "environment: [SEEN=yes]",
            "predict: predict.py:P",
        ]
    )
    files = {"requirements.txt": "--no-index\n--find-links ./wheels\nalpha\n"}
    layers = (("--no-index", "--find-links", "/src/wheels", "gamma"),)
    return Case("x", text, files, {"layers": layers, "client_python": HERE}).plan(project)


def build(dockerfile: str, project: Path, root: Path) -> dict[str, str]:
    """Carry out the instructions below `root`, as far as they make Pythons; returns the ENV."""
    environ = {"PATH": f"{root}/usr/local/bin:{root}/bin:{os.defpath}", "HOME": str(root)}
    environ["UV_PYTHON_DOWNLOADS"] = "never"
    arguments: dict[str, str] = {}
    for name, value in parsed.instructions(dockerfile):
        text = _below(value, root)
        match name:
            case "ARG":
                key, _, content = text.partition("=")
                arguments[key] = content.strip('"')
            case "ENV" if value.startswith("PATH="):
                environ["PATH"] = (
                    text.partition('"')[2].rstrip('"').replace("$PATH", environ["PATH"])
                )
            case "COPY" if value.startswith("["):
                folder = "wheels" if "wheels" in value else "."
                shutil.copytree(project / folder, root / "src" / folder, dirs_exist_ok=True)
            case "RUN" if "apt-get" not in value:
                subprocess.run(
                    ["/bin/sh", "-c", text], env={**environ, **arguments}, check=True, cwd=root
                )
    return environ


def _below(text: str, root: Path) -> str:
    for place in ("/opt/", "/src/", "/usr/local/"):
        text = text.replace(place, f"{root}{place}")
    return text


def base(root: Path) -> None:
    """What the build starts from: uv, and the Pythons that it would install."""
    (root / "bin").mkdir(parents=True)
    (root / "src").mkdir()
    (root / "bin/uv").symlink_to(find_uv())
    for version in (HERE, OTHER):
        found = find_interpreter(version)
        installed = root / f"opt/uv/cpython-{found.version}-linux-x86_64-gnu"
        installed.mkdir(parents=True)
        for part in ("bin", "include", "lib"):
            (installed / part).symlink_to(found.path.resolve().parent.parent / part)


def said(python: Path | str, program: str, environ: dict[str, str]) -> str:
    """What a program prints."""
    command = [python, "-c", program]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), id="slim"),
        pytest.param(("  gpu: true", '  cuda: "12.4"'), id="cuda", marks=pytest.mark.long),
    ],
)
def test_the_model_has_its_packages_and_fal_its_own_python(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    """Requirements, lines of `run` and the App's layers are the model's; fal's side is empty."""
    project, root = tmp_path / "project", tmp_path / "root"
    project.mkdir()
    environment = planned(project, *more)
    assert environment.dockerfile is not None
    base(root)
    if not more:  # the base image's Python, which pip may write to
        python = find_interpreter(OTHER).path
        subprocess.run([python, "-m", "venv", root / "usr/local"], check=True)

    environ = build(environment.dockerfile, project, root)

    names = "alpha, beta, gamma, sys"
    version = f"import {names}; print('%d.%d' % sys.version_info[:2])"
    assert said(f"{root}{environment.interpreter}", version, environ) == f"{OTHER}\n"
    program = (
        "import importlib.util as u, sys; "
        "print('%d.%d' % sys.version_info[:2], bool(u.find_spec('pip')), u.find_spec('alpha'))"
    )
    first = shutil.which("python", path=environ["PATH"])
    assert first == f"{root}/opt/fal/bin/python"
    assert said(first, program, environ) == f"{HERE} True None\n"
    assert (root / "src/predict.py").is_file()

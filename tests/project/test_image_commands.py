"""What a generated Dockerfile runs makes an environment: its commands, below a directory."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogfal.engine.guest_python import GuestPython, guest_variables
from cogfal.engine.service import Service
from cogfal.environments.interpreters import find_interpreter, find_uv
from cogfal.project.config_reader import read_config
from cogfal.project.plan import PlannedEnvironment, plan_environment
from cogfal.reading import read_predictor
from tests.engine.stage import Passing, at_once, submit
from tests.environments.packages import wheel
from tests.interpreters import INTERPRETERS
from tests.project import parsed
from tests.project.cases import Case, plan_settings

HERE = f"3.{sys.version_info.minor}"
OTHER = next(name for name in reversed(INTERPRETERS) if name not in {HERE, "3.7"})


def planned(project: Path, *more: str) -> PlannedEnvironment:
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
            case "RUN" if "apt-get" not in value and "pyenv-installer" not in value:
                words = re.sub(r"^(--mount=\S+\s+)+", "", text)
                subprocess.run(
                    ["/bin/sh", "-c", words], env={**environ, **arguments}, check=True, cwd=root
                )
    return environ


def _below(text: str, root: Path) -> str:
    for place in ("/opt/", "/src/", "/usr/local/", "/root/.pyenv/"):
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


def virtualenv(python: Path, place: Path) -> None:
    """Make an environment with pip in it, which is unpacked and not installed."""
    make = [sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update"]
    subprocess.run([*make, "--python", str(python), str(place)], check=True)


def said(python: Path | str, program: str, environ: dict[str, str]) -> str:
    """What a program prints."""
    command = [python, "-c", program]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


CUDA = ("  gpu: true", '  cuda: "12.4"')


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), id="slim"),
        pytest.param(CUDA, id="cuda", marks=pytest.mark.long),
    ],
)
def test_the_model_has_its_packages_and_fal_its_own_python(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    """Requirements, lines of `run` and the App's layers are the model's; fal's side is empty."""
    project, root = tmp_path / "project", tmp_path / "root"
    project.mkdir()
    environment = planned(project, *more)
    (project / "predict.py").write_text(PREDICTOR)
    assert environment.dockerfile is not None
    base(root)
    if not more:  # the base image's Python, which pip may write to
        python = find_interpreter(OTHER).path
        virtualenv(python, root / "usr/local")

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
    python = Path(f"{root}{environment.interpreter}")
    interpreter = GuestPython(str(python), guest_variables(python, {**environ, "SEEN": "yes"}))
    assert answer(root / "src", interpreter).startswith(f"{OTHER} 1.0 1.0 yes ")


PREDICTOR = """
import alpha, gamma, os, sys
from cog import BasePredictor

class P(BasePredictor):
    def predict(self) -> str:
        where = "%d.%d" % sys.version_info[:2]
        return " ".join([where, alpha.VERSION, gamma.VERSION, os.environ["SEEN"], sys.executable])
"""
OF_COG = f"""\
#syntax=docker/dockerfile:1.4
FROM nvidia/cuda:12.4.1-cudnn9-devel-ubuntu22.04
ENV DEBIAN_FRONTEND=noninteractive
ENV PATH="/root/.pyenv/shims:/root/.pyenv/bin:$PATH"
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update -qq && \\
    apt-get install -qqy curl git && rm -rf /var/lib/apt/lists/*
RUN curl -s -S -L https://pyenv.invalid/pyenv-installer | bash && \\
    pyenv install-latest "{OTHER}" && pyenv global $(pyenv install-latest --print "{OTHER}")
COPY .cog/tmp/build41438/cog-0.9.4-py3-none-any.whl /tmp/cog-0.9.4-py3-none-any.whl
RUN --mount=type=cache,target=/root/.cache/pip pip install /tmp/cog-0.9.4-py3-none-any.whl
COPY .cog/tmp/build41438/requirements.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip pip install -r /tmp/requirements.txt
RUN python -m pip --version > /opt/which-pip
WORKDIR /src
EXPOSE 5000
CMD ["python", "-m", "cog.server.http"]
COPY . /src
"""


def test_a_dockerfile_of_cogs_serves_with_the_python_that_it_installs(tmp_path: Path) -> None:
    """Which lies where Cog puts it, behind pyenv's shims; it is found again behind fal's."""
    project, root = tmp_path / "project", tmp_path / "root"
    project.mkdir()
    planned(project)
    (project / "Dockerfile").write_text(OF_COG)
    (project / "predict.py").write_text(PREDICTOR)
    config = read_config(project / "cog.yaml")
    layers = (("--no-index", "--find-links", "/src/wheels", "gamma"),)
    settings = {"dockerfile": Path("Dockerfile"), "layers": layers, "client_python": HERE}
    environment = plan_environment(config, project, plan_settings(**settings))
    base(root)
    installed = pyenv(root)

    assert environment.dockerfile is not None
    environ = build(environment.dockerfile, project, root)

    python = Path(f"{root}{environment.interpreter}")
    interpreter = GuestPython(str(python), guest_variables(python, {**environ, "SEEN": "yes"}))
    assert str(installed) in (root / "opt/which-pip").read_text()
    assert answer(project, interpreter) == f"{OTHER} 1.0 1.0 yes {installed}/bin/python"


def pyenv(root: Path) -> Path:
    """A Python under pyenv, as its installer leaves it; returns its directory."""
    installed = root / "root/.pyenv/versions" / find_interpreter(OTHER).version
    virtualenv(find_interpreter(OTHER).path, installed)
    shims = root / "root/.pyenv/shims"
    shims.mkdir()
    for name in ("python", "pip"):
        (shims / name).write_text(f'#!/bin/sh\nexec {installed}/bin/{name} "$@"\n')
        (shims / name).chmod(0o755)
    return installed


def answer(project: Path, interpreter: GuestPython) -> Any:
    """What a predictor answers that is served with an interpreter."""

    async def main() -> Any:
        spec = read_predictor("predict.py:P", project)
        service = Service(spec, project, Passing(), interpreter=lambda: interpreter)
        try:
            await service.setup()
            return await submit(service).result()
        finally:
            await service.shutdown(at_once())

    return asyncio.run(main())

"""Tests of what is known of the frameworks that a project installs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from cogfal.project import hardware
from cogfal.project.config_reader import parse_config
from cogfal.project.frameworks import (
    frameworks,
    newest_allowed,
    tensorflow_release,
    with_commands,
)
from cogfal.project.requirements import pin_of_wheel
from tests.project.cases import Case
from tests.project.test_machine_choice import packages


@pytest.mark.parametrize(
    ("specifier", "version"),
    [
        ("", None),
        (">=1.0", None),
        ("==2.1.0", (2, 1)),
        ("==2.1.*", (2, 1)),
        ("~=2.1", None),
        ("~=1.9", (1, 13)),
        ("~=2.1.2", (2, 1)),
        ("===2.1.0+cu118", (2, 1)),
        ("===build-7", None),
        ("<2.2", (2, 1)),
        (">=1.10,<2", (1, 13)),
        ("<99", None),
        ("<1.0", None),
    ],
)
def test_the_version_that_would_be_installed(
    specifier: str, version: tuple[int, int] | None
) -> None:
    """A pin and an upper bound tell the release; anything else means the newest."""
    assert newest_allowed(SpecifierSet(specifier), hardware.TORCH) == version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("tensorflow==2.15.0", (2, 15)),
        ("tensorflow[and-cuda]==2.15.0", None),
        ("tensorflow[and-cuda]==2.13.1", (2, 13)),
        ("tensorflow[and-cuda]", None),
        ("tensorflow", None),
    ],
)
def test_tensorflow_that_needs_cuda_of_the_system(
    text: str, version: tuple[int, int] | None
) -> None:
    """Without `[and-cuda]`, which 2.14 was the first to have, a pinned one loads the image's."""
    assert tensorflow_release(packages(text)) == version


INDEX = "https://download.pytorch.org/whl"
WHEEL = f"{INDEX}/cu113/torch-1.11.0%2Bcu113-cp38-cp38-linux_x86_64.whl"


@pytest.mark.parametrize(
    ("required", "command", "found"),
    [
        ("numpy", f"pip install torch==1.11.0+cu113 -f {INDEX}/torch_stable.html", "1.11 11.3"),
        ("numpy", f"pip install torch==1.12.0 --index-url={INDEX}/cu116 numpy", "1.12 11.6"),
        ("numpy", "echo 1 && python -m pip install 'torch==2.0.1'", "2.0 11.7"),
        ("torch==1.13.1", f"pip install -U torch==2.1.2 -i {INDEX}/cu118", "2.1 11.8"),
        ("numpy", f"pip install {WHEEL}#sha256=1", "1.11 11.3"),
        ("numpy", f"pip install 'torch @ {WHEEL}'", "1.11 11.3"),
        ("torch==1.13.1", "pip install torch", "1.13 11.7"),
        ("torch==1.13.1", "pip install -t elsewhere torch==2.1.2", "1.13 11.7"),
    ],
)
def test_a_framework_that_a_command_installs_is_known(
    required: str, command: str, found: str
) -> None:
    """It takes the place of what the requirements name, and its build is the command's."""
    config = parse_config(yaml.safe_dump({"build": {"run": [command]}}))

    [each] = with_commands(config, packages(required))

    assert f"{each.version} {hardware.dotted(each.cuda)}" == found
    assert bool(each.alternatives) == found.startswith("1.13")


@pytest.mark.parametrize("text", [WHEEL, f"torch @ {WHEEL}"])
def test_a_framework_is_known_by_its_wheel(text: str) -> None:
    """Its version and its build are in the wheel's name, and no other build comes in its place."""
    [each] = frameworks(packages(text), (12, 1))

    assert (each.version, each.cuda, each.alternatives) == ("1.11", (11, 3), ())


@pytest.mark.parametrize("text", [f"{INDEX}/x.tar.gz", "git+https://github.com/x/torch", "x-1.whl"])
def test_what_is_no_wheel_names_no_version(text: str) -> None:
    """An archive's version is not known from its name."""
    assert pin_of_wheel(text) is None


@pytest.mark.parametrize(
    ("command", "release"),
    [("pip install tensorflow==2.9.1", (2, 9)), ("pip install tensorflow[and-cuda]", None)],
)
def test_a_tensorflow_that_a_command_installs_is_the_last(
    command: str, release: tuple[int, int] | None
) -> None:
    """It comes behind those of the requirements."""
    config = parse_config(yaml.safe_dump({"build": {"run": [command]}}))

    assert tensorflow_release(packages("tensorflow==2.15.0"), config) == release


def test_the_machine_and_the_image_follow_what_a_command_installs(tmp_path: Path) -> None:
    """On no other GPU would it run, and against no other CUDA could it compile."""
    command = f"pip install torch==1.10.0+cu113 -f {INDEX}/torch_stable.html && pip install -e ./x"
    build = {"gpu": True, "python_version": "3.8", "run": [command, "pip install flash-attn"]}

    plan = Case("x", yaml.safe_dump({"build": build, "predict": "predict.py:P"})).plan(tmp_path)

    assert plan.machine_type == "GPU-A100"
    assert plan.dockerfile is not None
    assert plan.dockerfile.startswith("FROM nvidia/cuda:11.3.1-")
